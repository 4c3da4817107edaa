"""What a worker's POP3 doors have counted since its start.

Counted by the verbs, read by the control door for the metrics.
Never labelled by client, account or letter.
Nothing here fails.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from hatoba.kit import counting

Meta = msgspec.Meta


class Counts(counting.Counters):
    """Plain integers; all but `open` only grow."""

    open: Annotated[int, Meta(description="POP3 connections open now")] = 0
    connections: Annotated[int, Meta(description="POP3 connections taken")] = 0
    turned_away: Annotated[int, Meta(description="POP3 connections refused at the greeting")] = 0
    tls: Annotated[int, Meta(description="TLS handshakes done by POP3 clients")] = 0
    logins: Annotated[int, Meta(description="Successful POP3 logins")] = 0
    failed_logins: Annotated[int, Meta(description="Failed POP3 logins")] = 0
    locked_out: Annotated[int, Meta(description="POP3 logins refused unseen after too many failures")] = 0
    commands: Annotated[int, Meta(description="POP3 commands answered")] = 0
    malformed: Annotated[int, Meta(description="Malformed, unknown or misplaced POP3 commands")] = 0
    retrieved: Annotated[int, Meta(description="Letters given out by RETR")] = 0
    deleted: Annotated[int, Meta(description="Letters removed at QUIT")] = 0
    store_troubles: Annotated[int, Meta(description="POP3 commands answered with -ERR because the store failed")] = 0
    timeouts: Annotated[int, Meta(description="POP3 connections closed for being idle")] = 0
    faults: Annotated[int, Meta(description="POP3 connections closed by an error of our own")] = 0

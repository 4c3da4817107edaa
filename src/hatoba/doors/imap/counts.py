"""What a worker's IMAP doors have counted since its start.

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
    """Plain integers; all but `open` and `idling` only grow."""

    open: Annotated[int, Meta(description="IMAP connections open now")] = 0
    idling: Annotated[int, Meta(description="IMAP connections in IDLE now")] = 0
    connections: Annotated[int, Meta(description="IMAP connections taken")] = 0
    turned_away: Annotated[int, Meta(description="IMAP connections refused at the greeting")] = 0
    tls: Annotated[int, Meta(description="TLS handshakes done by IMAP clients")] = 0
    logins: Annotated[int, Meta(description="Successful IMAP logins")] = 0
    failed_logins: Annotated[int, Meta(description="Failed IMAP logins")] = 0
    locked_out: Annotated[int, Meta(description="IMAP logins refused unseen after too many failures")] = 0
    commands: Annotated[int, Meta(description="IMAP commands answered")] = 0
    malformed: Annotated[int, Meta(description="Malformed, unknown or misplaced IMAP commands")] = 0
    appended: Annotated[int, Meta(description="Letters put into mailboxes by APPEND and REPLACE")] = 0
    fetched: Annotated[int, Meta(description="Letters asked for by FETCH")] = 0
    notices: Annotated[int, Meta(description="Times an idle IMAP client was told of a change")] = 0
    timeouts: Annotated[int, Meta(description="IMAP connections closed for being idle")] = 0
    faults: Annotated[int, Meta(description="IMAP connections closed by an error of our own")] = 0

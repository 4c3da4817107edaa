"""What a worker's SMTP doors have counted since its start.

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

    open: Annotated[int, Meta(description="Connections open now")] = 0
    connections: Annotated[int, Meta(description="Connections taken")] = 0
    turned_away: Annotated[int, Meta(description="Connections refused with 421 at the greeting")] = 0
    early: Annotated[int, Meta(description="Clients that spoke before the greeting")] = 0
    foreign: Annotated[int, Meta(description="Connections of programs that speak no SMTP")] = 0
    tls: Annotated[int, Meta(description="TLS handshakes done")] = 0
    logins: Annotated[int, Meta(description="Successful logins")] = 0
    failed_logins: Annotated[int, Meta(description="Failed logins")] = 0
    locked_out: Annotated[int, Meta(description="Logins refused unseen after too many failures")] = 0
    letters: Annotated[int, Meta(description="Letters accepted")] = 0
    octets: Annotated[int, Meta(description="Octets of accepted letters")] = 0
    recipients: Annotated[int, Meta(description="Recipients of accepted letters")] = 0
    refused_senders: Annotated[int, Meta(description="MAIL commands refused")] = 0
    refused_recipients: Annotated[int, Meta(description="RCPT commands refused")] = 0
    refused_letters: Annotated[int, Meta(description="Letters refused at the end of their content")] = 0
    shed: Annotated[int, Meta(description="Connections and MAIL commands refused for want of disk or memory")] = 0
    malformed: Annotated[int, Meta(description="Malformed, unknown or misplaced commands")] = 0
    timeouts: Annotated[int, Meta(description="Connections closed for being idle or too slow")] = 0
    faults: Annotated[int, Meta(description="Connections closed by an error of our own")] = 0
    signed: Annotated[int, Meta(description="Letters of ours signed with DKIM")] = 0
    unsigned: Annotated[int, Meta(description="Letters of ours that went out unsigned for want of a usable key")] = 0
    store_troubles: Annotated[int, Meta(description="Letters answered with 451 because the store failed")] = 0

"""What a worker's ManageSieve doors have counted since its start.

Counted by the verbs, read by the control door for the metrics.
Never labelled by client, account or script.
Nothing here fails.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from hatoba.kit import counting

Meta = msgspec.Meta


class Counts(counting.Counters):
    """Plain integers; all but `open` only grow."""

    open: Annotated[int, Meta(description="ManageSieve connections open now")] = 0
    connections: Annotated[int, Meta(description="ManageSieve connections taken")] = 0
    turned_away: Annotated[int, Meta(description="ManageSieve connections refused at the greeting")] = 0
    tls: Annotated[int, Meta(description="TLS handshakes done by ManageSieve clients")] = 0
    logins: Annotated[int, Meta(description="Successful ManageSieve logins")] = 0
    failed_logins: Annotated[int, Meta(description="Failed ManageSieve logins")] = 0
    locked_out: Annotated[int, Meta(description="ManageSieve logins refused unseen after too many failures")] = 0
    commands: Annotated[int, Meta(description="ManageSieve commands answered")] = 0
    malformed: Annotated[int, Meta(description="Malformed, unknown or misplaced ManageSieve commands")] = 0
    put: Annotated[int, Meta(description="Sieve scripts kept")] = 0
    faulty: Annotated[int, Meta(description="Sieve scripts refused because they do not compile")] = 0
    timeouts: Annotated[int, Meta(description="ManageSieve connections closed for being idle")] = 0
    faults: Annotated[int, Meta(description="ManageSieve connections closed by an error of our own")] = 0

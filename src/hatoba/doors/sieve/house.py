"""House: what all ManageSieve doors of a worker share: the rooms below, the clock, the counters.

Made by app, once a worker; read by every session.
Never decides and never keeps a session.
Fails never.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hatoba.doors.login.login import Login
from hatoba.doors.sieve.counts import Counts
from hatoba.doors.sieve.settings import Settings
from hatoba.mailboxes.post import Post
from hatoba.net import session
from hatoba.net.headroom import Headroom
from hatoba.net.limits import SharedCounters
from hatoba.net.tls import ServerTls


@dataclass(frozen=True, slots=True)
class House:
    """`clock()` gives ms since 1970. `tls` None: no listener offers TLS. `version` "": it is not told to clients."""

    settings: Settings
    hostname: str
    login: Login
    post: Post
    clock: Callable[[], int]
    counters: SharedCounters
    headroom: Headroom
    log: session.Log
    tls: ServerTls | None = None
    version: str = ""
    counts: Counts = field(default_factory=Counts)

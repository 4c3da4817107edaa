"""House: what all IMAP doors of a worker share: the rooms below, the clock, the counters.

Made by app, once a worker; read by every session.
Never decides and never keeps a session: doors register here only to be drained.
Fails never.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hatoba.doors.imap.counts import Counts
from hatoba.doors.imap.settings import Settings
from hatoba.doors.login.login import Login
from hatoba.mailboxes.post import Post
from hatoba.net import session
from hatoba.net.headroom import Headroom
from hatoba.net.limits import SharedCounters
from hatoba.net.tls import ServerTls
from hatoba.store.blobs import Draft


@dataclass(frozen=True, slots=True)
class House:
    """`clock()` gives ms since 1970. `draft()` begins a file for the letter that is being appended.

    `tls` None: no listener offers TLS.
    """

    settings: Settings
    hostname: str
    login: Login
    post: Post
    draft: Callable[[], Draft]
    clock: Callable[[], int]
    counters: SharedCounters
    headroom: Headroom
    log: session.Log
    tls: ServerTls | None = None
    version: str = ""
    counts: Counts = field(default_factory=Counts)

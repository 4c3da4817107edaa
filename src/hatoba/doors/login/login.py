"""Login: what all doors of a worker share of letting people in: who is who, the counters, the threads.

Made by app, once a worker; each connection that logs in has an Exchange with it.
Never keeps a connection, never a secret beyond the check of it.
Fails never.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from hatoba.directory.credentials import Checked
from hatoba.directory.directory import Directory
from hatoba.doors.login.settings import Settings
from hatoba.net.limits import SharedCounters

_THREADS = 2  # a check takes 16 ms of a core and 19 MiB


class Login:
    """`tokens(name, token)` says whose account (its key) a bearer token opens, "" for nobody; without it XOAUTH2 and
    OAUTHBEARER are not offered. `settings` may be replaced while connections stand. `clock()` gives ms since 1970."""

    def __init__(
        self,
        settings: Settings,
        directory: Directory,
        counters: SharedCounters,
        clock: Callable[[], int],
        *,
        tokens: Callable[[str, str], Awaitable[str]] | None = None,
    ) -> None:
        self.settings = settings
        self.directory = directory
        self.counters = counters
        self.clock = clock
        self.tokens = tokens
        self.secret = secrets.token_bytes(32)  # makes SCRAM's decoys
        self.threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="passwords")
        self.checking: set[asyncio.Future[Checked]] = set()  # passwords and tokens under way

    def mechanisms(self, *, secured: bool, bindable: bool = False) -> tuple[str, ...]:
        """The SASL mechanisms to offer on a connection, the best first; none before TLS.

        `bindable`: net.tls.bindings gives something for it.
        """
        if not secured:
            return ()
        plus = ("SCRAM-SHA-256-PLUS",) if bindable and self.settings.channel_binding else ()
        bearer = () if self.tokens is None else ("XOAUTH2", "OAUTHBEARER")
        return (*plus, "SCRAM-SHA-256", "PLAIN", "LOGIN", *bearer)

    def close(self) -> None:
        """Lets the threads go when the checks under way are over."""
        self.threads.shutdown(wait=False)

"""Publication: looks in the DNS for our DKIM keys: new ones sign once they are seen, a lost record is told of.

Run by the first worker of each node. Nodes that look at the same time come to the same end.
Never takes a key out of use for a record that is missing: the DNS may be at fault, and the letters go on.
Fails never: what went wrong is logged, the next look may do better.
"""

import asyncio
from collections.abc import Callable

import structlog

from hatoba.app import looking
from hatoba.directory.directory import Directory
from hatoba.directory.dkim import changes
from hatoba.directory.dkim_key import Key
from hatoba.mailauth.dkim import published
from hatoba.net.dns import Resolver
from hatoba.store.trouble import StoreTrouble

FIRST = 2.0  # seconds until the first look
NOWHERE = ("test", "invalid", "localhost")  # top-level domains that no DNS has  # RFC 2606 §2
STANDING = 3_600_000  # ms between two looks for a key that signs


class Publication:
    """`every`: seconds between two looks for keys that wait; `clock`: ms since 1970."""

    def __init__(
        self, directory: Directory, resolver: Resolver, clock: Callable[[], int], every: Callable[[], float]
    ) -> None:
        self._directory = directory
        self._resolver = resolver
        self._clock = clock
        self._every = every
        self._seen: dict[tuple[str, str], int] = {}  # when a key that signs was looked for
        self._log = structlog.get_logger("dkim")

    async def run(self) -> None:
        """Looks until it is cancelled."""
        await asyncio.sleep(FIRST)
        while True:
            try:
                await self.look()
            except Exception:  # noqa: BLE001  the next look may do better
                self._log.exception("looking for published keys failed")
            await asyncio.sleep(self._every())

    async def look(self) -> list[Key]:
        """One look; the keys that were taken into use."""
        now, begun = self._clock(), list[Key]()
        for key in [key for keys in self._directory.snapshot().dkim.values() for key in keys]:
            if key.domain.rpartition(".")[2] in NOWHERE:
                continue
            state = key.state(now)
            if state == "waiting":
                found = await looking.drive(published.look(key.domain, key.selector, key.record), self._resolver)
                if found.state == "ok" and await self._begin(key):
                    begun.append(key)
            elif state == "signing":
                await self._still_there(key, now)
        return begun

    async def _begin(self, key: Key) -> bool:
        try:
            made = await asyncio.to_thread(changes.begin, self._directory, key.domain, key.selector, self._clock())
        except StoreTrouble as error:
            self._log.error("DKIM key not taken into use", domain=key.domain, selector=key.selector, why=str(error))
            return False
        if made is None:
            return False
        self._log.info(
            "DKIM key seen in the DNS, it signs from now on",
            domain=key.domain, selector=key.selector, instead_of=list(key.replaces),
        )  # fmt: skip
        return True

    async def _still_there(self, key: Key, now: int) -> None:
        name = (key.domain, key.selector)
        if now - self._seen.get(name, -STANDING) < STANDING:
            return
        self._seen[name] = now
        found = await looking.drive(published.look(key.domain, key.selector, key.record), self._resolver)
        if found.state in ("missing", "differs"):
            self._log.warning(
                "a DKIM key that signs is not published: receivers cannot verify our letters",
                domain=key.domain, selector=key.selector, why=found.why, fix=f"hatoba dns {key.domain}",
            )  # fmt: skip

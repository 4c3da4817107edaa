"""Filtering: the checks of a house from the settings, and the services that they consult.

Made by wiring once a worker, and by `hatoba explain` where no worker runs.
Never decides about a letter: the checks do.
Fails with ValueError on settings that make no sense.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hatoba.app import services
from hatoba.app.greylisting import Greylisting
from hatoba.app.settings import Settings
from hatoba.intake.asking import Consult, Work
from hatoba.intake.filters import build, rate
from hatoba.intake.roster import Filters
from hatoba.store import base

_THREADS = 2  # for what takes long to work out: more would take the processor from the event loop


class Filtering:
    """`register` opens the directory database, at the first need and in a thread."""

    def __init__(
        self, settings: Settings, hostname: str, counters: rate.Counters, register: Callable[[], base.Register]
    ):
        self.programs = services.Services()  # rspamd, clamd, milters, hooks
        self._hostname = hostname
        self._counters = counters
        self._threads = ThreadPoolExecutor(_THREADS, "filters")
        self._greylisting = Greylisting(settings.filter.greylist, register)

    def filters(self, settings: Settings, *, counting: bool = True) -> Filters:
        """The checks of these settings, which hold from now on. `counting` False: they look and count nothing."""
        self._greylisting.settings = settings.filter.greylist
        named = services.named(settings)
        self.programs.furnish(named)
        return build.build(
            settings.auth,
            settings.filter,
            hostname=self._hostname,
            services=named,
            counters=self._counters,
            counting=counting,
        )

    def services(self, *, counting: bool = True) -> dict[str, Callable[[Any], Any]]:
        """What the checks consult, by name. `counting` False: nothing is remembered of what is asked."""
        greylisting = self._greylisting if counting else self._greylisting.look
        return {**self.programs.mapping, "work": self._work, "greylist": greylisting}

    def _work(self, consult: Consult) -> "asyncio.Future[Any]":
        assert isinstance(consult.subject, Work)  # noqa: S101 # asking.work puts nothing else in
        return asyncio.get_running_loop().run_in_executor(self._threads, consult.subject.call)

    async def close(self) -> None:
        """Nothing is consulted any more."""
        await self._greylisting.close()
        await self.programs.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

"""Services: the programs a worker asks about letters: one client each, made from the settings, found by name.

Made by wiring once a worker and anew at a reload; net.asking calls them with a Consult, verbs reads their figures.
Never decides about a letter: the checks do.
Fails with ValueError on an address that is none; `faults` says so before.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Protocol

import msgspec
import structlog

from hatoba.app.numbers import counter, gauge
from hatoba.app.settings import Settings
from hatoba.doors.http.metrics import Sample
from hatoba.intake.asking import Consult
from hatoba.intake.filters import facts
from hatoba.intake.service_settings import Clamd, Hook, Milter, Rspamd
from hatoba.intake.service_settings import Service as Table
from hatoba.intake.service_settings import Services as Named
from hatoba.kit import breaker
from hatoba.model.opinion import Question
from hatoba.net import line
from hatoba.net.service import Service, Terms

_LAST = 120.0  # seconds after which clients of former settings are closed


class Client(Protocol):
    """What asks one service: a client in net."""

    def __call__(self, question: Question, /) -> Awaitable[Any]: ...
    def close(self) -> Awaitable[None]: ...


class Status(msgspec.Struct, frozen=True):
    """One service. `state`: closed (it is asked), open (it is not), half-open (one letter tries)."""

    name: str
    state: str
    trouble: str
    asked: int
    failed: int
    unasked: int


class Services:
    """All of a worker's. A service whose table is unchanged at a reload stays, with its connections and its state."""

    def __init__(self) -> None:
        self._log = structlog.get_logger("services")
        self._made: dict[str, tuple[Table, Service, Client]] = {}

    def furnish(self, wanted: Named) -> None:
        """Makes those that are new or changed; closes the others once nobody asks them any more."""
        before, self._made = self._made, {}
        for _, name, settings in _keyed(wanted):
            kept = before.get(name)
            if kept is not None and kept[0] == settings:
                self._made[name] = before.pop(name)
            else:
                client = _client(settings, self._log)
                terms = Terms(settings.timeout, settings.parallel, settings.failures, settings.pause)
                self._made[name] = (settings, Service(name, terms, client, self._log), client)
        for _, _, client in before.values():
            asyncio.get_running_loop().call_later(_LAST, _close, client)

    def __call__(self, consult: Consult) -> Awaitable[Any]:
        """Asks the service that is named."""
        return self._made[consult.service][1](facts.question(consult))

    @property
    def mapping(self) -> Mapping[str, Callable[[Consult], Awaitable[Any]]]:
        """For net.asking: by the first word of a service's name."""
        return dict.fromkeys(("rspamd", "clamd", "milter", "hook"), self)

    def status(self) -> list[Status]:
        return [
            Status(name, service.breaker.state, service.trouble, *msgspec.structs.astuple(service.counts))
            for name, (_, service, _) in self._made.items()
        ]

    def samples(self) -> Iterator[Sample]:
        """For /metrics."""
        for each in self.status():
            yield counter("service_asked", "Letters a service was asked about", each.asked, service=each.name)
            yield counter("service_failed", "Questions a service did not answer", each.failed, service=each.name)
            about = "Letters a service was not asked about because it had failed or was busy"
            yield counter("service_unasked", about, each.unasked, service=each.name)
            shut = float(each.state != breaker.CLOSED)
            yield gauge("service_open_circuits", "Workers that do not ask a service for now", shut, service=each.name)

    async def close(self) -> None:
        """Ends the connections that rest."""
        for _, _, client in self._made.values():
            await client.close()


def named(settings: Settings) -> Named:
    """The tables of the settings file that name services."""
    return Named(settings.rspamd, settings.clamd, settings.milter, settings.hook)


def faults(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """(key, what is wrong, the fix) of what a type cannot say."""
    seen = set()
    for key, name, table in _keyed(named(settings)):
        if name in seen:
            yield f"{key}.name", f"{name} is there twice", "Give each its own name."
        seen.add(name)
        try:
            _client(table, None)
        except ValueError as error:
            yield f"{key}.{'url' if isinstance(table, Rspamd | Hook) else 'address'}", str(error), "Mend it."
        if table.timeout >= settings.filter.patience:
            fix = "Let it be shorter: else the answer comes when nobody waits for it, and on_failure does not count."
            yield f"{key}.timeout", "not below filter.patience", fix
    if sum(milter.timeout for milter in settings.milter) >= settings.filter.patience:
        fix = "They are asked one after the other: shorten them, or give more patience."
        yield f"milter[{len(settings.milter) - 1}].timeout", "all milters' together are not below filter.patience", fix


def _keyed(wanted: Named) -> Iterator[tuple[str, str, Table]]:
    """(where it stands in the file, its name, its table) of each service that has an address."""
    if wanted.rspamd.url:
        yield "rspamd", "rspamd", wanted.rspamd
    if wanted.clamd.address:
        yield "clamd", "clamd", wanted.clamd
    for index, milter in enumerate(wanted.milter):
        yield f"milter[{index}]", f"milter {milter.name}", milter
    for index, hook in enumerate(wanted.hook):
        yield f"hook[{index}]", f"hook {hook.name}", hook


def _client(settings: Table, log: Any) -> Client:
    """The client of one table; httpx2 is loaded only where something speaks HTTP."""
    match settings:
        case Rspamd():
            from hatoba.net import rspamd

            return rspamd.Rspamd(
                settings.url,
                parallel=settings.parallel,
                password=settings.password,
                profile=settings.settings_id,
            )
        case Clamd():
            from hatoba.net import clamd

            return clamd.Clamd(line.place(settings.address), log)
        case Milter():
            from hatoba.net import milter

            most = 2 * settings.max_size + (1 << 20)
            return milter.Milter(line.place(settings.address), log, reuse=settings.reuse, most=most)
        case Hook():
            from hatoba.net import hook

            return hook.Hook(settings.url, parallel=settings.parallel, secret=settings.secret, content=settings.content)
    raise TypeError(f"no service: {settings!r}")


def _close(client: Client) -> None:
    task = asyncio.ensure_future(client.close())
    _closing.add(task)
    task.add_done_callback(_closing.discard)


_closing: set[asyncio.Future[None]] = set()  # the loop alone would let them go

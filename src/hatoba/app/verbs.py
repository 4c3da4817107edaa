"""The control verbs of a worker: what the command line and the supervisor may ask of it.

Called by worker. Never decides: each verb calls one room.
"""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol

import msgspec

from hatoba.app import orders as orders_
from hatoba.app import reporting
from hatoba.app.numbers import counter, gauge
from hatoba.app.settings import Settings
from hatoba.app.wiring import Rooms
from hatoba.doors.control.serve import Verb
from hatoba.doors.http.metrics import Sample
from hatoba.doors.smtp.house import House
from hatoba.intake.tally import Tally
from hatoba.reports.office import Office


class Worker(Protocol):
    """What the verbs need of a worker."""

    rooms: Rooms
    house: House
    office: Office

    @property
    def stops(self) -> bool: ...

    async def reload(self, settings: Settings) -> None: ...


async def _order(worker: Worker, verb: str, arguments: dict[str, Any]) -> list[Any]:
    """A queue verb on every shard of this worker; lists are joined."""
    results: list[Any] = []
    for queue in worker.rooms.queues:
        answer = await orders_.perform(queue.admin, verb, arguments)
        results += answer if isinstance(answer, list) else [answer]
    return results


def _lane(worker: Worker, arguments: dict[str, Any]) -> Any:
    for queue in worker.rooms.queues:
        status = queue.lane(str(arguments["site"]))
        if status is not None:
            return msgspec.to_builtins(status)
    return None


def _health(worker: Worker, arguments: dict[str, Any]) -> Any:
    short = worker.rooms.headroom.short(worker.house.clock())
    queues = [msgspec.to_builtins(queue.status()) for queue in worker.rooms.queues]
    takes = not worker.stops and not short
    services = [msgspec.to_builtins(each) for each in worker.rooms.services.status()]
    return {"takes_mail": takes, "short_of": short, "queues": queues, "services": services}


def _numbers(worker: Worker, arguments: dict[str, Any]) -> Any:
    reading = worker.rooms.reading
    counted = {"smtp": worker.house.counts} | {name: house.counts for name, house in reading._asdict().items()}
    samples = [
        counter(f"{protocol}_{name}", about, value)
        for protocol, counts in counted.items()
        for name, about, value in counts.rows()
    ]
    samples += _checks(worker.rooms.tally)
    for queue in worker.rooms.queues:
        status = queue.status()
        samples += [
            gauge("queue_jobs", "Jobs in the workers' memory", status.jobs),
            gauge("queue_unsettled", "Outcomes not on disk yet", status.unsettled),
            gauge("queue_lanes", "Lanes in the workers' memory", status.lanes),
        ]
    about = "Recipients by what became of them"
    for channel in worker.rooms.courier.status():
        for outcome in ("delivered", "deferred", "failed"):
            count = getattr(channel, outcome)
            samples.append(counter("delivery_recipients", about, count, kind=channel.kind, outcome=outcome))
        connections = gauge("delivery_connections", "Open connections outward", channel.connections, kind=channel.kind)
        samples.append(connections)
    samples += worker.rooms.services.samples()
    return msgspec.to_builtins(samples)


def _checks(tally: Tally) -> Iterator[Sample]:
    """What the checks of letters said."""
    about = "Verdicts of checks by what they call for"
    for (check, action), times in tally.verdicts.items():
        yield counter("check_verdicts", about, times, check=check, action=action)
    about = "Letters by what each method of authentication found"
    for (method, result), times in tally.results.items():
        yield counter("auth_results", about, times, method=method, result=result)


async def _reload(worker: Worker, arguments: dict[str, Any]) -> Any:
    await worker.reload(msgspec.convert(arguments["settings"], Settings))
    return True


async def _explain(worker: Worker, arguments: dict[str, Any]) -> Any:
    """What every check says of a letter that lies in our run folder."""
    from hatoba.app import explaining

    content = await asyncio.to_thread(worker.rooms.places.handed(str(arguments["file"])).read_bytes)
    question = msgspec.convert(arguments["question"], explaining.Question)
    told = await explaining.explain(worker.rooms.explained(), question, content)
    told.live = True
    return msgspec.to_builtins(told)


def of(worker: Worker) -> dict[str, Verb]:
    """Every verb by its name."""
    plain: dict[str, Callable[[Worker, dict[str, Any]], Any]] = {
        "ping": lambda worker, arguments: True,
        "lane": _lane,
        "health": _health,
        "numbers": _numbers,
        "reload": _reload,
        "explain": _explain,
    }
    found: dict[str, Verb] = {name: partial(function, worker) for name, function in plain.items()}
    found |= reporting.verbs(worker.rooms, worker.office)
    found |= {name: partial(_order, worker, name) for name in orders_.VERBS}
    return found

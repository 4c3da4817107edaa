"""The reports of one worker: which objects the room of reports works with.

Called by worker at its start.
Never decides what is reported, or to whom.
Fails never; what reports need is opened when it is first asked for.
"""

from __future__ import annotations

from typing import Any

from hatoba.app.wiring import Rooms
from hatoba.delivery import lookup
from hatoba.doors.control.serve import Verb
from hatoba.reports.means import Means
from hatoba.reports.office import Office
from hatoba.reports.posting import Poster


def office(rooms: Rooms) -> Office:
    """The office of a worker's reports; it runs on the worker's loop."""
    web = rooms.settings.delivery.mta_sts
    return Office(
        Means(
            settings=lambda: rooms.settings.reports,
            base=rooms.base,
            directory=rooms.directory,
            hostname=rooms.hostname,
            lies=rooms.mail.shelf(rooms.hostname),
            shards=lambda: {number: home.shard for number, home in rooms.homes.items()},
            ask=lambda engine: lookup.drive(engine, rooms.resolver),
            draw=rooms.draw,
            enqueue=rooms.take,
            post=Poster(rooms.resolver, private=web.private_addresses, ca_file=web.ca_file),
            clock=rooms.house.clock,
            owner=rooms.owner,
        )
    )


def verbs(rooms: Rooms, office: Office) -> dict[str, Verb]:
    """What the command line may ask of them."""

    async def gather(arguments: dict[str, Any]) -> int:
        await rooms.upkeep.flush()
        return await office.gather()

    async def send(arguments: dict[str, Any]) -> dict[str, int]:
        return await office.send(int(arguments["day"]))

    return {"report.gather": gather, "report.send": send}

"""Spools: which shards live on which PostgreSQL server, as the settings say it.

Called by server, which routes its connections by this, and by app's checks, which explain what is wrong.
Never connects to anything.
Fails with ValueError on a list of shards that cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from hatoba.store.settings import Database


class Fault(NamedTuple):
    """What is wrong with the spool number `spool`: of its field, in words, and what to write instead."""

    spool: int
    field: str
    text: str
    fix: str


def numbers(written: str) -> list[int]:
    """The shards of "8-15" or "3, 5, 8-11", in the order written; one written twice stands twice. ValueError."""
    found: list[int] = []
    for part in written.split(","):
        first, _, last = part.strip().partition("-")
        start, end = int(first), int(last or first)
        if end < start:
            raise ValueError(f"{part.strip()} ends before it begins")
        if end > 9999:  # also keeps "0-999999999" from becoming a list
            raise ValueError(f"{part.strip()} goes beyond any shard")
        found.extend(range(start, end + 1))
    return found


def urls(database: Database) -> list[str]:
    """Every server once; the first has the directory and the shards that no spool lists."""
    return list(dict.fromkeys((database.url, *(spool.url for spool in database.spool))))


def places(database: Database) -> dict[int, int]:
    """Of each shard that a spool lists the index of its server in `urls`. ValueError."""
    known = {url: index for index, url in enumerate(urls(database))}
    return {number: known[spool.url] for spool in database.spool for number in numbers(spool.shards)}


def faults(database: Database) -> Iterator[Fault]:
    """What no type can say: lists that overlap, shards that do not exist, servers that are not named."""
    owner: dict[int, int] = {}
    for index, spool in enumerate(database.spool):
        if not database.server:
            fix = "Set database.url to the server of the directory and of all shards that no spool lists."
            yield Fault(index, "url", "a spool without a server at database.url", fix)
        if not spool.url:
            yield Fault(index, "url", "no server is named", 'Give "postgresql://user:password@host/database".')
        try:
            listed = numbers(spool.shards)
        except ValueError as error:
            yield Fault(
                index, "shards", f"{spool.shards!r} names no shards: {error}", 'Write it like "8-15" or "3, 5".'
            )
            continue
        unknown = [number for number in listed if number >= database.shards]
        if unknown:
            fix = f"There are shards 0 to {database.shards - 1}: change the list, or raise database.shards."
            yield Fault(index, "shards", f"there is no shard {unknown[0]}", fix)
        for number in listed:
            if owner.setdefault(number, index) != index or listed.count(number) > 1:
                place = f"database.spool[{owner[number]}]"
                fix = "A shard lives on one server: leave it in one list only."
                yield Fault(index, "shards", f"shard {number} is in {place}.shards already", fix)
                break

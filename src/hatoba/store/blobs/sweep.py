"""Sweep: finds the objects of a shard that no row names, and removes those that are old enough.

A thread of its own, started by depot when the shard is open: after ten seconds, then every settings.sweep seconds.
Never removes what this process knows of, what is younger than the grace by the server's clock, or anything in a prefix
that belongs to another installation. Fails by a log line: the next round tries again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import structlog

from hatoba.kit import ids
from hatoba.store import trouble
from hatoba.store.blobs.bucket import OWNER, Bucket
from hatoba.store.blobs.objects import Entry, Missing

_FIRST = 10.0  # seconds: a command that opens the shard for a moment sweeps nothing
_PAGE = 500  # letters asked for at once
_log = structlog.get_logger("hatoba.store")

# The body's name in the row of each letter that there is, "" for a row that cannot be read.
Rows = Callable[[list[int]], dict[int, str]]


class Foreign(Exception):
    """The prefix belongs to another installation of hatoba."""


def own(bucket: Bucket, home: str) -> None:
    """Marks the prefix as ours, or finds it so; Foreign when it is another's, StoreTrouble when the store is away."""
    try:
        found = _owner(bucket)
    except Missing:
        bucket.objects.put(OWNER, home.encode())
        found = _owner(bucket)  # two that mark it at once both read the one that came last
    if found != home:
        raise Foreign(
            f"{bucket.objects.name} belongs to installation {found}, we are {home}: nothing is swept there. Give each "
            f"installation a prefix of its own; if the other one is gone, remove the object {OWNER!r}"
        )


def _owner(bucket: Bucket) -> str:
    return b"".join(bucket.objects.chunks(OWNER, 64)).decode("utf-8", "replace")


def once(bucket: Bucket, rows: Rows, grace: float) -> int:
    """One round; how many objects were removed. The listing comes first: a row written since is found all the same."""
    stamp = bucket.key("clock")
    bucket.objects.put(stamp, b"")
    now = bucket.objects.head(stamp).modified  # ages are told by one clock, and it is not ours
    removed = 0
    old = (entry for entry in bucket.objects.list(bucket.folder) if now - entry.modified >= grace)
    numbered = ((number, entry) for entry in old if (number := _number(entry)) is not None)
    for page in _pages(numbered):
        names = rows(sorted({number for number, _ in page}))
        orphans: list[str] = []
        for number, entry in page:
            name = names.get(number, bucket.named(number))
            if name and bucket.key(name) == entry.key:
                bucket.know(number, name)
            elif name != "":
                orphans.append(entry.key)
        if orphans:
            bucket.objects.delete(orphans)
            _log.info("store.swept", place=bucket.objects.name, objects=len(orphans), first=orphans[0])
            removed += len(orphans)
    return removed


def _number(entry: Entry) -> int | None:
    """The letter whose body it is; None for what is none of ours."""
    try:
        return ids.number(entry.key.rpartition("/")[2].partition(".")[0])
    except ValueError:
        return None


def _pages(found: Iterable[tuple[int, Entry]]) -> Iterator[list[tuple[int, Entry]]]:
    walking = iter(found)
    while page := list(islice(walking, _PAGE)):
        yield page


class Sweeper:
    """The thread."""

    def __init__(self, buckets: list[Bucket], rows: Rows, home: str, grace: float, every: float, name: str) -> None:
        self.rounds = 0
        self._buckets = buckets
        self._rows = rows
        self._home = home
        self._grace = grace
        self._every = every
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._live, name=name, daemon=True)
        self._thread.start()

    def _live(self) -> None:
        pause = min(_FIRST, self._every)
        while not self._end.wait(pause):
            for bucket in self._buckets:
                self._round(bucket)
            self.rounds += 1
            pause = self._every

    def _round(self, bucket: Bucket) -> None:
        try:
            own(bucket, self._home)
            once(bucket, self._rows, self._grace)
        except Foreign as error:
            _log.error("store.foreign", error=str(error))
        except trouble.StoreTrouble as error:
            _log.warning("store.not swept", place=bucket.objects.name, error=str(error))
        except Exception:  # noqa: BLE001  # a bug of ours costs a round, not the thread
            _log.exception("store.bug", place=bucket.objects.name)

    def close(self) -> None:
        """Ends it; a round under way ends by its own time-outs."""
        self._end.set()
        self._thread.join(timeout=1)

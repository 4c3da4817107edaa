"""Verify: reads every row, body and reference of a shard and says what does not fit.

Called by app with the forms that the rooms above keep in the rows; works beside a worker and without one.
Never writes (but for `tidy`). Reads inside one snapshot, so what a worker does meanwhile is no damage.
Fails never: what cannot be read is a finding.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from hatoba.kit import ids
from hatoba.model.envelope import Letter
from hatoba.store import (
    blobs,
    chain_check,
    export,
    journal,
    keeping,
    queue,
    rows,
    shard,
    spool,
    sql,
    sqlite,
    tables,
    trouble,
    words,
)
from hatoba.store.base import Base, Files
from hatoba.store.findings import Report
from hatoba.store.mailboxes import verify as mail
from hatoba.store.rows import EventRow, RecipientRow
from hatoba.store.sql import Multi, Reader, Tx

_EVENTS = 1000  # read at once
_YOUNG = 60.0  # seconds: a body without a row may be on its way into one
_BAD = (msgspec.DecodeError, KeyError, ValueError, TypeError, UnicodeDecodeError)
_LONELY = "SELECT id FROM letter WHERE NOT EXISTS (SELECT 1 FROM recipient WHERE recipient.letter = letter.id)"
_ORPHANS = (
    "SELECT letter, count(*) FROM recipient WHERE NOT EXISTS (SELECT 1 FROM letter WHERE id = recipient.letter)"
    " GROUP BY letter"
)
_STALE = "SELECT count(*), min(letter) FROM word WHERE NOT EXISTS (SELECT 1 FROM event WHERE letter = word.letter)"
_BODIES = Multi("SELECT id, size, blob, length(body) FROM letter WHERE id {among}", "i")
_RECIPIENTS = Multi(sql.text(tables.recipient.select()) + " WHERE letter {among}", "i")


class Forms(NamedTuple):
    """How the rooms above read what they keep in rows; each raises on what is none of its own."""

    event: Callable[[EventRow], object]
    postings: Callable[[EventRow], Sequence[words.Posting]]  # where the search index knows an event
    searched: str  # the index's cursor
    forgotten: str  # the cursor that names the last span the index forgot, or is forgetting
    params: Callable[[bytes], object]
    last: Callable[[bytes], object]
    lane: Callable[[rows.LaneRow], object]


def shards(home: Base, forms: Forms, progress: Callable[[str], None]) -> Iterator[Report]:
    """A report for each shard, as it is done; those of the mailboxes come last."""
    numbers = home.numbers()
    for number in numbers:
        progress(f"shard {number:04d}")
        report = Report(f"shard {number:04d}", {}, [])
        bodies = Bodies(home, number)
        try:
            with home.reader(number) as reader:
                _Check(number, reader, bodies, forms, report).run()
        except trouble.WrongVersion as error:
            report.add("revision", str(error))
        except trouble.StoreTrouble as error:
            report.add("database-unreadable", str(error))
        finally:
            bodies.close()
        yield report
    if isinstance(home, Files):
        yield from _without_database(home.data, numbers)
    yield from mail.shards(home, progress)


def _without_database(data: Path, numbers: list[int]) -> Iterator[Report]:
    """Folders of bodies whose shard is gone, and files that should be shards."""
    for folder in sorted((data / "blobs").glob("[0-9][0-9][0-9][0-9]")):
        names = [path.name for path in folder.iterdir() if _is_body(path.name)]
        if int(folder.name) not in numbers and names:
            report = Report(f"shard {folder.name}", {"bodies": len(names)}, [])
            report.add("database-unreadable", f"{shard.database(data, int(folder.name))} does not exist")
            report.add("body-without-letter", names[0], len(names))
            yield report


class Bodies:
    """The large bodies of one shard, in folders or in an object store, for who only looks."""

    def __init__(self, home: Base, number: int) -> None:
        self.folders = blobs.local(home.data, number, home.large)
        self._home, self._number = home, number
        self._open = contextlib.ExitStack()
        self._depot: blobs.Depot | None = None

    def wrong(self, blob: str, size: int) -> tuple[str, str] | None:
        """What is wrong with a body: the kind of damage and words. StoreTrouble when a place does not answer."""
        if "." in blob:
            return self._object(blob, size)
        found = max((_octets(folder / blob) for folder in self.folders), default=-1)
        if found < 0:
            return "body-missing", f"{self.folders[0] / blob} does not exist"
        return None if found == size else ("body-length", f"its file has {found} octets instead of {size}")

    def _object(self, blob: str, size: int) -> tuple[str, str] | None:
        """Reads the whole of it: its name holds its hash. The worker's own copies are left alone."""
        if self._depot is None:
            scratch = self._open.enter_context(tempfile.TemporaryDirectory(prefix="hatoba-verify-"))
            self._depot = blobs.Depot(Path(scratch), self._number, self._home.large, "a reader")
            self._open.callback(self._depot.close)
        try:
            for _ in self._depot.read(blob, size, keeping.PIECE):
                pass
        except blobs.Damaged as damaged:
            text = str(damaged)
            kinds = (("missing", "body-missing"), ("other octets", "body-hash"))
            return next((kind for words, kind in kinds if words in text), "body-length"), text
        return None

    def files(self) -> Iterator[Path]:
        """Every finished body in a folder."""
        for folder in self.folders:
            for path in sorted(folder.iterdir()) if folder.exists() else ():
                if _is_body(path.name):
                    yield path

    def close(self) -> None:
        self._open.close()


class _Check:
    """One shard's verification."""

    def __init__(self, number: int, reader: Reader, bodies: Bodies, forms: Forms, report: Report) -> None:
        self._number, self._reader, self._bodies, self._forms, self._report = number, reader, bodies, forms, report
        self._named: set[str] = set()  # bodies that rows name
        self._absent: list[tuple[int, str, str]] = []  # letters, the kind of damage, what is wrong with the body
        self._kept = 0  # the oldest span of the index: what is older may have been dropped for its age

    def run(self) -> None:
        with self._reading("integrity"):
            integrity(self._reader, self._report)
        with self._reader.snapshot():
            for step in (self._letters, self._references, self._events, self._chain, self._lanes):
                with self._reading(step.__name__.removeprefix("_")):
                    step()
        self._after()

    @contextlib.contextmanager
    def _reading(self, what: str) -> Iterator[None]:
        try:
            yield
        except trouble.StoreTrouble as error:
            self._report.add("table-unreadable", f"{what}: {error}")

    def _letters(self) -> None:
        for group in export.groups(self._reader):
            letters, troubles = spool.load_many(self._reader, group, content=False)
            for bad in troubles:
                self._report.add("letter-undecodable", f"{ids.text(bad.id)}: {bad}")
            for number in group:
                self._report.look("letters")
                if ids.part(number) != self._number:
                    self._report.add("letter-elsewhere", f"{ids.text(number)} is of shard {ids.part(number):04d}")
            for text, part in self._reader.parts(_BODIES, group):
                for row in self._reader.rows(text, part):
                    self._body(row, letters.get(row[0]))
            for text, part in self._reader.parts(_RECIPIENTS, group):
                for row in self._reader.rows(text, part):
                    self._recipient(RecipientRow(*row), letters)

    def _body(self, row: tuple[Any, ...], letter: Letter | None) -> None:
        number, size, blob, length = row
        self._report.look("bodies")
        name = ids.text(number)
        size = size if letter is None else letter.apart
        if not blob and length is None:
            self._report.add("body-missing", f"{name}: neither in its row nor in a file")
        elif not blob and length != size:
            self._report.add("body-length", f"{name}: {length} octets instead of {size}")
        elif blob:
            self._named.add(blob)
            wrong = self._bodies.wrong(blob, size)
            if wrong:
                self._absent.append((number, *wrong))

    def _recipient(self, row: RecipientRow, letters: dict[int, Letter]) -> None:
        self._report.look("recipients")
        try:
            self._forms.params(row.params)
            self._forms.last(row.last)
            if row.state not in rows.STATES:
                raise ValueError(f"no state is {row.state}")
            letter = letters.get(row.letter)
            if letter is not None and not 0 <= row.n < len(letter.envelope.recipients):
                raise ValueError(f"the letter has {len(letter.envelope.recipients)} recipients")
        except _BAD as error:
            self._report.add("recipient-undecodable", f"{ids.text(row.letter)} {row.n} {row.address}: {error}")

    def _references(self) -> None:
        for (number,) in self._reader.rows(_LONELY):
            self._report.add("letter-without-recipients", ids.text(number))
        for number, count in self._reader.rows(_ORPHANS):
            self._report.add("recipient-without-letter", ids.text(number), count)

    def _events(self) -> None:
        seq, indexed = 0, journal.position(self._reader, self._forms.searched)
        forgotten = journal.position(self._reader, self._forms.forgotten)
        self._kept = forgotten + 1 if forgotten else 0
        while seen := journal.after(self._reader, seq, _EVENTS):
            seq = seen[-1].seq
            self._report.look("events", len(seen))
            for row in seen:
                try:
                    self._forms.event(row)
                except _BAD as error:
                    name = ids.text(row.letter)
                    self._report.add("event-unreadable", f"{name}: {row.kind} ({row.seq}): {error}")
            self._indexed([row for row in seen if row.seq <= indexed])
        count, letter = self._reader.rows(_STALE)[0]
        if count:
            self._report.add("index-stale", ids.text(letter), count)
        if isinstance(self._reader, sqlite.Reader):  # PostgreSQL forgets the seqs of purged events
            last = self._reader.last_seq()
            ahead = "SELECT name, seq FROM cursor WHERE seq > ? AND name <> ?"
            for name, at in self._reader.rows(ahead, (last, self._forms.forgotten)):
                self._report.add("cursor-ahead", f"{name} stands at {at}, the last event is {last}")

    def _indexed(self, seen: list[EventRow]) -> None:
        wanted = {posting for row in seen for posting in self._forms.postings(row) if posting[0] >= self._kept}
        self._report.look("index entries", len(wanted))
        for text, parameters in self._reader.parts(words.UNKNOWN, sorted(wanted)):
            for _, _, letter in self._reader.rows(text, parameters):
                self._report.add("index-incomplete", ids.text(letter))

    def _chain(self) -> None:
        chain_check.check(self._reader, self._report)

    def _lanes(self) -> None:
        for row in queue.lanes(self._reader):
            self._report.look("lanes")
            try:
                self._forms.lane(row)
            except _BAD as error:
                self._report.add("lane-undecodable", f"{row.site}: {error}")

    def _after(self) -> None:
        """What the snapshot cannot tell: files. A worker may have removed a body, or be about to name one."""
        for number, kind, text in self._absent:
            if self._has(number):
                self._report.add(kind, f"{ids.text(number)}: {text}")
        for path in self._bodies.files():
            if path.name in self._named or _age(path) < _YOUNG:
                continue
            if not self._has(ids.number(path.name)) and path.exists():
                self._report.add("body-without-letter", str(path))

    def _has(self, number: int) -> bool:
        try:
            return bool(self._reader.rows("SELECT 1 FROM letter WHERE id = ?", (number,)))
        except trouble.StoreTrouble:  # told already: the letters could not be read
            return True


def tidy(tx: Tx) -> list[int]:
    """Removes letters without recipients and recipients without letters; the ids of those letters."""
    lonely = [int(number) for (number,) in tx.rows(_LONELY)]
    orphans = [int(number) for number, _ in tx.rows(_ORPHANS)]
    for shape, numbers in ((queue.LETTERS_GONE, lonely), (queue.LETTERS_RECIPIENTS_GONE, orphans)):
        for text, parameters in tx.parts(shape, numbers):
            tx.run(text, parameters)
    return sorted({*lonely, *orphans})


def integrity(reader: Reader, report: Report) -> None:
    """SQLite's own check of every page and index; a server has its own means. StoreTrouble."""
    if isinstance(reader, sqlite.Reader):
        for (line,) in reader.rows("PRAGMA integrity_check(100)"):
            if line != "ok":
                report.add("integrity", str(line))


def _is_body(name: str) -> bool:
    """A finished body's file, and not a draft."""
    try:
        return blobs.name(ids.number(name)) == name
    except ValueError:
        return False


def _octets(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _age(path: Path) -> float:
    """Seconds since it was written."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0

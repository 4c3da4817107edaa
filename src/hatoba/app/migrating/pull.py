"""Pull: everything of one account on another server, mailbox by mailbox, in commits of some letters each.

Called by roll for each account, in a thread.
Never asks again for what the sink has dealt with, whatever ended an earlier run; never holds more than a batch.
Fails by saying so in its Report: what was pulled before stays.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import msgspec

from hatoba.app.migrating import naming
from hatoba.app.migrating.sink import Folder, Full, Sink
from hatoba.app.migrating.source import Source, SourceTrouble

LETTERS = 200  # in a batch
OCTETS = 8 * 1024 * 1024
TRIES = 5  # in a row, of a connection that breaks


class Reel(Protocol):
    """Who is told how far it is; called from the thread of the account."""

    def found(self, letters: int, octets: int) -> None:
        """So much more is to be pulled."""
        ...

    def pulled(self, letters: int, octets: int) -> None:
        """So much more has been."""
        ...

    def say(self, text: str) -> None:
        """Something a person should know."""
        ...


class Report(msgspec.Struct):
    """What came of an account. `gone` were expunged at the source meanwhile, `left` are named in `problems`."""

    account: str
    mailboxes: int = 0
    letters: int = 0
    octets: int = 0
    known: int = 0
    gone: int = 0
    left: int = 0
    flagged: int = 0
    seconds: float = 0.0
    problems: list[str] = []

    @property
    def ok(self) -> bool:
        """Everything is here."""
        return not self.problems


class Wishes(msgspec.Struct, frozen=True):
    """What of it is wanted. `only` these mailboxes and what is below them (all when empty), `without` those.

    `flags`: letters that are here already get the flags they have at the source now. `dry`: only count.
    """

    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    flags: bool = False
    dry: bool = False

    def wants(self, folder: Folder) -> bool:
        """By its name here or there."""
        names = (folder.target, folder.name)
        return not _under(names, self.without) and (not self.only or _under(names, self.only))


def _under(names: tuple[str, ...], roots: tuple[str, ...]) -> bool:
    return any(name == root or name.startswith(f"{root}/") for name in names for root in roots)


class Pull:
    """One account's run. `connect` makes a connection, as often as one breaks."""

    def __init__(
        self, account: str, connect: Callable[[], Source], sink: Sink, wishes: Wishes, reel: Reel,
        rest: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        self.report = Report(account)
        self._connect, self._sink, self._wishes, self._reel, self._rest = connect, sink, wishes, reel, rest
        self._done: set[str] = set()
        self._counted: set[str] = set()
        self._failures = 0

    def run(self) -> Report:
        """Until everything is here, or it cannot be."""
        started = time.monotonic()
        try:
            while not self._session():
                self._rest(min(30.0, 2.0 ** (self._failures - 1)))
        except (SourceTrouble, Full) as error:
            self.report.problems.append(str(error))
        self.report.seconds = round(time.monotonic() - started, 3)
        return self.report

    def _session(self) -> bool:
        """Everything that one connection bears; False when it broke and another one is worth a try."""
        try:
            with self._connect() as source:
                for folder in source.folders():
                    if self._wishes.wants(folder) and folder.name not in self._done:
                        self._visit(source, folder)
        except SourceTrouble as error:
            self._failures += 1
            if error.lasting or error.refused or self._failures >= TRIES:
                raise
            self._reel.say(f"{self.report.account}: {error}; connecting again")
            return False
        return True

    def _visit(self, source: Source, folder: Folder) -> None:
        """One mailbox; what the server refuses in it is no reason to leave the others."""
        try:
            self._folder(source, folder)
        except SourceTrouble as error:
            if not error.refused:
                raise
            self._problem(folder, str(error))
        self._done.add(folder.name)

    def _folder(self, source: Source, folder: Folder) -> None:
        place = naming.place(source.origin, folder.name, source.open(folder))
        reached = self._sink.reached(place)
        sizes = source.sizes(folder, reached)
        self._count(folder, sizes)
        if self._wishes.dry:
            self.report.letters += len(sizes)
            self.report.octets += sum(sizes.values())
        else:
            box = self._sink.box(folder)
            for batch in batches(sizes):
                self._batch(source, folder, box, place, batch)
            if self._wishes.flags and reached:
                self.report.flagged += self._sink.flag(place, source.flags(folder, reached))
        self.report.mailboxes += 1

    def _batch(self, source: Source, folder: Folder, box: str, place: str, uids: list[int]) -> None:
        try:
            letters = list(source.letters(uids))
        except SourceTrouble as error:
            if not error.refused:
                raise
            self._singly(source, folder, box, place, uids, str(error))
            return
        put = self._sink.put(box, place, letters, uids[-1])
        report = self.report
        octets = sum(len(letter.raw) for letter in letters)
        report.letters += put.fresh
        report.known += put.known
        report.octets += octets
        report.gone += len(uids) - len(letters)
        report.left += len(put.large)
        for uid in put.large:
            self._problem(folder, f"UID {uid} is too large")
        if put.unflagged:
            self._problem(folder, f"{put.unflagged} letters have fewer keywords than they had: there are too many")
        self._reel.pulled(len(uids), octets)
        self._failures = 0

    def _singly(self, source: Source, folder: Folder, box: str, place: str, uids: list[int], why: str) -> None:
        """A batch that the server refused: halves of it, down to the letter that it cannot give."""
        if len(uids) > 1:
            middle = len(uids) // 2
            self._batch(source, folder, box, place, uids[:middle])
            self._batch(source, folder, box, place, uids[middle:])
            return
        self._sink.put(box, place, (), uids[0])
        self.report.left += 1
        self._problem(folder, f"UID {uids[0]}: {why}")

    def _count(self, folder: Folder, sizes: Mapping[int, int]) -> None:
        """Once for each, however often the connection breaks."""
        if folder.name not in self._counted:
            self._counted.add(folder.name)
            self._reel.found(len(sizes), sum(sizes.values()))

    def _problem(self, folder: Folder, text: str) -> None:
        self.report.problems.append(f"{folder.target}: {text}")


def batches(sizes: Mapping[int, int]) -> Iterator[list[int]]:
    """The UIDs, ascending, in batches of at most LETTERS and about OCTETS (one letter may be more)."""
    batch: list[int] = []
    held = 0
    for uid, size in sizes.items():
        if batch and (len(batch) >= LETTERS or held + size > OCTETS):
            yield batch
            batch, held = [], 0
        batch.append(uid)
        held += size
    if batch:
        yield batch

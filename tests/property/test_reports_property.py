"""Whatever reads, dies and is read again by whom: each letter is counted once, and a report tells each of them once."""

import contextlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.support.reporter import DAY, MONDAY, Node, attached, row

from hatoba import store
from hatoba.mailauth.dmarc.aggregate import read as aggregate
from hatoba.reports import leader
from hatoba.store import base, blobs
from hatoba.store.settings import Database, Settings
from hatoba.store.sql import Tx


class Killed(BaseException):
    """The process dies here."""


STEP = st.one_of(
    st.tuples(st.just("letters"), st.integers(0, 1), st.integers(1, 3)),
    st.tuples(st.just("read"), st.integers(0, 1), st.just(0)),
    st.tuples(st.just("die"), st.integers(0, 1), st.integers(0, 7)),
)


@pytest.fixture(scope="session")
def prepared_for_reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("reports-property") / "data"
    store.prepare(data, 2)
    return data


class Dying:
    """A store one of whose next writes is the last thing a process does.

    `death`: -1 for none; 2 * n: before the commit of write n; 2 * n + 1: after it, and nobody hears of it.
    """

    def __init__(self, home: base.Base) -> None:
        self._home = home
        self.death = -1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._home, name)

    def register(self) -> Any:
        return _Register(self, self._home.register())


class _Register:
    def __init__(self, home: Dying, register: base.Register) -> None:
        self._home = home
        self._register = register

    def __getattr__(self, name: str) -> Any:
        return getattr(self._register, name)

    def note(self, function: Callable[[Tx], Any]) -> Any:
        death = self._home.death
        self._home.death = death - 2 if death > 1 else -1
        if death == 0:
            raise Killed
        done = self._register.note(function)
        if death == 1:
            raise Killed
        return done


@given(st.lists(STEP, max_size=8), st.lists(st.integers(0, 15), max_size=4))
@example([("letters", 0, 1)], [10])  # the letter is taken in, and that it is sent is not written
@example([("letters", 0, 1)], [10, 4, 4])
@example([("letters", 0, 2), ("die", 0, 1), ("read", 1, 0)], [6, 7])
@settings(max_examples=30, deadline=None)
def test_each_letter_is_told_once(
    prepared_for_reports: Path, steps: list[tuple[str, int, int]], deaths: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(shutil.copytree(prepared_for_reports, Path(folder) / "data"))
        home = Dying(base.of(data, Settings(), Database(), blobs.Settings()))
        shards = {number: home.shard(number, "test") for number in (0, 1)}
        nodes = [Node(home, shards, f"n{n}/0") for n in range(2)]
        nodes[1].numbers.next(nodes[1].now + 10 * DAY)
        try:
            nodes[0].settle_in()
            letters = sum(_step(home, nodes, *step) for step in steps)
            told = _night(home, nodes, deaths)
        finally:
            home.death = -1
            for node in nodes:
                node.close()
            for shard in shards.values():
                shard.close()
    assert told == letters


def _step(home: Dying, nodes: list[Node], what: str, which: int, number: int) -> int:
    """How many letters came."""
    if what == "letters":
        nodes[0].judged(*(row() for _ in range(number)), shard=which)
        return number
    _turn(home, nodes[which], number if what == "die" else -1)
    return 0


def _turn(home: Dying, node: Node, death: int) -> None:
    home.death = death
    with contextlib.suppress(Killed):
        node.turn()
    home.death = -1


def _night(home: Dying, nodes: list[Node], deaths: list[int]) -> int:
    """The day is over; the letters that the reports tell of, however often one dies while they go out."""
    for node in nodes:
        node.now = (MONDAY + 1) * DAY + 3_700_000
    for number, death in enumerate(deaths):
        _turn(home, nodes[number % 2], death)
        for node in nodes:
            node.now += leader.LEASE + 1
    for node in (*nodes, *nodes):
        _turn(home, node, -1)
        node.now += leader.LEASE + 1
    reports = [aggregate.parse(attached(letter)[1]) for node in nodes for letter in node.letters]
    assert len({report.report_id for report in reports}) == len(reports)
    return sum(each.count for report in reports for each in report.rows)

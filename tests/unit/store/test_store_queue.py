"""The queue's rows: what is due, leases, recovery, filters; and that no plan ever walks the table."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from hatoba.model.address import Address
from hatoba.store import journal, queue, rows, sqlite
from hatoba.store.rows import ACTIVE, HELD, QUARANTINED, READY, Filter, Lease
from hatoba.store.shard import Shard
from hatoba.store.sql import Reader


@pytest.fixture
def reader(opened: Shard) -> Iterator[Reader]:
    with opened.reader() as made:
        yield made


async def fill(opened: Shard, make: Any, *specs: dict[str, Any]) -> None:
    """A letter for each spec, numbered from 1, its one row with the spec's columns."""
    seals = (make.seal(number, **({"state": READY} | spec)) for number, spec in enumerate(specs, 1))
    await asyncio.gather(*(opened.writer.seal(seal) for seal in seals))


def numbers(found: list[rows.RecipientRow]) -> list[int]:
    return [row.letter for row in found]


async def test_lanes_due(opened: Shard, reader: Reader, make: Any) -> None:
    assert queue.lanes_due(reader, 1 << 60) == []
    await fill(
        opened,
        make,
        {"site": "b", "next_at": 20},
        {"site": "b", "next_at": 10, "priority": 5},
        {"site": "a", "next_at": 30},
        {"site": "c", "next_at": 1, "state": ACTIVE},
        {"site": "d", "next_at": 1, "state": HELD},
    )
    assert queue.lanes_due(reader, 9) == []
    assert queue.lanes_due(reader, 10) == [rows.Due("b", 10)]
    assert queue.next_due(reader) == [rows.Due("a", 30), rows.Due("b", 10)]
    assert queue.next_due(reader, 1) == [rows.Due("a", 30)]


async def test_due_order(opened: Shard, reader: Reader, make: Any) -> None:
    await fill(
        opened,
        make,
        {"next_at": 5},
        {"next_at": 4, "priority": -3},
        {"next_at": 4},
        {"next_at": 9, "priority": 9},
        {"next_at": 3, "priority": 9},
        {"next_at": 4},
        {"next_at": 1, "site": "else"},
    )
    assert numbers(queue.due(reader, "mx:c.example", 5, 10)) == [5, 3, 6, 1, 2]
    assert numbers(queue.due(reader, "mx:c.example", 5, 3)) == [5, 3, 6]
    assert queue.due(reader, "nowhere", 5, 3) == []


async def test_lease_takes_only_what_is_ready(opened: Shard, reader: Reader, make: Any) -> None:
    await fill(opened, make, *({"state": state} for state in (READY, ACTIVE, HELD, QUARANTINED)))
    leases = [Lease(number, 0, 77) for number in range(1, 6)]
    assert await opened.writer.do(lambda tx: queue.lease(tx, leases)) == {(1, 0)}
    assert await opened.writer.do(lambda tx: queue.lease(tx, leases)) == set()
    (row,) = queue.of_letter(reader, 1)
    assert (row.state, row.attempts, row.next_at) == (ACTIVE, 1, 77)
    assert await opened.writer.do(lambda tx: queue.give_back(tx, [(1, 0), (3, 0)], 5)) == 1
    (row,) = queue.of_letter(reader, 1)
    assert (row.state, row.attempts, row.next_at) == (READY, 0, 5)


async def test_many_leases(opened: Shard, reader: Reader, make: Any) -> None:
    await fill(opened, make, *({} for _ in range(150)))
    leases = [Lease(number, 0, 77) for number in range(1, 151)]
    assert len(await opened.writer.do(lambda tx: queue.lease(tx, leases))) == 150
    keys = [(number, 0) for number in range(1, 151)]
    assert await opened.writer.do(lambda tx: queue.give_back(tx, keys, 5)) == 150


async def test_recover(opened: Shard, reader: Reader, make: Any) -> None:
    await fill(
        opened,
        make,
        {"state": ACTIVE},
        {"state": ACTIVE, "crashes": 2},
        {"state": HELD, "crashes": 9},
        {"state": READY},
    )
    found = await opened.writer.do(lambda tx: queue.recover(tx, 50, 3))
    assert found == rows.Recovered(1, [(2, 0)])
    assert [(one.state, one.crashes, one.next_at) for n in (1, 2, 3, 4) for one in queue.of_letter(reader, n)] == [
        (READY, 1, 50),
        (QUARANTINED, 3, 50),
        (HELD, 9, 0),
        (READY, 0, 0),
    ]


async def test_what_rested_rests_on(opened: Shard, reader: Reader, make: Any) -> None:
    """A letter whose sender was being told that it waits is no attempt cut short: nothing of it has changed."""
    await fill(opened, make, {"attempts": 3, "crashes": 2, "next_at": 7000})
    await opened.writer.do(lambda tx: queue.lease(tx, [rows.Lease(1, 0, -7000)]))
    assert queue.of_letter(reader, 1)[0].state == ACTIVE
    assert await opened.writer.do(lambda tx: queue.recover(tx, 50, 3)) == rows.Recovered(1, [])
    (row,) = queue.of_letter(reader, 1)
    assert (row.state, row.attempts, row.crashes, row.next_at) == (READY, 3, 2, 7000)


async def test_states_by_hand(opened: Shard, reader: Reader, make: Any) -> None:
    await fill(opened, make, *({"state": state} for state in (READY, ACTIVE, HELD, QUARANTINED)))
    keys = [(number, 0) for number in range(1, 9)]
    assert await opened.writer.do(lambda tx: queue.set_state(tx, keys, HELD)) == [(1, 0), (3, 0), (4, 0)]
    assert await opened.writer.do(lambda tx: queue.move(tx, "mx:c.example", HELD, READY, 8, 2)) != []
    rest = await opened.writer.do(lambda tx: queue.move(tx, "mx:c.example", HELD, READY, 8, 2))
    assert len(rest) == 1
    assert [due.first for due in queue.next_due(reader)] == [8]
    retried = await opened.writer.do(lambda tx: queue.move(tx, "mx:c.example", READY, READY, 3, 100))
    assert retried == [(1, 0), (3, 0), (4, 0)]
    assert await opened.writer.do(lambda tx: queue.move(tx, "mx:c.example", READY, READY, 3, 100)) == []
    with pytest.raises(ValueError, match="lease"):
        await opened.writer.do(lambda tx: queue.set_state(tx, keys, ACTIVE))
    with pytest.raises(ValueError, match="memory"):
        await opened.writer.do(lambda tx: queue.move(tx, "x", ACTIVE, READY, None, 1))


async def test_quarantine_names_the_reason(opened: Shard, reader: Reader, make: Any) -> None:
    await fill(opened, make, {"state": ACTIVE})
    assert await opened.writer.do(lambda tx: queue.quarantine(tx, 1, "its row cannot be read")) == 1
    (row,) = queue.of_letter(reader, 1)
    assert row.state == QUARANTINED
    assert row.last == b'{"quarantined":"its row cannot be read"}'


async def test_change(opened: Shard, reader: Reader, make: Any) -> None:
    await fill(opened, make, {}, {})
    update = rows.RecipientUpdate(2, 0, "new", HELD, 1, 2, 3, 4, b"p", b"l")
    await opened.writer.do(lambda tx: queue.change(tx, [update]))
    assert queue.of_letter(reader, 2) == [
        make.row(2, site="new", state=HELD, attempts=1, next_at=2, priority=3, crashes=4, params=b"p", last=b"l")
    ]
    assert queue.of_letter(reader, 1) == [make.row(1, state=READY)]


async def test_select(opened: Shard, reader: Reader, make: Any) -> None:
    await fill(
        opened,
        make,
        {},
        {"domain": "other", "address": "x@other"},
        {"site": "s", "state": HELD},
        {"state": ACTIVE},
        {"state": QUARANTINED},
    )
    seal = make.seal(6, state=READY)
    seal.letter.envelope = make.letter(6, sender="").envelope
    seal.rows.append(make.row(6, 1, state=READY))
    await opened.writer.seal(seal)

    def keys(limit: int = 99, after: tuple[int, int] | None = None, **which: Any) -> list[tuple[int, int]]:
        return [(one.row.letter, one.row.n) for one in queue.select(reader, Filter(**which), limit, after)]

    everything = [(1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (6, 0), (6, 1)]
    assert keys() == everything
    assert keys(3) == everything[:3]
    assert keys(after=(6, 0)) == [(6, 1)]
    assert keys(domain="other") == keys(recipient="x@other") == [(2, 0)]
    assert keys(site="s") == keys(state=HELD) == [(3, 0)]
    assert keys(state=ACTIVE) == [(4, 0)]
    assert keys(state=QUARANTINED, site="mx:c.example") == [(5, 0)]
    assert keys(state=READY, after=(1, 0)) == [(2, 0), (6, 0), (6, 1)]
    assert keys(letter=6, sender="<>") == [(6, 0), (6, 1)]
    assert keys(sender=str(Address("a", "b.example")), older=make.now + 3) == [(1, 0), (2, 0)]
    (one,) = queue.select(reader, Filter(letter=3), 9)
    assert one == rows.Listed(make.row(3, site="s", state=HELD), make.now + 3, make.now + 1003, "a@b.example", 21)


async def test_counts(opened: Shard, reader: Reader, make: Any) -> None:
    await fill(opened, make, {"next_at": 7}, {"next_at": 5}, {"state": ACTIVE}, {"state": HELD, "next_at": 9})
    site = "mx:c.example"
    assert queue.counts(reader) == [
        rows.Count(site, READY, 2, 5),
        rows.Count(site, HELD, 1, 9),
        rows.Count(site, ACTIVE, 1, 0),
    ]


async def test_lanes(opened: Shard, reader: Reader) -> None:
    lane = rows.LaneRow("s", True, "by hand", 5, b'{"x":1}')
    await opened.writer.do(lambda tx: queue.put_lane(tx, rows.LaneRow("s")))
    await opened.writer.do(lambda tx: queue.put_lane(tx, lane))
    assert queue.lanes(reader) == [lane]
    await opened.writer.do(lambda tx: queue.remove_lane(tx, "s"))
    assert queue.lanes(reader) == []


_OF_SITE = "recipient_due (state=? AND site=?"
PLANS = {
    "lanes": (queue.LANES, 2, "SEARCH recipient USING COVERING INDEX recipient_rest (state=? AND site>?)"),
    "priority": (queue.PRIORITY, 2, f"SEARCH recipient USING COVERING INDEX {_OF_SITE} AND priority<?)"),
    "due": (queue.DUE, 4, f"SEARCH recipient USING INDEX {_OF_SITE} AND priority=? AND next_at<?)"),
    "lease": (queue.LEASES.text(3), 9, "SEARCH recipient USING PRIMARY KEY (letter=? AND n=?)"),
    "update": (queue.UPDATES.text(3), 30, "SEARCH recipient USING PRIMARY KEY (letter=? AND n=?)"),
    "give back": (queue.GIVEN_BACK.text(3), 7, "SEARCH recipient USING PRIMARY KEY (letter=? AND n=?)"),
    "move": (queue.MOVED.text(3), 8, "SEARCH recipient USING PRIMARY KEY (letter=? AND n=?)"),
    "keys gone": (queue.RECIPIENTS_GONE.text(3), 6, "SEARCH recipient USING PRIMARY KEY (letter=? AND n=?)"),
    "recipients gone": (queue.LETTERS_RECIPIENTS_GONE.text(3), 3, "SEARCH recipient USING PRIMARY KEY (letter=?)"),
    "letters gone": (queue.LETTERS_GONE.text(3), 3, "SEARCH letter USING INTEGER PRIMARY KEY (rowid=?)"),
    "recover": (queue.RECOVER, 2, "SEARCH recipient USING COVERING INDEX recipient_active (state=?)"),
    "terms": (journal.FORGET.text(3), 6, "SEARCH term USING PRIMARY KEY (term=? AND letter=?)"),
    "events": (journal.OF_LETTER, 1, "SEARCH event USING INDEX event_letter (letter=?)"),
}  # fmt: skip


@pytest.fixture(scope="module")
def filled(template: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite.Reader]:
    """20,000 recipients in 200 lanes, all states, on a file of its own."""
    path = tmp_path_factory.mktemp("plans") / "shard.db"
    path.write_bytes((template / "shards" / "0000.db").read_bytes())
    connection = sqlite.connect(path)
    with sqlite.transaction(connection):
        connection.executemany(
            queue.RECIPIENTS.text(1),
            (
                (k, 0, "b@c", "c", f"s{k % 200 if k & 1 else 0}", k % 7 % 4, 0, k, k % 3, 0, b"{}", b"{}")
                for k in range(20_000)
            ),
        )
    with sqlite.Reader(connection) as reader:
        yield reader


@pytest.mark.parametrize("name", PLANS)
def test_plans_use_an_index(filled: sqlite.Reader, name: str) -> None:
    text, marks, expected = PLANS[name]
    plan = [row[3] for row in filled.rows(f"EXPLAIN QUERY PLAN {text}", (0,) * marks)]
    assert expected in plan
    assert not [step for step in plan if step.startswith(("SCAN recipient", "SCAN letter", "SCAN event", "SCAN term"))]


def test_lanes_cost_by_lane_and_not_by_row(filled: sqlite.Reader) -> None:
    """Counted in SQLite's own steps: the loose scan of 101 lanes does not read 20,000 entries."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    filled.connection.set_progress_handler(count, 100)
    try:
        assert len(queue.next_due(filled)) == 101
    finally:
        filled.connection.set_progress_handler(None, 100)
    assert steps * 100 < 20_000

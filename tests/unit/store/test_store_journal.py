"""The journal's rows: order, cursors, terms, purge; a seq never comes back."""

from typing import Any

from hatoba.model.event import Event
from hatoba.store import journal, sql
from hatoba.store.rows import EventRow
from hatoba.store.shard import Shard


def events(*specs: tuple[int, int]) -> list[Event]:
    return [Event(letter, at, "attempted", b'{"n":1}') for letter, at in specs]


async def test_append_and_read(opened: Shard) -> None:
    made = events(*((number % 3, number) for number in range(200)))
    await opened.writer.do(lambda tx: journal.append(tx, made))
    with opened.reader() as reader:
        assert journal.last(reader) == 200
        assert [one.at for one in journal.of_letter(reader, 1)] == list(range(1, 200, 3))
        assert journal.after(reader, 198, 9) == [
            EventRow(199, 0, 198, "attempted", b'{"n":1}'),
            EventRow(200, 1, 199, "attempted", b'{"n":1}'),
        ]
        assert len(journal.after(reader, 0, 7)) == 7
        assert journal.after(reader, 200, 7) == []


async def test_cursors(opened: Shard) -> None:
    with opened.reader() as reader:
        assert journal.position(reader, "search") == journal.last(reader) == 0
        for seq in (5, 9):
            await opened.writer.do(lambda tx, seq=seq: journal.move(tx, "search", seq))  # type: ignore[misc]  # default binds
        assert journal.position(reader, "search") == 9
        assert journal.position(reader, "other") == 0


async def test_purge_in_batches(opened: Shard) -> None:
    await opened.writer.do(lambda tx: journal.append(tx, events((1, 10), (1, 20), (2, 5), (1, 30), (2, 40), (1, 2))))
    with opened.reader() as reader:
        assert [one.seq for one in journal.oldest(reader, 30, 2)] == [1, 2]
        assert [one.seq for one in journal.oldest(reader, 30, 9)] == [1, 2, 3]
        purge = [await opened.writer.do(lambda tx: journal.purge(tx, 30, 2)) for _ in range(3)]
        assert purge == [2, 1, 0]
        assert [one.seq for one in journal.after(reader, 0, 9)] == [4, 5, 6]
        assert await opened.writer.do(lambda tx: journal.purge(tx, 1000, 9)) == 3
        await opened.writer.do(lambda tx: journal.append(tx, events((1, 1))))
        assert [one.seq for one in journal.after(reader, 0, 9)] == [7]  # cursors stand at 6


async def test_a_snapshot_sees_one_state(opened: Shard, make: Any) -> None:
    with opened.reader() as reader:
        with reader.snapshot() as still:
            assert journal.last(still) == 0
            await opened.writer.seal(make.seal(1))
            assert journal.last(still) == 0
        assert journal.last(reader) == 1


def test_multi_row_statements_are_cut() -> None:
    shape = sql.Multi("INSERT INTO t {values};", "ii")
    assert list(shape.parts([(1, 2), (3, 4)])) == [("INSERT INTO t VALUES (?, ?), (?, ?);", (1, 2, 3, 4))]
    assert [len(parameters) for _, parameters in shape.parts([(1, 2)] * 130)] == [128, 128, 4]
    assert list(shape.parts([])) == []
    assert list(sql.Multi("x {among}", "i").parts([5, 6])) == [("x IN (?, ?)", [5, 6])]

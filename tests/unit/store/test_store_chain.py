"""The hash chain: any single change of events or links is found, a purge is not, and heads prove the rest."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hatoba.model.event import PURGED, Event
from hatoba.store import chain, chain_check, journal
from hatoba.store.findings import Report
from hatoba.store.rows import EventRow
from hatoba.store.settings import Settings
from hatoba.store.shard import Shard
from hatoba.store.sql import Tx

NOW = 1_795_000_000_000
ONE_MORE = "UPDATE link SET {} = {} + 1 WHERE seq = ?"
COUNT = 700  # events: three links


def events(count: int, first: int = 0) -> list[Event]:
    return [Event(5000 + number // 2, NOW + number, "held", b'{"n":[%d]}' % number) for number in range(first, count)]


def grow(shard: Shard, limit: int = 10_000) -> bool:
    return shard.write(lambda tx: chain.write(tx, chain.read(tx, NOW, limit)))


def prove(shard: Shard) -> Report:
    report = Report("shard")
    with shard.reader() as reader, reader.snapshot():
        chain_check.check(reader, report)
    return report


def kinds(shard: Shard) -> dict[str, int]:
    return {one.kind: one.count for one in prove(shard).findings}


def purge(tx: Tx, seqs: list[int]) -> None:
    """As journal.purge does it."""
    journal.remove(tx, seqs)
    chain.purged(tx, seqs, NOW, NOW)


@pytest.fixture
def chained(opened: Shard) -> Shard:
    opened.write(lambda tx: journal.append(tx, events(COUNT)))
    assert grow(opened)
    opened.write(lambda tx: journal.append(tx, events(COUNT + 5, COUNT)))
    return opened


def test_an_empty_chain(opened: Shard) -> None:
    assert grow(opened)
    assert (prove(opened).checked, kinds(opened)) == ({}, {})


def test_links_grow_from_where_they_end(chained: Shard) -> None:
    with chained.reader() as reader:
        links = chain.after(reader, 0, 10)
        assert [(link.first, link.seq, link.count) for link in links] == [
            (1, 256, 256),
            (257, 512, 256),
            (513, 700, 188),
        ]
    assert prove(chained).checked == {"links": 3, "events chained": 700, "events not chained yet": 5}
    assert grow(chained, 3)
    assert grow(chained)
    assert prove(chained).checked == {"links": 5, "events chained": 705, "events not chained yet": 0}
    assert kinds(chained) == {}


def test_what_was_read_before_the_events_changed_is_not_written(chained: Shard) -> None:
    with chained.reader() as reader:
        links = chain.read(reader, NOW, 100)
    chained.write(lambda tx: journal.remove(tx, [702]))
    assert chained.write(lambda tx: chain.write(tx, links)) is False
    assert grow(chained)
    assert chained.write(lambda tx: chain.write(tx, links)) is False  # behind another chain by now
    assert kinds(chained) == {}


DAMAGE: dict[str, tuple[str, str]] = {
    "at": ("event-changed", "UPDATE event SET at = at + 1 WHERE seq = 300"),
    "letter": ("event-changed", "UPDATE event SET letter = 1 WHERE seq = 1"),
    "kind": ("event-changed", "UPDATE event SET kind = 'dropped' WHERE seq = 700"),
    "first": ("event-removed", "DELETE FROM event WHERE seq = 1"),
    "middle": ("event-removed", "DELETE FROM event WHERE seq = 256"),
    "last": ("event-removed", "DELETE FROM event WHERE seq = 700"),
    "before": ("event-inserted", "INSERT INTO event (seq, letter, at, kind, data) VALUES (-1, 1, 1, 'held', ?)"),
    "link": ("chain-broken", "UPDATE link SET at = 1 WHERE seq = 512"),
    "hash": ("chain-broken", "UPDATE link SET hash = ? WHERE seq = 256"),
    "one link": ("chain-cut", "DELETE FROM link WHERE seq = 512"),
    "first link": ("chain-cut", "DELETE FROM link WHERE seq = 256"),
    "last link": ("chain-cut", "DELETE FROM link WHERE seq = 700"),
    "all links": ("chain-cut", "DELETE FROM link"),
    "cursor": ("chain-cut", "DELETE FROM cursor WHERE name = 'chain'"),
    "leaves": ("chain-broken", "UPDATE link SET leaves = ? WHERE seq = 512"),
}


@pytest.mark.parametrize("name", [name for name in DAMAGE if name != "before"])
def test_damage(chained: Shard, name: str) -> None:
    kind, statement = DAMAGE[name]
    parameters = (b"\1" * 32,) if "?" in statement else ()
    assert chained.write(lambda tx: tx.run(statement, parameters))
    assert kind in kinds(chained)


def test_an_event_put_where_one_was_purged(chained: Shard) -> None:
    chained.write(lambda tx: purge(tx, [10, 11]))
    assert kinds(chained) == {}
    put = "INSERT INTO event (seq, letter, at, kind, data) VALUES (10, 1, 1, 'held', ?)"
    chained.write(lambda tx: tx.run(put, (b"{}",)))
    assert kinds(chained) == {"event-changed": 1}


def test_two_that_changed_places_are_named(chained: Shard) -> None:
    def swap(tx: Tx) -> None:
        for before, after in ((3, 9999), (400, 3), (9999, 400)):
            tx.run("UPDATE event SET seq = ? WHERE seq = ?", (after, before))

    chained.write(swap)
    assert kinds(chained) == {"event-changed": 2}  # too far apart to be told as moved
    chained.write(swap)
    assert kinds(chained) == {}
    move = "UPDATE event SET seq = ? WHERE seq = ?"
    for before, after in ((3, 9999), (40, 3), (9999, 40)):
        chained.write(lambda tx, pair=(after, before): tx.run(move, pair))  # type: ignore[misc]  # default binds
    (finding,) = prove(chained).findings
    assert (finding.kind, finding.count) == ("event-moved", 2)
    assert finding.examples[0].startswith("event 3 ")
    assert finding.examples[0].endswith("stood at 40")


def test_a_purge_breaks_nothing_and_is_told(chained: Shard) -> None:
    chained.write(lambda tx: purge(tx, [2, *range(4, 300)]))
    assert kinds(chained) == {}
    with chained.reader() as reader:
        (record,) = journal.of_letter(reader, 0)
        assert record.kind == PURGED
        assert chain.told(record) == chain.Purged(((2, 2), (4, 299)), NOW)
        assert chain.forgotten(reader) == 0
    chained.write(lambda tx: journal.remove(tx, [record.seq]))  # the record itself is chained …
    assert kinds(chained) == {"event-removed": 297}


def test_links_that_nothing_is_left_of_become_a_checkpoint(chained: Shard) -> None:
    heads = []
    for gone in (range(1, 300), range(300, 600)):
        chained.write(lambda tx, gone=gone: purge(tx, list(gone)))  # type: ignore[misc]  # default binds
        with chained.reader() as reader:
            heads.append((chain.forgotten(reader), [link.seq for link in chain.after(reader, 0, 9)]))
        assert kinds(chained) == {}
    assert heads == [(256, [256, 512, 700]), (512, [512, 700])]
    assert grow(chained)
    assert kinds(chained) == {}
    chained.write(lambda tx: tx.run("UPDATE link SET hash = ? WHERE seq = 512", (bytes(32),)))
    assert kinds(chained) == {"chain-broken": 1}  # the link behind does not rest on it


def test_heads_that_were_kept(chained: Shard) -> None:
    with chained.reader() as reader:
        kept = [(link.seq, link.hash) for link in chain.after(reader, 0, 9)]
        assert [chain_check.compare(reader, *head) for head in kept] == ["same"] * 3
        assert chain_check.compare(reader, 300, kept[0][1]) == "differs"  # no link ever ended there
        assert chain_check.compare(reader, 900, kept[0][1]) == "differs"
    chained.write(lambda tx: purge(tx, list(range(1, 600))))
    with chained.reader() as reader:
        assert [chain_check.compare(reader, *head) for head in kept] == ["purged", "same", "same"]
    rewrite(chained)  # by somebody who knows how: in itself it is whole
    assert kinds(chained) == {}
    with chained.reader() as reader:
        assert [chain_check.compare(reader, *head) for head in kept] == ["differs"] * 3


def rewrite(shard: Shard) -> None:
    def anew(tx: Tx) -> None:
        tx.run("UPDATE event SET at = 1 WHERE seq = 650")
        tx.run("DELETE FROM link")
        chain.write(tx, chain.read(tx, NOW, 10_000))

    shard.write(anew)


def test_ranges() -> None:
    assert chain.ranges([5, 1, 2, 9, 3]) == ((1, 3), (5, 5), (9, 9))
    assert chain.covers([(5, 9), (1, 2), (3, 3), (8, 12), (20, 21)]) == [(1, 3), (5, 12), (20, 21)]
    assert chain.ranges([]) == ()


@pytest.fixture(scope="module")
def folder(template: Path) -> Iterator[Path]:
    """A shard of its own for the property below, each time put back by its copy."""
    with tempfile.TemporaryDirectory() as made:
        data = Path(shutil.copytree(template, Path(made) / "data"))
        with Shard.open(data, 0, Settings()) as shard:
            shard.write(lambda tx: journal.append(tx, events(60)))
            for _ in range(3):
                grow(shard, 20)
        yield data


Mutation = Callable[[Tx], int]
seqs = st.integers(1, 60)


def changed(column: str, seq: int, value: Any) -> Mutation:
    return lambda tx: tx.run(f"UPDATE event SET {column} = ? WHERE seq = ? AND {column} <> ?", (value, seq, value))  # noqa: S608


def flipped(seq: int, table: str, column: str, at: int, bit: int) -> Mutation:
    """One bit of a blob."""

    def run(tx: Tx) -> int:
        octets = bytearray(tx.rows(f"SELECT {column} FROM {table} WHERE seq = ?", (seq,))[0][0])  # noqa: S608
        octets[at % len(octets)] ^= 1 << bit
        return tx.run(f"UPDATE {table} SET {column} = ? WHERE seq = ?", (bytes(octets), seq))  # noqa: S608

    return run


def swapped(one: int, other: int) -> Mutation:
    def run(tx: Tx) -> int:
        for before, after in ((one, 9999), (other, one), (9999, other)):
            tx.run("UPDATE event SET seq = ? WHERE seq = ?", (after, before))
        return int(one != other)

    return run


mutations = st.one_of(
    st.builds(changed, st.just("at"), seqs, st.integers(0, 9)),
    st.builds(changed, st.just("letter"), seqs, st.integers(0, 9)),
    st.builds(changed, st.just("kind"), seqs, st.sampled_from(("held ", "dropped"))),
    st.builds(changed, st.just("data"), seqs, st.binary(max_size=9)),
    st.builds(flipped, seqs, st.just("event"), st.just("data"), st.integers(0, 99), st.integers(0, 7)),
    st.builds(swapped, seqs, seqs),
    seqs.map(lambda seq: lambda tx: tx.run("DELETE FROM event WHERE seq = ?", (seq,))),
    st.sampled_from((20, 40, 60)).map(lambda seq: lambda tx: tx.run("DELETE FROM link WHERE seq = ?", (seq,))),
    st.builds(
        flipped, st.sampled_from((20, 40, 60)), st.just("link"), st.sampled_from(("hash", "leaves")),
        st.integers(0, 999), st.integers(0, 7),
    ),
    st.builds(
        lambda seq, column: lambda tx: tx.run(ONE_MORE.format(column, column), (seq,)),
        st.sampled_from((20, 40)), st.sampled_from(("at", "count", "first")),
    ),
)  # fmt: skip


class Undone(Exception):
    """Takes the change back."""


@settings(max_examples=150)
@given(mutations)
def test_any_single_change_is_found(folder: Path, mutation: Mutation) -> None:
    def change_and_prove(tx: Tx) -> None:
        report = Report("shard")
        did = mutation(tx)
        chain_check.check(tx, report)
        assert report.ok is (did == 0)
        raise Undone

    with Shard.open(folder, 0, Settings()) as shard, pytest.raises(Undone):
        shard.write(change_and_prove)


def test_rows_of_other_types_are_found(chained: Shard, engine: str) -> None:
    if engine == "sqlite":  # it keeps anything in any column
        for statement in ("UPDATE event SET data = 'x' WHERE seq = 9", "UPDATE event SET at = 'x' WHERE seq = 10"):
            chained.write(lambda tx, statement=statement: tx.run(statement))  # type: ignore[misc]  # default binds
        assert kinds(chained) == {"event-changed": 2}
    assert chain.digest(msgspec.structs.replace(EventRow(1, 2, 3, "held", b""), data=None)) == b""

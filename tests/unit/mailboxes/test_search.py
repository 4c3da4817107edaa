"""Which letters meet criteria: each key, their combinations, and that little is asked of the store."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.mailboxes import search
from hatoba.mailboxes.search import EPOCH, Search, Still
from hatoba.model import criteria as c
from hatoba.model import numbers

NOW = 100_000_000
UIDS = [3, 5, 9, 12]
SEEN, DELETED, WORK = 1, 2, 4
BITS = [SEEN, 0, SEEN | WORK, DELETED]
SIZES = [10, 20, 30, 40]
AGES = [1, 2, 3, 4]  # hours
BODIES = ["tea and milk", "coffee", "milk", "rice"]


class Letters:
    """A store of four letters. `asked` counts the letters whose text was looked at."""

    def __init__(self) -> None:
        self.asked = 0

    def column(self, name: str) -> Mapping[int, int]:
        values = SIZES if name == "size" else [NOW - age * 3_600_000 for age in AGES]
        return dict(zip(UIDS, values, strict=True))

    def days(self, which: str) -> Mapping[int, int]:
        return dict(zip(UIDS, [EPOCH, EPOCH + 1, EPOCH + 1, EPOCH + 2], strict=True))

    def text(self, where: str, needle: str, among: Collection[int] | None) -> set[int]:
        every = among is None or len(among) > 3
        self.asked += 0 if among is None else len(among)
        found = {uid for uid, body in zip(UIDS, BODIES, strict=True) if needle.casefold() in body}
        return found | {99} if every else found & set(among or ())  # 99 came after the view was made

    def header(self, name: str, needle: str, among: Collection[int] | None) -> set[int]:
        return self.text("header", needle, among)

    def named(self, thread: bool, id: str) -> set[int]:  # noqa: A002 # the protocol's own word
        return {5} if id == "M5" and not thread else set()


def found(key: Any, letters: Letters | None = None) -> list[int]:
    still = Still(
        array("I", UIDS), array("Q", BITS), array("Q", [7, 8, 9, 10]), 9,
        {"\\seen": SEEN, "\\deleted": DELETED, "work": WORK}, frozenset({5, 12}),
    )  # fmt: skip
    return Search(still, letters or Letters(), NOW).run(key)


def at(written: str, *, uid: bool = False) -> c.Sequence:
    return c.Sequence(numbers.parse(written), uid)


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        (c.All(), UIDS),
        (c.SaveDateSupported(), UIDS),
        (c.Flagged("\\Seen"), [3, 9]),
        (c.Flagged("WORK"), [9]),
        (c.Flagged("$Never"), []),
        (c.Not(c.Flagged("$Never")), UIDS),
        (c.Recent(), [9, 12]),
        (c.And((c.Recent(), c.Not(c.Flagged("\\Seen")))), [12]),
        (at("2:3"), [5, 9]),
        (at("*"), [12]),
        (at("4:9", uid=True), [5, 9]),
        (at("13:*", uid=True), [12]),
        (at("13:4294967295", uid=True), []),
        (c.Saved(), [5, 12]),
        (c.Modseq(9), [9, 12]),
        (c.Size(larger=True, octets=20), [9, 12]),
        (c.Size(larger=False, octets=20), [3]),
        (c.Within(older=True, seconds=7200), [9, 12]),
        (c.Within(older=False, seconds=7200), [3, 5]),
        (c.Dated("internal", "before", EPOCH + 1), [3]),
        (c.Dated("sent", "on", EPOCH + 1), [5, 9]),
        (c.Dated("saved", "since", EPOCH + 1), [5, 9, 12]),
        (c.Text("body", "MILK"), [3, 9]),
        (c.Header("subject", "milk"), [3, 9]),
        (c.ObjectId(thread=False, id="M5"), [5]),
        (c.Or(c.Text("body", "milk"), c.Flagged("\\Deleted")), [3, 9, 12]),
        (c.And(()), UIDS),
    ],
)
def test_each_key(key: Any, wanted: list[int]) -> None:
    assert found(key) == wanted


def test_text_is_looked_for_only_where_all_else_is_met() -> None:
    letters = Letters()
    assert found(c.And((c.Text("body", "milk"), c.Flagged("\\Deleted"))), letters) == []
    assert letters.asked == 1
    assert found(c.Or(c.Text("body", "rice"), c.Flagged("\\Seen")), letters) == [3, 9, 12]
    assert letters.asked == 3


@pytest.mark.parametrize("key", [at("5"), c.Not(at("1:7")), c.And((c.Flagged("$Never"), at("5")))])
def test_a_number_beyond_the_box_is_an_error_wherever_it_stands(key: Any) -> None:
    with pytest.raises(IndexError):
        found(key)


def test_a_modseq_anywhere_is_to_be_told() -> None:
    assert search.asks_modseq(c.Or(c.All(), c.Not(c.Modseq(1))))
    assert not search.asks_modseq(c.And((c.All(), c.Flagged("\\Seen"))))


KEYS = st.recursive(
    st.sampled_from([
        c.All(), c.Flagged("\\Seen"), c.Flagged("work"), c.Recent(), at("1:2"), c.Size(larger=True, octets=15),
        c.Text("body", "milk"), c.Saved(), c.Modseq(8),
    ]),
    lambda inner: st.one_of(
        inner.map(c.Not), st.tuples(inner, inner).map(lambda pair: c.Or(*pair)),
        st.lists(inner, max_size=3).map(lambda keys: c.And(tuple(keys))),
    ),
    max_leaves=8,
)  # fmt: skip


@given(KEYS, KEYS)
def test_combinations_are_those_of_sets(one: Any, other: Any) -> None:
    first, second = set(found(one)), set(found(other))
    assert set(found(c.And((one, other)))) == first & second
    assert set(found(c.Or(one, other))) == first | second
    assert set(found(c.Not(one))) == set(UIDS) - first

"""The order of letters: each key, reversed keys, and equal letters as they came."""

from __future__ import annotations

import pytest

from hatoba.mailboxes import sort
from hatoba.mailboxes.sort import Row

ROWS = [
    Row(1, 30, 3, 100, "b", "y", "q", "tea", "Bob", "Yui"),
    Row(2, 20, 2, 300, "a", "x", "r", "milk", "Ann", "Xu"),
    Row(3, 10, 1, 200, "b", "z", "p", "tea", "Cid", "Zoe"),
]


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        ("ARRIVAL", [3, 2, 1]), ("date", [3, 2, 1]), ("size", [1, 3, 2]), ("from", [2, 1, 3]), ("to", [2, 1, 3]),
        ("cc", [3, 1, 2]), ("subject", [2, 1, 3]), ("displayfrom", [2, 1, 3]), ("displayto", [2, 1, 3]),
    ],
)  # fmt: skip
def test_each_key(key: str, wanted: list[int]) -> None:
    assert sort.ordered(ROWS, [(key, False)]) == wanted


def test_the_first_key_weighs_most_and_reverse_is_for_one_key_alone() -> None:
    assert sort.ordered(ROWS, [("from", True), ("arrival", False)]) == [3, 1, 2]


def test_equal_letters_stay_in_order_even_reversed() -> None:
    assert sort.ordered(ROWS, [("subject", True)]) == [1, 3, 2]


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(ValueError, match="colour"):
        sort.ordered(ROWS, [("colour", False)])

"""Conversations: what RFC 5256 says of links, loops, letters that are not here, subjects and times."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.mailboxes import thread
from hatoba.mailboxes.thread import Leaf, Node


def written(nodes: list[Node]) -> str:
    """As THREAD says it, but that a chain is nested all the way: "1[2][3[4]]"."""
    return "".join(
        f"{node.number or '.'}{''.join(f'[{written([child])}]' for child in node.children)}" for node in nodes
    )


def numbers(nodes: list[Node]) -> list[int]:
    found, stack = [], list(nodes)
    while stack:
        node = stack.pop()
        if node.leaf is not None:
            found.append(node.number)
        stack += node.children
    return sorted(found)


def test_a_chain_of_replies_is_one_branch() -> None:
    leaves = [Leaf(1, 10, id="a"), Leaf(2, 20, id="b", references=["a"]), Leaf(3, 30, id="c", references=["a", "b"])]
    assert written(thread.references(leaves)) == "1[2[3]]"


def test_the_order_of_arrival_does_not_matter() -> None:
    leaves = [Leaf(1, 30, id="c", references=["a", "b"]), Leaf(2, 10, id="a"), Leaf(3, 20, id="b", references=["a"])]
    assert written(thread.references(leaves)) == "2[3[1]]"


def test_siblings_are_sorted_by_time_and_then_by_number() -> None:
    leaves = [
        Leaf(1, 10, id="a"), Leaf(2, 40, id="b", references=["a"]), Leaf(3, 20, id="c", references=["a"]),
        Leaf(4, 20, id="d", references=["a"]),
    ]  # fmt: skip
    assert written(thread.references(leaves)) == "1[3][4][2]"


def test_a_letter_that_is_not_here_holds_its_answers_together() -> None:
    leaves = [Leaf(1, 10, "x", True, "b", ["gone"]), Leaf(2, 20, "y", True, "c", ["gone"])]
    assert written(thread.references(leaves)) == ".[1][2]"


def test_one_answer_to_a_letter_that_is_not_here_stands_alone() -> None:
    leaves = [Leaf(1, 10, "x", True, "b", ["gone"]), Leaf(2, 20, "y", True, "c", ["lost", "b"])]
    assert written(thread.references(leaves)) == "1[2]"


def test_a_stranger_in_the_middle_is_left_out() -> None:
    leaves = [Leaf(1, 10, id="a"), Leaf(2, 20, id="c", references=["a", "gone"])]
    assert written(thread.references(leaves)) == "1[2]"


def test_letters_of_one_subject_become_siblings() -> None:
    leaves = [Leaf(1, 10, "tea", False, "a"), Leaf(2, 20, "tea", False, "b"), Leaf(3, 30, "milk", False, "c")]
    assert written(thread.references(leaves)) == ".[1][2]3"


def test_a_reply_by_subject_alone_goes_below_the_first() -> None:
    leaves = [Leaf(1, 20, "tea", True, "a"), Leaf(2, 10, "tea", False, "b"), Leaf(3, 30, "tea", True, "c")]
    assert written(thread.references(leaves)) == "2[1][3]"


def test_letters_without_a_subject_are_not_gathered() -> None:
    assert written(thread.references([Leaf(1, 10, id="a"), Leaf(2, 20, id="b")])) == "12"


def test_of_two_with_one_message_id_the_first_has_it() -> None:
    leaves = [
        Leaf(1, 10, "x", False, "a"), Leaf(2, 20, "y", False, "a"), Leaf(3, 30, "z", False, "b", ["a"]),
    ]  # fmt: skip
    assert written(thread.references(leaves)) == "1[3]2"


@pytest.mark.parametrize("names", [["a"], ["b", "a"], ["a", "b", "a"]])
def test_letters_that_name_each_other_make_no_loop(names: list[str]) -> None:
    leaves = [Leaf(1, 10, "x", False, "a", ["b"]), Leaf(2, 20, "y", False, "b", names)]
    assert numbers(thread.references(leaves)) == [1, 2]


def test_ordered_by_subject_the_first_is_above_all_others() -> None:
    leaves = [Leaf(1, 30, "tea"), Leaf(2, 10, "milk"), Leaf(3, 20, "tea"), Leaf(4, 40, "tea")]
    assert written(thread.ordered_subject(leaves)) == "23[1][4]"


def test_a_very_long_chain_is_no_trouble() -> None:
    leaves = [Leaf(n, n, "x", True, str(n), [str(n - 1)]) for n in range(1, 3001)]
    (root,) = thread.references(leaves)
    assert root.number == 1
    assert numbers([root]) == list(range(1, 3001))


@given(
    st.lists(
        st.tuples(
            st.integers(0, 50), st.sampled_from(["", "s", "t"]), st.booleans(), st.sampled_from("abcdef"),
            st.lists(st.sampled_from("abcdefgh"), max_size=4),
        ),
        max_size=12,
    )
)  # fmt: skip
def test_whatever_they_refer_to_each_letter_stands_in_one_place(
    letters: list[tuple[int, str, bool, str, list[str]]],
) -> None:
    leaves = [Leaf(number, *letter) for number, letter in enumerate(letters, 1)]
    for algorithm in (thread.references, thread.ordered_subject):
        roots = algorithm(leaves)
        assert numbers(roots) == list(range(1, len(leaves) + 1))
        assert all(node.leaf is not None or len(node.children) > 1 for node in roots)

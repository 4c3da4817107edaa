"""What a session knows: numbers hold still until it was told, and it ends where the store is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.mailboxes.view import Mark, News, View, uids_in
from hatoba.model import numbers

SEEN = 1


def view(*uids: int) -> View:
    made = View()
    made.absorb([Mark(uid, 0, uid) for uid in uids])
    made.news(expunges=True)
    return made


def spans(seen: View, written: str, *, uid: bool) -> list[int]:
    return uids_in(seen.spans(numbers.parse(written), uid=uid), seen.uids)


def test_new_letters_are_told_as_a_count() -> None:
    seen = view(3, 5)
    seen.absorb([Mark(9, 0, 10)])
    assert seen.pending
    assert (seen.told, seen.last) == (2, 5)
    assert seen.news(expunges=False) == News(exists=3)
    assert (seen.told, seen.last) == (3, 9)
    assert not seen.pending


def test_a_letter_that_is_gone_keeps_its_number_until_it_may_be_told() -> None:
    seen = view(3, 5, 9)
    seen.absorb([], vanished=[5])
    assert not seen.news(expunges=False)
    assert seen.lost(5)
    assert spans(seen, "3", uid=False) == [9]
    assert seen.news(expunges=True) == News(gone=((2, 5),))
    assert spans(seen, "2", uid=False) == [9]


def test_each_number_is_what_it_is_when_its_turn_comes() -> None:
    seen = view(1, 2, 3, 4)
    seen.absorb([], vanished=[1, 3, 4])
    assert seen.news(expunges=True).gone == ((1, 1), (2, 3), (2, 4))


def test_flags_are_told_once_and_under_their_later_number() -> None:
    seen = view(1, 2, 3)
    seen.absorb([Mark(3, SEEN, 9)], vanished=[1])
    news = seen.news(expunges=True)
    assert (news.gone, news.marks) == (((1, 1),), (1,))
    assert seen.mark(1) == Mark(3, SEEN, 9)
    assert not seen.news(expunges=True)


def test_what_was_heard_otherwise_is_not_told_again() -> None:
    seen = view(1, 2)
    seen.absorb([Mark(1, SEEN, 9), Mark(2, SEEN, 9)])
    seen.heard([1])
    assert seen.news(expunges=True).marks == (1,)


def test_an_old_change_does_not_undo_a_later_one() -> None:
    seen = view(1)
    seen.absorb([Mark(1, SEEN, 9)])
    seen.absorb([Mark(1, 0, 8)])
    assert seen.mark(0).bits == SEEN


def test_a_letter_that_came_and_went_untold_leaves_no_trace() -> None:
    seen = view(1)
    seen.absorb([Mark(2, 0, 3)])
    seen.absorb([], vanished=[2])
    assert not seen.pending
    assert list(seen.uids) == [1]


@pytest.mark.parametrize(
    ("written", "wanted"),
    [("1:*", [3, 5, 9]), ("4:5", [5]), ("*", [9]), ("10:*", [9]), ("10:4294967295", []), ("9,3", [3, 9]), ("4", [])],
)
def test_uids(written: str, wanted: list[int]) -> None:
    assert spans(view(3, 5, 9), written, uid=True) == wanted


@pytest.mark.parametrize(("written", "wanted"), [("1:*", [3, 5, 9]), ("3:2", [5, 9]), ("*:1", [3, 5, 9]), ("2", [5])])
def test_sequence_numbers(written: str, wanted: list[int]) -> None:
    assert spans(view(3, 5, 9), written, uid=False) == wanted


@pytest.mark.parametrize("written", ["4", "1:4", "4:*"])
def test_a_sequence_number_beyond_the_box_is_an_error(written: str) -> None:
    with pytest.raises(IndexError):
        spans(view(3, 5, 9), written, uid=False)


def test_an_empty_box_has_nothing_by_star() -> None:
    assert spans(view(), "1:*", uid=True) == []
    assert spans(view(), "*", uid=False) == []


def test_the_first_letter_without_a_flag() -> None:
    seen = view(3, 5)
    assert seen.first_without(SEEN) == 1
    seen.absorb([Mark(3, SEEN, 9)])
    assert seen.first_without(SEEN) == 2
    seen.absorb([Mark(5, SEEN, 10)])
    assert seen.first_without(SEEN) == 0


@given(st.lists(st.tuples(st.sampled_from(["come", "flag", "go", "tell", "hush"]), st.integers(0, 30)), max_size=60))
def test_a_client_that_follows_the_news_knows_the_box(steps: list[tuple[str, int]]) -> None:
    box: dict[int, int] = {}
    client: list[tuple[int, int]] = []  # (uid, bits) by sequence number, from what it is told
    seen, modseq, uidnext = View(), 1, 1
    for step, choice in [*steps, ("tell", 0)]:
        modseq += 1
        if step == "come":
            box[uidnext] = 0
            seen.absorb([Mark(uidnext, 0, modseq)])
            uidnext += 1
        elif step == "flag" and box:
            uid = sorted(box)[choice % len(box)]
            box[uid] ^= 1
            seen.absorb([Mark(uid, box[uid], modseq)])
        elif step == "go" and box:
            uid = sorted(box)[choice % len(box)]
            del box[uid]
            seen.absorb([], vanished=[uid])
        elif step in {"tell", "hush"}:
            news = seen.news(expunges=step == "tell")
            for number, uid in news.gone:
                assert client.pop(number - 1)[0] == uid
            if news.exists is not None:
                client += [(seen.uids[place], seen.bits[place]) for place in range(len(client), news.exists)]
            for place in news.marks:
                client[place] = (client[place][0], seen.bits[place])
    assert client == sorted(box.items())

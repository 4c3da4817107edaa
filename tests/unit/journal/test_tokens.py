"""Subjects as words and pairs: any word and any two neighbours are found; hostile subjects are bounded."""

import time

from hypothesis import given
from hypothesis import strategies as st

from hatoba.journal import terms, tokens
from hatoba.model.event import ACCEPTED
from hatoba.store.rows import EventRow


def test_words_and_pairs() -> None:
    assert tokens.tokens(tokens.folded("Re: Invoice 12, INVOICE")) == ["re", "invoice", "12"]
    assert tokens.tokens("請求書の件") == ["請求", "求書", "書の", "の件"]
    assert tokens.tokens("10月分請求") == ["10", "月分", "分請", "請求"]
    assert tokens.tokens(tokens.folded("ｾｲｷｭｳ ＡＢＣ")) == ["セイ", "イキ", "キュ", "ュウ", "abc"]
    assert tokens.tokens("件 a") == ["件", "a"]
    assert tokens.tokens("สวัสดี 안녕") != []
    assert tokens.tokens("\U00020b9f\U00020bb7る") == ["\U00020b9f\U00020bb7", "\U00020bb7る"]  # beyond the BMP
    assert tokens.tokens("…!?—") == []


def test_what_is_asked_for() -> None:
    assert tokens.asked("件") == []  # no pair: sought by reading
    assert tokens.asked("請求書 no") == ["請求", "求書", "no"]
    assert tokens.matches("ご請求書の件 no 5", "請求 no")
    assert not tokens.matches("求請", "請求")
    assert not tokens.matches("notice", "no")
    assert tokens.matches("請求の件", "件")


@given(st.text(max_size=60), st.integers(0, 58), st.integers(2, 10))
def test_whatever_stands_in_a_subject_is_found(subject: str, at: int, length: int) -> None:
    """A piece of a dense run, or a whole word, proposes the subject and matches it."""
    folded = tokens.folded(subject)
    for run, dense in tokens.runs(folded):
        piece = run[at % len(run) :][:length] if dense else run
        assert set(tokens.asked(piece)) <= set(tokens.tokens(folded))
        assert tokens.matches(folded, piece)


@given(st.text())
def test_any_subject_is_bounded(subject: str) -> None:
    found = tokens.tokens(tokens.folded(subject))
    assert len(found) <= tokens.WORDS
    assert all(0 < len(one) <= tokens.LONGEST for one in found)


def test_a_hostile_subject() -> None:
    """10 MB of words, of one word, of what NFKC blows up eighteenfold, of pairs: few tokens, in no time."""
    begun = time.process_time()
    for text in ("a b%d " * 2_000_000, "x" * 10_000_000, "\ufdfa" * 3_000_000, "請求" * 1_600_000, "=?" * 5_000_000):
        row = EventRow(1, 1, 1, ACCEPTED, b'{"sender":"","to":[],"subject":"' + text.encode() + b'"}')
        assert len(terms.numbers(row)) <= tokens.WORDS + 2
    assert time.process_time() - begun < 5


def test_the_half_of_an_encoded_word_is_no_word() -> None:
    cut = "=?UTF-8?B?6KuL5rGC?= =?UTF-8?B?6KuL5rG"
    assert terms.folded_subject(cut) == "請求"
    assert terms.folded_subject("=?UTF-8?Q") == ""
    assert terms.folded_subject("what =? is this") == "what =? is this"

"""Patterns: words across cases, widths and line ends, globs, regexes; and time that does not run away."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.intake.filter_tables import Match
from hatoba.intake.filters.pattern import Pattern, normal


@pytest.mark.parametrize(
    ("match", "pattern", "text"),
    [
        ("word", "viagra", "Buy VIAGRA now"),
        ("word", "free money", "FREE \r\n  money!"),
        ("word", "無料", "今だけ無料です"),
        ("word", "無料クリック", "今だけ無料\r\nクリックして"),
        ("word", "クリック", "ｸﾘｯｸ"),
        ("word", "FREE", "ｆｒｅｅ gift"),
        ("word", "free", "fr\u200bee"),
        ("word", "c++", "learn C++ today"),
        ("glob", "*.exe", "Setup.EXE"),
        ("glob", "a?c*", "abc\ndef"),
        ("regex", r"win\s+\d+ (euro|yen)", "You WIN  1000 yen today"),
        ("regex", "(?-i)URGENT", "URGENT"),
        ("regex", "^b", "b"),
        ("regex", "日.語", "日本語"),
    ],
)
def test_what_is_found(match: Match, pattern: str, text: str) -> None:
    assert Pattern(match, [pattern]).find(text) is not None


@pytest.mark.parametrize(
    ("match", "pattern", "text"),
    [
        ("word", "free", "freedom"),
        ("word", "free", "carefree"),
        ("word", "a.c", "abc"),
        ("glob", "*.exe", "a.exe.txt"),
        ("glob", "a.c", "abc"),
        ("regex", "(?-i)URGENT", "urgent"),
        ("regex", "^b", "a\nb"),
    ],
)
def test_what_is_not(match: Match, pattern: str, text: str) -> None:
    assert Pattern(match, [pattern]).find(text) is None


@pytest.mark.parametrize("pattern", [r"(a)\1", "(?=a)b", "(?<!a)b", "(", "a{2000}", r"\p{Nothing}"])
def test_what_cannot_be_run_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="is no pattern that is run here"):
        Pattern("regex", [pattern])


def test_nothing_is_no_pattern() -> None:
    with pytest.raises(ValueError, match="no pattern"):
        Pattern("word", [" "])


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)+$", "(a|a)*b", "(.*a){20}b", r"^(\w+\s?)*$", "(x+x+)+y", "a?" * 25 + "a" * 25 + "b"]
)
def test_patterns_that_take_others_ages(pattern: str) -> None:
    """Backtracking takes 2^n steps for these; half a MiB is more than a rule looks at."""
    text = "a" * (512 << 10) + "!"
    compiled = Pattern("regex", [pattern])
    start = time.process_time()
    compiled.find(text)
    assert time.process_time() - start < 5


def test_what_matched_is_shown_short() -> None:
    assert Pattern("regex", ["a+"]).find("b" + "a" * 500) == "a" * 60 + "…"
    assert Pattern("word", ["one", "two"]).find("Two of them") == "two"


@given(st.text(max_size=200))
def test_any_text_can_be_looked_through(text: str) -> None:
    for match in ("word", "glob", "regex"):
        Pattern(match, ["ab"]).find(text)
    assert normal(normal(text)) == normal(text)

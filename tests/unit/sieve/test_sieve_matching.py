"""Comparators, wildcards, regular expressions: what matches, and what a wildcard stands for."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.sieve.limits import USUAL
from hatoba.sieve.matching import comparators, globs, match, regexes

FOLD = comparators.ascii_upper


@pytest.mark.parametrize(
    ("comparator", "one", "other", "same"),
    [
        ("i;octet", "a", "A", False),
        ("i;ascii-casemap", "aB-é", "Ab-é", True),
        ("i;ascii-casemap", "é", "É", False),
        ("i;unicode-casemap", "é", "É", True),
        ("i;unicode-casemap", "ﬁ", "fi", False),  # the ligature stays small where "fi" has a capital
        ("i;unicode-casemap", "Ａ", "a", True),
        ("i;ascii-numeric", "007", "7", True),
        ("i;ascii-numeric", "7 apples", "7", True),
        ("i;ascii-numeric", "x", "y", True),  # neither is a number: both are infinite
        ("i;ascii-numeric", "x", "9" * 5000, False),
    ],
)
def test_equality(comparator: str, one: str, other: str, same: bool) -> None:
    assert comparators.equal(comparator, one, other) is same
    assert (comparators.order(comparator, one, other) == 0) is same


@pytest.mark.parametrize(
    ("comparator", "less", "more"),
    [
        ("i;octet", "B", "a"),
        ("i;ascii-casemap", "a", "B"),
        ("i;ascii-casemap", "a", "_"),  # letters count as capitals
        ("i;ascii-numeric", "9", "10"),
        ("i;ascii-numeric", "9" * 5000, "none"),
        ("i;ascii-numeric", "000", "1"),
        ("i;unicode-casemap", "a", "É"),
    ],
)
def test_order(comparator: str, less: str, more: str) -> None:
    assert comparators.order(comparator, less, more) < 0 < comparators.order(comparator, more, less)


@pytest.mark.parametrize(
    ("pattern", "text", "values"),
    [
        ("", "", ("",)),
        ("*", "", ("", "")),
        ("*", "abc", ("abc", "abc")),
        ("a?c", "abc", ("abc", "b")),
        ("*b*", "abcb", ("abcb", "a", "cb")),
        ("*<*@*", "List <a@b>", ("List <a@b>", "List ", "a", "b>")),
        ("coyote@**.com", "coyote@ACME.Example.COM", ("coyote@ACME.Example.COM", "", "ACME.Example")),
        ("[*] *", "[acme] [fwd] 1", ("[acme] [fwd] 1", "acme", "[fwd] 1")),
        ("\\*\\?\\\\", "*?\\", ("*?\\",)),
        ("a\\", "a\\", ("a\\",)),
        ("*a?c*", "xxabcyaxc", ("xxabcyaxc", "xx", "b", "yaxc")),
        ("*?é?*", "aé日é本", ("aé日é本", "", "a", "日", "é本")),
        ("??*", "日本語", ("日本語", "日", "本", "語")),
        ("*??", "abc", ("abc", "a", "b", "c")),
    ],
)
def test_wildcards(pattern: str, text: str, values: tuple[str, ...]) -> None:
    assert globs.match(pattern, text, FOLD) == values


@pytest.mark.parametrize(
    ("pattern", "text"), [("", "a"), ("a", ""), ("a", "ab"), ("ab*ba", "aba"), ("*?X", "X"), ("?", ""), ("*a?", "a")]
)
def test_what_wildcards_do_not_match(pattern: str, text: str) -> None:
    assert globs.match(pattern, text, FOLD) is None


def test_values_are_those_of_the_text_not_of_its_fold() -> None:
    assert globs.match("*B*", "AbC", FOLD) == ("AbC", "A", "C")


@given(st.text("ab?*\\", max_size=12), st.text("abAB\n", max_size=12))
def test_wildcards_agree_with_a_backtracking_matcher(pattern: str, text: str) -> None:
    tokens = re.findall(r"\\.|\\\Z|[*?]|[^\\*?]", pattern, re.DOTALL)
    wild = {"*": "(.*?)", "?": "(.)"}
    whole = "".join(wild.get(t) or re.escape(t[1:] if len(t) > 1 else t) for t in tokens)
    found = re.fullmatch(whole, text, re.DOTALL | re.IGNORECASE)
    assert globs.match(pattern, text, FOLD) == (None if found is None else (found[0], *found.groups()))


@pytest.mark.parametrize(
    ("pattern", "text", "values"),
    [
        ("^(a|ab)(c|bcd)", "abcd", ("abcd", "a", "bcd")),  # the longest of all
        ("[[:digit:]]+", "ab123", ("123",)),
        ("x(y)?z", "xz", ("xz", "")),
        ("a.c", "a\nc", ("a\nc",)),
        ("日(本)", "日本", ("日本", "本")),
    ],
)
def test_regular_expressions(pattern: str, text: str, values: tuple[str, ...]) -> None:
    assert regexes.match(pattern, text, sensitive=True, longest=100, memory=1 << 20) == values


@pytest.mark.parametrize("pattern", ["(", "a**b(", "[z-a]", "a{1001}", "(a)\\1", "(?=a)", "((a{100}){100}){100}"])
def test_what_is_no_regular_expression(pattern: str) -> None:
    with pytest.raises(regexes.BadRegex):
        regexes.check(pattern, 2000, 1 << 20)


@pytest.mark.parametrize(
    ("how", "pattern", "text"),
    [
        (match.Match("matches"), "*a" * 400 + "b", "a" * 200_000),
        (match.Match("matches"), "*a?b" * 50 + "c", "a" * 200_000),
        (match.Match("regex"), "(a*)*b", "a" * 200_000),
        (match.Match("regex"), "(a|aa)+$x", "a" * 200_000),
        (match.Match("contains"), "a" * 1000 + "b", "a" * 200_000),
    ],
)
def test_hostile_patterns_take_no_time(how: match.Match, pattern: str, text: str) -> None:
    start = time.process_time()
    assert match.values(how, text, pattern, USUAL) is None
    assert time.process_time() - start < 2


@pytest.mark.parametrize(("relation", "orders"), [("gt", {1}), ("ge", {0, 1}), ("lt", {-1}), ("le", {-1, 0}),
                                                  ("eq", {0}), ("ne", {-1, 1})])  # fmt: skip
def test_relations(relation: str, orders: set[int]) -> None:
    assert {order for order in (-1, 0, 1) if match.holds(relation, order)} == orders


@given(
    st.sampled_from(("is", "contains", "matches", "regex", "value")),
    st.sampled_from(tuple(comparators.FOLDS)),
    st.text(max_size=30),
    st.text(max_size=30),
)
def test_nothing_but_a_bad_expression_escapes(type_: str, comparator: str, value: str, key: str) -> None:
    try:
        found = match.values(match.Match(type_, "eq", comparator), value, key, USUAL)
    except regexes.BadRegex:
        assert type_ == "regex"
    else:
        assert found is None or all(isinstance(each, str) for each in found)

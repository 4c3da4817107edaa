"""What boxes are called, whose they are, and which of them a LIST shows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.mailboxes import names
from hatoba.mailboxes.names import Box, Pattern, Place

ME = "me@example.org"


def shown(
    boxes: list[Box], *patterns: str, subscribed: bool = False, special: bool = False, recursive: bool = False
) -> list[str]:
    found = names.listed(
        names.with_superiors(boxes),
        [Pattern("", pattern) for pattern in patterns],
        subscribed=subscribed, special=special, recursive=recursive,
    )  # fmt: skip
    return [("+" if item.children else "") + item.box.name + ("!" if item.below else "") for item in found]


@pytest.mark.parametrize(
    ("written", "wanted"),
    [("inbox", "INBOX"), ("Inbox/a", "INBOX/a"), ("inboxes", "inboxes"), ("a/", "a"), ("e\u0301", "\u00e9")],
)
def test_names_have_one_spelling(written: str, wanted: str) -> None:
    assert names.normal(written) == wanted


@pytest.mark.parametrize("written", ["", "/a", "a//b", "a*", "a%b", "a\x07", "x" * 300, "/".join("a" * 40)])
def test_what_no_box_can_be_called(written: str) -> None:
    with pytest.raises(names.BadName):
        names.checked(written)


def test_own_names_are_as_they_are() -> None:
    assert names.place("Projects/tea", ME) == Place(ME, "Projects/tea")
    assert names.seen(ME, "Projects/tea", ME) == "Projects/tea"


@given(st.text("ab/=%*@2F", min_size=1).filter(lambda account: account != ME))
def test_other_peoples_boxes_are_found_by_the_name_they_are_shown_as(account: str) -> None:
    shown_as = names.seen(account, "INBOX", ME)
    assert shown_as.count("/") == 2
    assert names.place(shown_as, ME) == Place(account, "INBOX")


def test_nobody_has_the_root_of_other_peoples_boxes() -> None:
    with pytest.raises(names.BadName):
        names.place(names.OTHERS, ME)


@pytest.mark.parametrize(
    ("pattern", "name", "wanted"),
    [
        ("*", "a/b", True), ("%", "a", True), ("%", "a/b", False), ("a/%", "a/b", True), ("a/%", "a/b/c", False),
        ("a*c", "a/b/c", True), ("%/%", "a/b", True), ("inbox", "INBOX", True), ("InBox/%", "INBOX/x", True),
        ("a.b", "axb", False), ("*%", "a/b", True), ("%*", "a/b", True), ("", "a", False),
        ("\u8336*", "\u8336\u8449", True),
        ("a%t*4", "at/3/4", True),
    ],
)  # fmt: skip
def test_patterns(pattern: str, name: str, wanted: bool) -> None:
    assert Pattern("", pattern).matches(name) is wanted


def test_a_reference_stands_before_the_pattern() -> None:
    assert Pattern("a/", "%").matches("a/b")
    assert not Pattern("a/", "%").matches("b")


def test_a_pattern_of_many_wildcards_costs_little() -> None:
    assert not Pattern("", "*a" * 400).matches("b" * 900)


def test_superiors_that_are_no_boxes_are_shown_where_something_is_below() -> None:
    assert shown([Box("INBOX"), Box("a/b/c")], "%") == ["INBOX", "+a"]
    assert shown([Box("INBOX"), Box("a/b/c")], "*") == ["INBOX", "+a", "+a/b", "a/b/c"]


def test_only_what_is_subscribed_even_if_it_is_gone() -> None:
    boxes = [Box("INBOX"), Box("a", subscribed=True), Box("old", exists=False, subscribed=True, selectable=False)]
    assert shown(boxes, "*", subscribed=True) == ["a", "old"]
    assert shown(boxes, "*") == ["INBOX", "a"]


def test_only_what_has_a_use() -> None:
    assert shown([Box("INBOX"), Box("Sent", special=("\\Sent",))], "*", special=True) == ["Sent"]


def test_a_superior_stands_for_what_is_subscribed_below_it() -> None:
    boxes = [Box("INBOX"), Box("a"), Box("a/b", subscribed=True), Box("c")]
    assert shown(boxes, "%", subscribed=True, recursive=True) == ["+a!"]
    assert shown(boxes, "*", subscribed=True, recursive=True) == ["+a!", "a/b"]


def test_several_patterns_show_a_box_once() -> None:
    assert shown([Box("INBOX"), Box("a")], "*", "a") == ["INBOX", "a"]

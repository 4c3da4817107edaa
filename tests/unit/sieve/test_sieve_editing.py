"""Fields added and deleted: what tests see afterwards, and what is to be carried out."""

import pytest
from tests.support.sieving import holds, run

from hatoba.message import fields, headers
from hatoba.sieve import actions, limits

LETTER = b"Received: a\r\nX-A: one\r\nX-A: two\r\nSubject: s\r\nX-A: three\r\nAuto-Submitted: no\r\n\r\nbody\r\n"


def edited(text: str) -> bytes:
    result = run(text, LETTER)
    assert result.fault is None, result.fault
    above, block = fields.changed(headers.scan(LETTER).block, result.edits)
    return above + block


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('addheader "X-B" "b";', b"X-B: b\r\n" + LETTER[:-8]),
        ('addheader :last "X-B" "b";', LETTER[:-8] + b"X-B: b\r\n"),
        ('addheader "X-B" "b"; deleteheader :index 1 "X-B";', LETTER[:-8]),
        ('addheader "Received" "x"; deleteheader "received"; deleteheader "Auto-Submitted";', LETTER[:-8]),
    ],
)
def test_headers(text: str, left: bytes) -> None:
    assert edited(text) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('deleteheader "x-a";', []),
        ('deleteheader :index 2 "x-a";', [b"one", b"three"]),
        ('deleteheader :index 1 :last "x-a";', [b"one", b"two"]),
        ('deleteheader :index 9 "x-a";', [b"one", b"two", b"three"]),
        ('deleteheader :index 1 "x-a"; deleteheader :index 2 "x-a";', [b"two"]),
        ('deleteheader :contains "x-a" "o";', [b"three"]),
        ('deleteheader :index 1 :matches "x-a" "t*";', [b"one", b"two", b"three"]),
        ('deleteheader "x-a" ["TWO", "none"];', [b"one", b"three"]),
        ('deleteheader :count "eq" "x-a" "3";', []),
        ('deleteheader :count "lt" "x-a" "3";', [b"one", b"two", b"three"]),
    ],
)
def test_fields_that_are_left(text: str, left: list[bytes]) -> None:
    assert headers.Headers(edited(text), 0).all(b"x-a") == left


def test_tests_behind_see_the_change_and_actions_carry_it() -> None:
    result = run('fileinto "a"; addheader "X-B" "b"; if header "x-b" "b" { fileinto "b"; } keep;', LETTER)
    before, after, kept = result.actions
    assert isinstance(before, actions.FileInto)
    assert isinstance(after, actions.FileInto)
    assert isinstance(kept, actions.Keep)
    assert before.edits == ()
    assert after.edits == kept.edits == result.edits
    assert len(result.edits) == 1


def test_the_implicit_keep_has_all_changes() -> None:
    (kept,) = run('addheader "X-B" "b";', LETTER).actions
    assert isinstance(kept, actions.Keep)
    assert kept.implicit
    assert kept.edits


def test_nothing_breaks_out_of_a_field() -> None:
    block = edited('addheader "X-B" "one\r\nBcc: two@x.example\r\n\r\nbody 冬";')
    assert headers.Headers(block, 0).all(b"bcc") == []
    assert headers.Headers(block, 0).text(b"x-b") == "one Bcc: two@x.example body 冬"
    assert block.isascii()


def test_limits() -> None:
    assert str(run('addheader "X-B" "b";' * 101).fault) == "line 2: the script changes more than 100 fields"
    small = limits.Limits(header=3)
    text = 'set "v" "1234"; addheader "X-B" "${v}";'
    assert str(run(text, limits=small).fault) == "line 2: the value of a field has more than 3 characters"
    assert "no name of a field" in str(run('set "n" "a:"; addheader "${n}" "x";').fault)
    assert "NUL" in str(run('set "n" "${hex:00}"; addheader "a" "${n}";').fault)


def test_a_part_shows_the_header_as_edited() -> None:
    assert not holds('header :mime "x-b" "b"', LETTER)
    result = run('if body "x" {} addheader "X-B" "b"; if header :mime "x-b" "b" { discard; }', LETTER)
    assert isinstance(result.actions[0], actions.Discard)

"""Tests of what a letter holds or is: body, size, dates, scores, the environment, strings."""

import pytest
from tests.support.sieving import LETTER, holds, value

from hatoba.sieve import limits
from hatoba.sieve.letter import dates

MIXED = (
    b"Content-Type: multipart/mixed; boundary=out\r\n\r\nprologue\r\n--out\r\n"
    b"Content-Type: text/html; charset=iso-2022-jp\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"<style>no</style><b>=1B$BD94q=1B(B</b> &amp; more\r\n--out\r\nContent-Type: application/pdf\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nUERG\r\n--out\r\nContent-Type: text/plain\r\n"
    b"Content-Transfer-Encoding: rot13\r\n\r\nfrperg\r\n--out\r\n\r\nbare\r\n--out--\r\nepilogue\r\n"
)


@pytest.mark.parametrize(
    ("test", "held"),
    [
        ('body :raw :contains "--out"', True),
        ('body :raw :contains "=1B"', True),
        ('body :contains "長奇 "', True),
        ('body :text :contains "& more"', True),
        ('body :text :contains ["<b>", "no", "PDF", "frperg", "prologue"]', False),
        ('body :text :is "bare"', True),
        ('body :content "text" :contains "<b>"', True),
        ('body :content "application/pdf" :is "PDF"', True),
        ('body :content "multipart" :matches "prologue*"', True),
        ('body :content "multipart" :matches "epilogue*"', True),
        ('body :content "multipart" :matches "prologue*epilogue*"', False),  # two strings
        ('body :content ["/x", "x/", "a/b/c", "image"] :contains ""', False),
        ('body :content "" :count "ge" "5"', True),
    ],
)
def test_bodies(test: str, held: bool) -> None:
    assert holds(test, MIXED) is held


def test_a_letter_without_an_empty_line_has_no_body() -> None:
    for transform in (":raw", ":text", ':content ""'):
        assert not holds(f'body {transform} :contains ""', b"Subject: x\r\n")
        assert holds(f'body {transform} :is ""', b"Subject: x\r\n\r\n")


def test_a_body_sets_no_values_of_a_match() -> None:
    text = 'if header :matches "subject" "* *" { } if body :matches "*e*" { } set "x" "${2}";'
    assert value(text) == "hello"


def test_no_more_of_a_body_is_looked_at_than_the_limit_says() -> None:
    letter = b"\r\n" + b"a" * 100 + b"needle"
    assert holds('body :raw :contains "needle"', letter)
    assert not holds('body :raw :contains "needle"', letter, limits=limits.Limits(body=100))


def test_parts_beyond_the_limit_are_not_there() -> None:
    letter = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 5 + b"--b\r\n\r\nlast\r\n--b--\r\n"
    )
    assert holds('body :contains "last"', letter)
    assert not holds('body :contains "last"', letter, limits=limits.Limits(parts=6))
    assert not holds('body :contains "last"', letter, limits=limits.Limits(part_depth=0))


def test_sizes() -> None:
    size = len(LETTER)
    assert holds(f"size :over {size - 1}")
    assert not holds(f"size :over {size}")
    assert not holds(f"size :under {size}")
    assert holds(f"size :under {size + 1}")
    assert holds("size :under 1K")


@pytest.mark.parametrize(
    ("test", "held"),
    [
        ('date :originalzone "date" "hour" "10"', True),
        ('date "date" "hour" "01"', True),  # the zone here is 0
        ('date :zone "-0500" "date" "date" "2022-01-02"', True),
        ('date :zone "-0500" "date" "zone" "-0500"', True),
        ('date :zone "bad" "date" "year" "2022"', False),
        ('date "date" "weekday" "1"', True),
        ('date "date" "julian" "59582"', True),
        ('date "date" "iso8601" "2022-01-03T01:20:30Z"', True),
        ('date :originalzone "date" "iso8601" "2022-01-03T10:20:30+09:00"', True),
        ('date :originalzone "date" "std11" "Mon, 3 Jan 2022 10:20:30 +0900"', True),
        ('date "date" "TIME" "01:20:30"', True),
        ('date "date" "no-part" ""', False),
        ('date "subject" "year" "2022"', False),
        ('date :count "eq" "date" "year" "1"', True),
        ('date :value "lt" "date" "year" "2023"', True),
        ('currentdate "date" "2023-11-14"', True),
        ('currentdate :zone "+0900" "date" "2023-11-15"', True),
        ('currentdate "weekday" "2"', True),
        ('currentdate :matches "zone" "+0000"', True),
    ],
)
def test_dates(test: str, held: bool) -> None:
    assert holds(test) is held


def test_of_several_fields_the_first_has_the_date_and_of_received_its_end() -> None:
    letter = (
        b"Received: from a; by b; Mon, 3 Jan 2022 10:20:30 +0900\r\n"
        b"Received: from c; Tue, 4 Jan 2022 10:20:30 +0900\r\n"
        b"Date: rubbish\r\nDate: Mon, 3 Jan 2022 10:20:30 +0900\r\n\r\n"
    )
    assert holds('date "received" "day" "03"', letter)
    assert not holds('date "received" "day" "04"', letter)
    assert holds('date :index 1 :last "received" "day" "04"', letter)
    assert not holds('date "date" "year" "2022"', letter)


@pytest.mark.parametrize("text", ["0900", "+900", "+9x00", "+2400", "++900", "+٠٩٠٠"])
def test_what_is_no_zone(text: str) -> None:
    assert dates.offset(text) is None


@pytest.mark.parametrize(
    ("test", "spam", "held"),
    [
        ('spamtest :value "eq" :comparator "i;ascii-numeric" "0"', None, True),
        ('spamtest :count "eq" "0"', None, True),
        ('spamtest :count "eq" "1"', 0.0, True),
        ('spamtest :is "1"', 0.0, True),
        ('spamtest :is "10"', 100.0, True),
        ('spamtest :is "9"', 99.9, True),
        ('spamtest :percent :is "0"', None, True),
        ('spamtest :percent :is "37"', 37.9, True),
        ('spamtest :percent :is "100"', 250.0, True),
    ],
)
def test_spam(test: str, spam: float | None, held: bool) -> None:
    assert holds(test, spam=spam) is held


def test_viruses() -> None:
    assert holds('virustest :is "0"')
    assert holds('virustest :count "eq" "0"')
    assert holds('virustest :value "ge" :comparator "i;ascii-numeric" "4"', virus=5)


def test_the_environment() -> None:
    items = {"domain": "example.org", "remote-host": ""}
    assert holds('environment :is "Domain" "EXAMPLE.org"', environment=items)
    assert holds('environment :contains "remote-host" ""', environment=items)
    assert holds('environment :count "eq" "remote-host" "0"', environment=items)
    assert not holds('environment :contains "host" ""', environment=items)
    assert not holds('environment :count "eq" "host" "0"', environment=items)


def test_strings() -> None:
    assert holds('string :matches " a b " "* b *"')
    assert not holds('string " a" "a"')
    assert holds('string :count "eq" ["a", "", "b"] "2"')
    assert holds('anyof (false, not string "a" "b", string "a" "b")')
    assert not holds('allof (true, string "a" ["b", "c"])')

"""Tests of fields and envelopes: header, address, exists, envelope, with indexes, parts and subaddresses."""

import pytest
from tests.support.sieving import holds, run

MANY = (
    b'Received: one\r\nReceived: two\r\nFROM: "Fuyu, N." <fuyu+news@EXAMPLE.net>, haru@example.com\r\n'
    b"to : aki@example.org\r\nCc: friends: natsu@example.com, <@r.example:yuki@example.jp>;, broken, \r\n"
    b"Subject: =?iso-2022-jp?B?GyRCRDk0MRsoQg==?=\r\n folded\r\nX-Empty:\r\nX-Score: 12 points\r\n\r\n"
)


@pytest.mark.parametrize(
    ("test", "held"),
    [
        ('header "subject" "長官 folded"', True),
        ('header :contains ["nope", "SUBJECT"] ["x", "FOLD"]', True),
        ('header :is "x-empty" ""', True),
        ('header :contains "x-none" ""', False),
        ('header :matches "x-none" "*"', False),
        ('header :contains "subject:" ""', False),
        ('header :contains "x\nreceived" ""', False),
        ('header :comparator "i;octet" :is "received" "ONE"', False),
        ('header :regex "subject" "^長. (f.*)$"', True),
        ('header :index 2 "received" "two"', True),
        ('header :index 2 "received" "one"', False),
        ('header :index 2 :last "received" "one"', True),
        ('header :index 3 "received" "one"', False),
        ('header :index 3 ["received", "subject"] "長官 folded"', True),  # counted over all names
        ('header :count "eq" ["received", "x-empty"] "3"', True),
        ('header :count "gt" "received" "2"', False),
        ('header :value "ge" :comparator "i;ascii-numeric" "x-score" "9"', True),
        ('header :value "lt" :comparator "i;ascii-numeric" "x-score" "9"', False),
        ('exists ["from", "to", "x-empty"]', True),
        ('exists ["from", "nope"]', False),
        ('address "from" "fuyu+news@example.net"', True),
        ('address :all :is "from" "haru@example.com"', True),
        ('address :localpart "from" ["fuyu+news"]', True),
        ('address :domain "from" "example.net"', True),
        ('address :user "from" "fuyu"', True),
        ('address :detail "from" "news"', True),
        ('address :detail :contains "to" ""', False),
        ('address :user "to" "aki"', True),
        ('address "cc" "yuki@example.jp"', True),
        ('address :contains "cc" "broken"', False),
        ('address :count "eq" "cc" "2"', True),
        ('address :contains "from" "Fuyu, N"', False),
        ('address :index 1 :last "from" "haru@example.com"', True),  # fields are counted, not addresses
    ],
)
def test_fields(test: str, held: bool) -> None:
    assert holds(test, MANY) is held


@pytest.mark.parametrize(
    ("test", "held"),
    [
        ('envelope "from" "fuyu@example.net"', True),
        ('envelope :domain "FROM" "example.net"', True),
        ('envelope "to" "aki-lists@example.org"', True),
        ('envelope :user "to" "aki"', True),
        ('envelope :detail "to" "lists"', True),
        ('envelope :count "eq" ["from", "to"] "2"', True),
    ],
)
def test_envelopes(test: str, held: bool) -> None:
    assert holds(test, original="aki-lists@example.org", separator="-") is held


@pytest.mark.parametrize("part", [":all", ":localpart", ":domain", ":user", ":detail"])
def test_the_null_sender_is_empty_in_every_part(part: str) -> None:
    assert holds(f'envelope {part} "from" ""', sender="")
    assert holds('envelope :count "eq" "from" "0"', sender="")


@pytest.mark.parametrize(
    ("sender", "test"),
    [
        ("@a.example,@b.example:fuyu@example.net", 'envelope "from" "fuyu@example.net"'),
        ("postmaster", 'envelope "from" "postmaster"'),
        ("MAILER-DAEMON", 'envelope :localpart "from" "mailer-daemon"'),
        ("..fuyu..@example.net", 'envelope :localpart "from" "..fuyu.."'),
        ("fuyu@_example.net", 'envelope :domain "from" "_example.net"'),
    ],
)
def test_senders_as_other_servers_write_them(sender: str, test: str) -> None:
    assert holds(test, sender=sender)


def test_a_sender_that_is_no_address_has_no_parts() -> None:
    assert not holds('envelope :all :contains "from" ""', sender="broken@")


def test_addresses_are_looked_for_in_fields_of_addresses_alone() -> None:
    letter = b"Delivered-To: a@b.example\r\nX-Original-To: <c@d.example>\r\nSubject: e@f.example\r\n\r\n"
    assert holds('address ["delivered-to", "x-original-to"] "c@d.example"', letter)
    result = run('set "n" "subject"; if address "${n}" "e@f.example" { discard; }', letter)
    assert result.kept


def test_an_envelope_of_a_variable_is_looked_at_when_it_runs() -> None:
    result = run('set "x" "auth"; if envelope "${x}" "y" { discard; }')
    assert str(result.fault) == 'line 2: an envelope has from and to, no "auth"'


PARTS = (
    b"Content-Type: multipart/mixed; boundary=A\r\nX-N: 0\r\n\r\npro\r\n--A\r\nContent-Type: text/plain; charset=utf-8;"
    b" name*=utf-8''%E5%86%AC\r\nX-N: 1\r\n\r\none\r\n--A\r\nContent-Type: message/rfc822\r\n\r\nX-N: 2\r\n"
    b"To: a@b.example\r\nContent-Type: application/pdf\r\n\r\n2\r\n--A\r\nContent-Disposition: Attachment; "
    b"filename=a.exe\r\nX-N: 3\r\n\r\n3\r\n--A--\r\nepi\r\n"
)


@pytest.mark.parametrize(
    ("test", "held"),
    [
        ('header "x-n" "0"', True),
        ('header :mime "x-n" "0"', True),
        ('header :mime "x-n" "1"', False),
        ('header :mime :anychild "x-n" "2"', True),
        ('header :mime :anychild :index 2 "x-n" "1"', True),
        ('header :mime :type "content-type" "multipart"', True),
        ('header :mime :subtype "content-type" "mixed"', True),
        ('header :mime :contenttype "content-type" "multipart/mixed"', True),
        ('header :mime :param "boundary" "content-type" "A"', True),
        ('header :mime :param ["none", "name"] "content-type" "冬"', False),
        ('header :mime :anychild :param ["none", "name"] "content-type" "冬"', True),
        ('header :mime :anychild :type "content-disposition" "attachment"', True),
        ('header :mime :anychild :param "filename" :matches "content-disposition" "*.exe"', True),
        ('header :mime :type "x-n" "0"', False),
        ('exists "content-disposition"', False),
        ('exists :mime :anychild ["content-disposition", "x-n"]', True),
        ('address :mime :anychild "to" "a@b.example"', True),
        ('address "to" "a@b.example"', False),
    ],
)
def test_fields_of_parts(test: str, held: bool) -> None:
    assert holds(test, PARTS) is held


def test_loops_go_over_all_parts() -> None:
    letter = PARTS
    result = run(
        'set "x" ""; foreverypart { if header :mime :matches "x-n" "*" { set "x" "${x}${1}"; } }\n'
        'addheader "X-Value" "${x}";',
        letter,
    )
    assert result.edits[0].value.strip() == b"0123"


def test_a_loop_within_a_loop_goes_over_what_is_below_and_breaks_go_out() -> None:
    result = run(
        'set "x" ""; foreverypart :name "outer" { foreverypart { if header :mime :matches "x-n" "*" { set "x" '
        '"${x}${1}"; } if header :mime "x-n" "2" { break :name "outer"; } } } addheader "X-Value" "${x}";',
        PARTS,
    )
    assert result.edits[0].value.strip() == b"12"


def test_a_break_ends_its_own_loop() -> None:
    result = run(
        'set "x" ""; foreverypart { foreverypart { break; } if header :mime :matches "x-n" "*" { set "x" '
        '"${x}${1}"; } } addheader "X-Value" "${x}";',
        PARTS,
    )
    assert result.edits[0].value.strip() == b"0123"

"""Addresses changed where they stand in a field; a header cut into its fields. Every other octet stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.message import cut, mailbox
from hatoba.message.readdress import readdress
from hatoba.model.address import Address


def moved(address: Address) -> Address | None:
    return Address(address.local, "new.example") if address.domain == "old.example" else None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b" a@old.example", b" a@new.example"),
        (b" A <a@OLD.example>, b@other.example", b" A <a@new.example>, b@other.example"),
        (b' "B, C <x@old.example>" <a@old.example>', b' "B, C <x@old.example>" <a@new.example>'),
        (b" =?utf-8?B?44GC?=\r\n <a@old.example> (at x@old.example)",
         b" =?utf-8?B?44GC?=\r\n <a@new.example> (at x@old.example)"),
        (b" team: a@old.example,\r\n\tb(c)@(d)old.example; , x@y.example",
         b" team: a@new.example,\r\n\tb(c)@(d)new.example; , x@y.example"),
        (b" <@relay.example,@r2.example:a@old.example>", b" <@relay.example,@r2.example:a@new.example>"),
        (b' "a b"@old.example', b' "a b"@new.example'),
        (b" a . b @ old . example", b" a . b @ new.example"),
        (b" \xe3\x81\x82 <a@old.example>", b" \xe3\x81\x82 <a@new.example>"),
        (b" \x82\xa0,\xff <a@old.example>", b" \x82\xa0,\xff <a@new.example>"),
        (b" a..b@old.example", b" a..b@old.example"),  # no address, and of no carrier
        (b" undisclosed-recipients:;", b" undisclosed-recipients:;"),
        (b" a@old.example <b@other.example>", b" a@old.example <b@other.example>"),
        (b" \x1b$B@old.example\x1b(B <a@old.example>", b" \x1b$B@old.example\x1b(B <a@old.example>"),
        (b" <a@old.example", b" <a@new.example"),
        (b"", b""),
    ],
)  # fmt: skip
def test_only_the_address_changes(before: bytes, after: bytes) -> None:
    made, done = readdress(before, moved)
    assert made == after
    assert bool(done) == (before != after)


def test_the_local_part_alone() -> None:
    made, done = readdress(b" A <a(c)@(d)old.example>", lambda address: Address("x y", address.domain))
    assert made == b' A <"x y"(c)@(d)old.example>'
    assert done == [("a@old.example", '"x y"@old.example')]


def test_the_carriers_forms() -> None:
    bare = b" <a..b@docomo.ne.jp>"  # what no grammar reads is not touched
    assert readdress(bare, lambda address: Address(address.local, "phone.example")) == (bare, [])
    made, _ = readdress(b' "a..b"@docomo.ne.jp', lambda address: Address(address.local, "phone.example"))
    assert made == b' "a..b"@phone.example'


def test_a_line_does_not_grow_beyond_what_mail_carries() -> None:
    line = b" " + b", ".join([b"a@old.example"] * 60)
    assert len(line) < 998
    longer = Address("a", f"{'b' * 60}.example")
    assert readdress(line, lambda address: longer) == (line, [])
    folded = line.replace(b", ", b",\r\n ")
    made, done = readdress(folded, lambda address: longer)
    assert len(done) == 60
    assert made.count(b"\r\n") == folded.count(b"\r\n")


def test_a_thousand_and_no_more() -> None:
    value = b", ".join([b"a@old.example"] * (mailbox.MOST + 5)).replace(b", ", b",\r\n ")
    _, done = readdress(value, moved)
    assert len(done) == mailbox.MOST


WORDS = st.sampled_from(
    [
        b"A",
        b'"q, <x@old.example>"',
        b"=?utf-8?Q?=41?=",
        b"(c <y@old.example>)",
        b"\xe3\x81\x82",
        b"\xff",
        b"g:",
        b";",
        b",",
    ]
)
ADDRESSES = st.sampled_from([b"a@old.example", b"<b@old.example>", b'"c d"@old.example', b"e@other.example"])
SPACE = st.sampled_from([b" ", b"\t", b"\r\n ", b"  "])


@given(st.lists(st.tuples(SPACE, WORDS | ADDRESSES), max_size=12), st.booleans())
def test_whatever_stands_there_nothing_else_changes(parts: list[tuple[bytes, bytes]], changes: bool) -> None:
    value = b"".join(space + part for space, part in parts)
    made, done = readdress(value, moved if changes else lambda address: None)
    assert (made == value) == (not done)
    assert made.count(b"new.example") == len(done)
    assert made.replace(b"new.example", b"old.example") == value  # the one difference


@given(st.binary(max_size=200))
def test_rubbish_stays_rubbish(value: bytes) -> None:
    made, done = readdress(value, moved)
    assert (made == value) == (not done)
    assert readdress(value, lambda address: None) == (value, [])


@given(st.binary(max_size=300))
def test_pieces_joined_are_the_block(block: bytes) -> None:
    assert b"".join(piece.octets for piece in cut.pieces(block)) == block


def test_pieces() -> None:
    block = b"From: a@b\r\nTO :\r\n x@y,\r\n\tz@y\r\nno field\r\n folded\r\nSubject:\r\n"
    pieces = cut.pieces(block)
    assert [piece.name for piece in pieces] == [b"from", b"to", b"", b"subject"]
    assert pieces[1].value == b"\r\n x@y,\r\n\tz@y"
    assert pieces[1].unfolded == b"x@y,\tz@y"
    assert pieces[1].valued(b" q@y").octets == b"TO : q@y\r\n"
    assert pieces[3].valued(b" x").octets == b"Subject: x\r\n"
    assert pieces[0].value == b" a@b"

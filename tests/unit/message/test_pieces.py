"""Pieces of letters: names, charsets and encodings as programs really write them, nests, limits, rubbish."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.message import magic, parameters, pieces, transfer


def read(content: str | bytes, limits: pieces.Limits | None = None) -> list[pieces.Piece]:
    octets = content if isinstance(content, bytes) else content.replace("\n", "\r\n").encode()
    return list(pieces.Walk(limits).pieces(octets))


def attachment(fields: str, body: bytes = b"MZ") -> str:
    return f"{fields}\nContent-Transfer-Encoding: base64\n\n{base64.b64encode(body).decode()}\n"


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ('attachment; filename="a b.exe"', "a b.exe"),
        ("attachment; filename=a.exe", "a.exe"),
        ('attachment; filename="a\\"b.exe"', 'a"b.exe'),
        ('attachment; FileName = "a.exe" ; size=1', "a.exe"),
        ("attachment; filename*=UTF-8''%E6%97%A5%E6%9C%AC.exe", "日本.exe"),
        ("attachment; filename*=iso-2022-jp''%1B$BF|K%5C%1B(B.exe", "日本.exe"),
        ("attachment; filename*0*=UTF-8''%E6%97%A5; filename*1*=%E6%9C%AC; filename*2=\".exe\"", "日本.exe"),
        ("attachment; filename*1=b.exe; filename*0=a", "ab.exe"),
        ('attachment; filename="=?utf-8?B?5pel5pysLmV4ZQ==?="', "日本.exe"),
        ('attachment; filename="=?iso-2022-jp?B?GyRCRnxLXBsoQi5leGU=?="', "日本.exe"),
        ('attachment; filename="unclosed.exe', "unclosed.exe"),
        ("attachment; filename=plain.txt; filename*=UTF-8''real.exe", "real.exe"),
        ('attachment; filename="first.exe"; filename="second.txt"', "first.exe"),
    ],
)
def test_file_names(field: str, name: str) -> None:
    (piece,) = read(attachment(f"Content-Disposition: {field}"))
    assert piece.names == (name,)
    assert piece.body == b"MZ"


def test_both_names_of_a_part_are_given() -> None:
    content = attachment('Content-Type: image/png; name="a.exe"\nContent-Disposition: inline; filename="a.png"')
    assert read(content)[0].names == ("a.png", "a.exe")


@pytest.mark.parametrize(
    ("type_", "encoding", "body", "text"),
    [
        ("text/plain; charset=iso-2022-jp", "7bit", "日本".encode("iso-2022-jp"), "日本"),
        ("text/plain; charset=shift_jis", "8bit", "日本".encode("cp932"), "日本"),
        ("text/plain; charset=euc-jp", "base64", base64.b64encode("日本".encode("euc_jp")), "日本"),
        ("text/html; charset=utf-8", "quoted-printable", b"=E6=97=A5=E6=9C=AC", "日本"),
        ("text/plain; charset=x-unheard", "8bit", "日本".encode(), "日本"),
        ("", "", b"plain", "plain"),
        ("text/plain", "x-uuencode", b"begin 644 a\r\n%:&5L;&\\\r\n`\r\nend\r\n\r\n", "hello"),
    ],
)
def test_texts(type_: str, encoding: str, body: bytes, text: str) -> None:
    head = (f"Content-Type: {type_}\r\n" if type_ else "") + (
        f"Content-Transfer-Encoding: {encoding}\r\n" if encoding else ""
    )
    (piece,) = read(b"Subject: x\r\n" + head.encode() + b"\r\n" + body)
    assert piece.readable
    assert piece.text == text


def test_base64_goes_on_behind_its_padding() -> None:
    """Several programs read on where others stop: what they show must be seen."""
    encoded = base64.b64encode(b"M") + b"\r\n!" + base64.b64encode(b"Z?")
    assert transfer.decoded(encoded, b"BASE64 ") == b"MZ?"


def test_letters_within_letters_are_opened() -> None:
    inner = "Subject: inner\n" + attachment('Content-Disposition: attachment; filename="deep.exe"')
    outer = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n--b\n"
    content = f"{outer}Content-Type: message/rfc822\n\n{inner}\n--b--\n"
    found = read(content)
    assert [piece.type for piece in found] == ["text/plain", "message/rfc822", "text/plain"]
    assert found[2].names == ("deep.exe",)


def test_a_multipart_without_an_end() -> None:
    found = read('Content-Type: multipart/mixed; boundary="b c"\n\n--b c\n\none\n--b c\n\ntwo')
    assert [piece.body for piece in found] == [b"one", b"two"]


def test_more_parts_than_allowed_are_cut() -> None:
    content = (
        ("Content-Type: multipart/mixed; boundary=b\n\n" + "--b\n\nx\n" * 30 + "--b--\n").replace("\n", "\r\n").encode()
    )
    walk = pieces.Walk(pieces.Limits(parts=10))
    assert len(list(walk.pieces(content))) == 10
    assert walk.cut
    walk = pieces.Walk()
    assert len(list(walk.pieces(content))) == 30
    assert not walk.cut


def test_deeper_than_allowed_is_cut() -> None:
    content = b"Subject: x\r\n\r\nthe end"
    for number in range(20):
        content = b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (number, number) + content
    walk = pieces.Walk()
    assert list(walk.pieces(content)) == []
    assert walk.cut


def test_a_boundary_used_twice_within_itself_ends() -> None:
    """A cycle by name: the inner multipart's boundary is the outer's."""
    content = (
        "Content-Type: multipart/mixed; boundary=b\n\n" + "--b\nContent-Type: multipart/mixed; boundary=b\n\n" * 50
    )
    walk = pieces.Walk()
    assert len(list(walk.pieces(content.encode()))) <= pieces.Limits().parts


@pytest.mark.parametrize(
    "content",
    [
        "Content-Type: multipart/mixed boundary=b\n\n--b\nContent-Type: a/b; name=x.exe\n\nMZ\n--b--",
        "Content-Type: multipart/mixed; boundary=b\n\n--b words\nContent-Type: a/b; name=x.exe\n\nMZ\n--b--",
        "Content-Type: multipart/mixed (c); boundary=b (d)\n\n--b\nContent-Type: a/b; name=x.exe\n\nMZ",
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Disposition: ;\n filename=x.exe\n\nMZ\n--b--",
        "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
        "Q29udGVudC1UeXBlOiBhL2I7IG5hbWU9eC5leGUKCk1a",
    ],
)
def test_what_clients_are_shown_is_looked_into(content: str) -> None:
    assert any(piece.names == ("x.exe",) and piece.body == b"MZ" for piece in read(content))


def test_a_multipart_in_which_no_part_is_found_is_a_text() -> None:
    (piece,) = read("Content-Type: multipart/mixed; boundary=b\n\ntext\n")
    assert (piece.type, piece.text) == ("text/plain", "text\r\n")


@given(st.binary(max_size=400))
def test_rubbish_has_pieces_or_none(octets: bytes) -> None:
    head = b"Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\n--b\r\n"
    for content in (octets, head + octets, head.replace(b"multipart/mixed", b"text/plain") + octets):
        for piece in pieces.Walk().pieces(content):
            assert isinstance(piece.text, str)


@given(st.binary(max_size=200))
def test_rubbish_has_parameters_or_none(octets: bytes) -> None:
    field = parameters.read(b"attachment; filename*0*=" + octets)
    assert all(isinstance(value, str) for value in field.parameters.values())


@pytest.mark.parametrize(
    ("octets", "kinds"),
    [
        (b"MZ\x90", {"pe", "executable"}),
        (b"\x7fELF", {"elf", "executable"}),
        (b"#!/bin/sh", {"script"}),
        (b"\xef\xbb\xbf@echo off", {"script"}),
        (b"  <HTML>", {"html"}),
        (b"%PDF-1.7", {"pdf"}),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 30 + "_VBA_PROJECT".encode("utf-16-le"), {"ole", "macro"}),
        (b"\x00" * 32769 + b"CD001", {"iso"}),
        (b"ab-lh5-", {"lzh"}),
        (b"hello", set()),
        (b"", set()),
    ],
)
def test_magic(octets: bytes, kinds: set[str]) -> None:
    assert magic.kinds(octets) == kinds

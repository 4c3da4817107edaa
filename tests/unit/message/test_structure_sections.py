"""Sections of a letter out of its table: FETCH BODY[...] and BINARY[...]."""

import pytest

from hatoba.message import structure


def crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode("latin-1")


LETTER = crlf("""From: a@example.org
Subject: outer
Content-Type: multipart/mixed; boundary=o

--o
Content-Type: text/plain
X-Part: 1

one
--o
Content-Type: message/rfc822

From: in@example.org
Subject: inner
Content-Type: multipart/mixed; boundary=i

--i

two.one
--i
Content-Type: text/plain; charset=iso-2022-jp
Content-Transfer-Encoding: base64

GyRCRnxLXBsoQg==
--i--
--o
Content-Type: message/rfc822

Subject: plain

three
--o--
""")
OFFSETS = structure.summary(LETTER).offsets


@pytest.mark.parametrize(
    ("number", "what", "expected"),
    [
        ("", "", LETTER),
        ("", "HEADER", LETTER[: LETTER.index(b"--o")]),
        ("", "TEXT", LETTER[LETTER.index(b"--o") :]),
        ("", "MIME", None),
        ("1", "", b"one"),
        ("1", "MIME", b"Content-Type: text/plain\r\nX-Part: 1\r\n\r\n"),
        ("1", "HEADER", None),
        ("1", "TEXT", None),
        ("2", "MIME", b"Content-Type: message/rfc822\r\n\r\n"),
        ("2", "", LETTER[LETTER.index(b"From: in@") : LETTER.index(b"--i--") + 5]),
        ("2", "HEADER", LETTER[LETTER.index(b"From: in@") : LETTER.index(b"--i")]),
        ("2", "TEXT", LETTER[LETTER.index(b"--i") : LETTER.index(b"--i--") + 5]),
        ("2.1", "", b"two.one"),
        ("2.1", "MIME", b"\r\n"),
        ("2.2", "", b"GyRCRnxLXBsoQg=="),
        ("2.3", "", None),
        ("3", "HEADER", b"Subject: plain\r\n\r\n"),
        ("3", "TEXT", b"three"),
        ("3.1", "", b"three"),
        ("3.1", "MIME", b"Subject: plain\r\n\r\n"),
        ("3.1.1", "", None),
        ("4", "", None),
        ("4", "MIME", None),
    ],
)
def test_sections(number: str, what: str, expected: bytes | None) -> None:
    assert structure.section(LETTER, OFFSETS, number, what) == expected
    span = structure.span(OFFSETS, number, what)
    assert (span is None) == (expected is None)
    if not what:
        assert structure.part(LETTER, OFFSETS, number) == expected


def test_the_only_part_is_number_1() -> None:
    raw = b"Subject: x\r\n\r\nbody"
    offsets = structure.summary(raw).offsets
    assert structure.part(raw, offsets, "1") == b"body"
    assert structure.section(raw, offsets, "1", "MIME") == b"Subject: x\r\n\r\n"
    assert structure.part(raw, offsets, "1.1") is None
    assert structure.part(raw, offsets, "2") is None
    assert [row.number for row in structure.unpack(offsets)] == [""]


def test_what_bodystructure_shows_can_be_fetched() -> None:
    """A multipart without parts and an encoded letter are shown with one text in them."""
    broken = b"Content-Type: multipart/mixed; boundary=x\r\n\r\nnothing"
    assert structure.part(broken, structure.summary(broken).offsets, "1") == b"nothing"
    coded = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nQQ=="
    offsets = structure.summary(coded).offsets
    assert structure.part(coded, offsets, "1") == b"QQ=="
    assert structure.part(coded, offsets, "1.1") == b"QQ=="
    assert structure.binary(coded, offsets, "1") == b"A"


def test_decoded_parts_keep_their_charset() -> None:
    assert structure.binary(LETTER, OFFSETS, "2.2") == b"\x1b$BF|K\\\x1b(B"
    row = structure.row(OFFSETS, "2.2")
    assert row is not None
    assert (row.media, row.charset, row.encoding, row.size) == ("text/plain", "iso-2022-jp", "base64", 16)
    assert structure.binary(LETTER, OFFSETS, "") == LETTER
    assert structure.binary(LETTER, OFFSETS, "9") is None
    body = structure.part(LETTER, OFFSETS, "2")
    assert structure.binary(LETTER, OFFSETS, "2") == body
    mixed = (
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\na\r\n--x\r\n"
        b"Content-Type: multipart/mixed; boundary=y\r\n"
        b"Content-Transfer-Encoding: odd\r\n\r\n--y\r\n\r\nb\r\n--y--\r\n--x--"
    )
    assert structure.binary(mixed, structure.summary(mixed).offsets, "2") == b"--y\r\n\r\nb\r\n--y--"


@pytest.mark.parametrize(
    ("encoding", "body", "expected"),
    [
        ("quoted-printable", b"a=E3=81=82 =\r\nb  \r\nc\t\r\n", "aあ b\r\nc\r\n".encode()),
        ("Base64", b"44GC\r\n", "あ".encode()),
        ("8BIT", "あ".encode(), "あ".encode()),
        ("binary", b"\0\xff", b"\0\xff"),
        ("", b"x", b"x"),
    ],
)
def test_transfer_encodings(encoding: str, body: bytes, expected: bytes) -> None:
    raw = f"Content-Transfer-Encoding: {encoding}\r\n\r\n".encode() + body
    assert structure.binary(raw, structure.summary(raw).offsets, "1") == expected


def test_an_encoding_nobody_knows_is_said_to_be_one() -> None:
    raw = b"Content-Transfer-Encoding: x-gzip64\r\n\r\nabc"
    with pytest.raises(structure.UnknownEncoding):
        structure.binary(raw, structure.summary(raw).offsets, "1")


HEADER = b"From: a@b\r\nsubject: one\r\n two\r\nBROKEN LINE\r\nX-A : b\r\nSubject: again\r\n\r\n"


@pytest.mark.parametrize(
    ("names", "without", "expected"),
    [
        ([b"SUBJECT"], False, b"subject: one\r\n two\r\nSubject: again\r\n\r\n"),
        ([b"subject", b"x-a"], False, b"subject: one\r\n two\r\nX-A : b\r\nSubject: again\r\n\r\n"),
        ([b"none"], False, b"\r\n"),
        ([b"Subject"], True, b"From: a@b\r\nX-A : b\r\n\r\n"),
        ([], True, HEADER.replace(b"BROKEN LINE\r\n", b"")),
    ],
)
def test_fields_of_a_header(names: list[bytes], without: bool, expected: bytes) -> None:
    assert structure.header_fields(HEADER, names, without=without) == expected


def test_fields_of_a_header_that_breaks_off() -> None:
    assert structure.header_fields(b"A: b", [b"a"]) == b"A: b\r\n\r\n"
    assert structure.header_fields(b"A: b\nB: c\n\n", [b"b"]) == b"B: c\n\n"
    assert structure.header_fields(b"", [b"b"]) == b"\r\n"

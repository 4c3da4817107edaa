"""ENVELOPE, BODY and BODYSTRUCTURE as IMAP clients get them."""

import pytest

from hatoba.message import structure
from hatoba.message.structure import addresses, strings


def summary(text: str) -> structure.Summary:
    return structure.summary(text.replace("\n", "\r\n").encode("latin-1"))


def envelope(text: str) -> str:
    return summary(text).envelope.decode("latin-1")


FULL = """Date: Mon, 7 Feb 1994 21:52:25 -0800 (PST)
From: Fred Foobar <foobar@Blurdybloop.COM>
Subject: afternoon meeting
To: mooch@owatagu.siam.edu
Message-Id: <B27397-0100000@Blurdybloop.COM>

Hello
"""


def test_an_envelope() -> None:
    one = '(("Fred Foobar" NIL "foobar" "Blurdybloop.COM"))'
    assert envelope(FULL) == (
        f'("Mon, 7 Feb 1994 21:52:25 -0800 (PST)" "afternoon meeting" {one} {one} {one} '
        '((NIL NIL "mooch" "owatagu.siam.edu")) NIL NIL NIL "<B27397-0100000@Blurdybloop.COM>")'
    )


def test_an_envelope_of_nothing() -> None:
    assert envelope("") == "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"
    assert envelope("Subject:\nFrom:\nSender: a@b\n\n") == ('(NIL "" NIL ((NIL NIL "a" "b")) NIL NIL NIL NIL NIL NIL)')


def test_an_empty_sender_is_the_author() -> None:
    author = '((NIL NIL "a" "b"))'
    assert (
        envelope("From: a@b\nSender: \nReply-To:  \n\n") == f"(NIL NIL {author} {author} {author} NIL NIL NIL NIL NIL)"
    )


def test_lists_of_several_fields_are_one() -> None:
    assert '((NIL NIL "a" "x")(NIL NIL "b" "x"))' in envelope("To: a@x\nTo: b@x\n\n")


ENTRIES: list[tuple[str, list[tuple[str | None, ...]]]] = [
    ("", []),
    (" , ,", []),
    ("a@b", [(None, None, "a", "b")]),
    ("A  B <a@b>, c@d", [("A B", None, "a", "b"), (None, None, "c", "d")]),
    ('"A, B" <a@b>', [("A, B", None, "a", "b")]),
    ('"A \\"q\\" \\\\" <a@b>', [('A "q" \\', None, "a", "b")]),
    ("a@b (Real Name)", [("Real Name", None, "a", "b")]),
    ("a@b (Real (inner) Name)", [("Real (inner) Name", None, "a", "b")]),
    ("Name <a@b> (not this)", [("Name", None, "a", "b")]),
    ("<@r1,@r2:a@b>", [(None, "@r1,@r2", "a", "b")]),
    ("g: a@b, C <c@d>;", [(None, None, "g", None), (None, None, "a", "b"), ("C", None, "c", "d"), (None,) * 4]),
    ("g:;, h: (c) ;", [(None, None, "g", None), (None,) * 4, (None, None, "h", None), (None,) * 4]),
    ("undisclosed-recipients:;", [(None, None, "undisclosed-recipients", None), (None,) * 4]),
    ("g: a@b", [(None, None, "g", None), (None, None, "a", "b"), (None,) * 4]),
    ("nobody", [(None, None, "nobody", "")]),
    ('"quoted local"@b', [(None, None, "quoted local", "b")]),
    ("a@[192.0.2.1]", [(None, None, "a", "[192.0.2.1]")]),
    ("J. R. <j@r>", [("J. R.", None, "j", "r")]),
    ("A <a @ b>", [("A", None, "a", "b")]),
    ("A <a@b", [("A", None, "a", "b")]),
    ("A <>", [("A", None, "", "")]),
    ("a@b@c", [(None, None, "a@b", "c")]),
    ("x <a@b> y", [("x y", None, "a", "b")]),
    ('"open <a@b>, c@d', [("open", None, "a", "b"), (None, None, "c", "d")]),
    ('g: "a \\" b <a@b>;', [(None, None, "g", None), ("a \\ b", None, "a", "b"), (None,) * 4]),
    ("a@b (open, c@d", [("open, c@d", None, "a", "b")]),
    ("<>, @, ()", []),
    ("Mary Smith, x@y", [("Mary Smith", None, "", ""), (None, None, "x", "y")]),
    ("<undisclosed:;@a>", [(None, None, "undisclosed:;", "a")]),
    ("山田 <a@b>", [("å±±ç\x94°", None, "a", "b")]),
    ("=?utf-8?Q?=C3=A9?= <a@b>", [("=?utf-8?Q?=C3=A9?=", None, "a", "b")]),
    ("A, B <a@b>", [(None, None, "A", ""), ("B", None, "a", "b")]),
    ("a@b c@d", [(None, None, "a@b c", "d")]),
]


@pytest.mark.parametrize(("text", "expected"), ENTRIES)
def test_address_lists(text: str, expected: list[tuple[str | None, ...]]) -> None:
    found = addresses.read(text.encode())
    assert [tuple(None if each is None else each.decode("latin-1") for each in entry) for entry in found] == expected


def test_lists_are_read_to_a_length() -> None:
    assert len(addresses.read(b"a@b," * 50_000)) == addresses.MOST
    assert len(addresses.read(b"a@b(c)," * 50_000)) <= addresses.MOST


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"", b'""'),
        (b"plain", b'"plain"'),
        (b'a "b" \\', b'"a \\"b\\" \\\\"'),
        (b"tab\t", b'"tab\t"'),
        ("é".encode(), b"{2}\r\n\xc3\xa9"),
        (b"a\r\nb", b"{4}\r\na\r\nb"),
        (b"a\0b\xff", b"{3}\r\nab\xff"),
        (b"x" * 5000, b"{5000}\r\n" + b"x" * 5000),
    ],
)
def test_strings(value: bytes, expected: bytes) -> None:
    assert strings.string(value) == expected
    assert strings.nstring(None) == b"NIL"


BODIES = [
    ("Subject: x\n\nHello\n", '("TEXT" "PLAIN" ("CHARSET" "us-ascii") NIL NIL "7BIT" 7 1', ")", " NIL NIL NIL NIL)"),
    (
        'Content-Type: text/html; charset="utf-8"; format=flowed\nContent-Transfer-Encoding: quoted-printable\n\nx',
        '("TEXT" "HTML" ("CHARSET" "utf-8" "FORMAT" "flowed") NIL NIL "QUOTED-PRINTABLE" 1 0', ")", " NIL NIL NIL NIL)",
    ),
    (
        "Content-Type: application/xhtml+xml; e=mc*mc;\nContent-ID: <4@example.org>\nContent-MD5: Q2hlY2s=\n"
        "Content-Description: Homage to 70's TV\nContent-Disposition: inline; foo=bar; one=1;\n"
        "Content-Language: en, en-US\nContent-Location: http://example.org/a\n\nbody",
        '("APPLICATION" "XHTML+XML" ("E" "mc*mc") "<4@example.org>" "Homage to 70\'s TV" "7BIT" 4',
        ")", ' "Q2hlY2s=" ("INLINE" ("FOO" "bar" "ONE" "1")) ("en" "en-US") "http://example.org/a")',
    ),
    (
        "Content-Type: image/gif; name*0=\"a b\"; name*1=c.gif\nContent-Disposition: attachment; "
        "filename*0*=utf-8''%E5%86%99; filename*1=\" x.gif\"\n\n",
        '("IMAGE" "GIF" ("NAME" "a bc.gif") NIL NIL "7BIT" 0', ")",
        " NIL (\"ATTACHMENT\" (\"FILENAME*\" \"utf-8''%E5%86%99%20x.gif\")) NIL NIL)",
    ),
    (
        "Content-Type: multipart/mixed; boundary=b\nContent-Language: ja\n\n--b\n\nx\n--b--\n",
        '(("TEXT" "PLAIN" ("CHARSET" "us-ascii") NIL NIL "7BIT" 1 0', ') "MIXED")',
        ' NIL NIL NIL NIL) "MIXED" ("BOUNDARY" "b") NIL ("ja") NIL)',
    ),
    (
        "Content-Type: multipart/mixed; boundary=b\n\nnothing\n",
        '(("TEXT" "PLAIN" ("CHARSET" "us-ascii") NIL NIL "7BIT" 9 1', ') "MIXED")',
        ' NIL NIL NIL NIL) "MIXED" ("BOUNDARY" "b") NIL NIL NIL)',
    ),
    (
        "Content-Type: message/rfc822\n\nSubject: in\n\nbody\n",
        '("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 21 (NIL "in" NIL NIL NIL NIL NIL NIL NIL NIL) '
        '("TEXT" "PLAIN" ("CHARSET" "us-ascii") NIL NIL "7BIT" 6 1', ") 3)", " NIL NIL NIL NIL) 3 NIL NIL NIL NIL)",
    ),
    (
        "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdA==",
        '("MESSAGE" "RFC822" NIL NIL NIL "BASE64" 12 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) '
        '("TEXT" "PLAIN" ("CHARSET" "us-ascii") NIL NIL "7BIT" 12 0', ") 0)", " NIL NIL NIL NIL) 0 NIL NIL NIL NIL)",
    ),
    (
        "Content-Type: message/global\nContent-Transfer-Encoding: base64\n\nU3ViamVjdA==",
        '("MESSAGE" "GLOBAL" NIL NIL NIL "BASE64" 12 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) '
        '("TEXT" "PLAIN" ("CHARSET" "us-ascii") NIL NIL "7BIT" 12 0', ") 0)", " NIL NIL NIL NIL) 0 NIL NIL NIL NIL)",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "start", "short", "full"), BODIES)
def test_bodies(text: str, start: str, short: str, full: str) -> None:
    found = summary(text)
    assert found.body.decode("latin-1") == start + short
    assert found.structure.decode("latin-1") == start + full


def test_what_is_8_bit_is_a_literal() -> None:
    found = structure.summary("Subject: 会議\r\nContent-Description: 図\r\n\r\n".encode())
    assert found.envelope.startswith(b"(NIL {6}\r\n" + "会議".encode() + b" NIL")
    assert b" NIL {3}\r\n" + "図".encode() + b' "7BIT"' in found.structure

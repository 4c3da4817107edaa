"""The scan: where parts begin and end, whatever the letter."""

import pytest

from hatoba.message import structure
from hatoba.message.structure import parts, tree


def crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode("latin-1")


def shape(part: parts.Part) -> object:
    if part.parts or part.media.startswith("multipart/"):
        return [part.media.partition("/")[2], *map(shape, part.parts)]
    if part.message is not None:
        return ["message", shape(part.message.root)]
    return part.octets.decode("latin-1")


MIXED = crlf("""From: a@example.org
Content-Type: multipart/mixed; boundary="b 1"

preamble
--b 1

first
--b 1 \t
Content-Type: text/html

<p>second
--b 1--
epilogue
--b 1
no part
""")


def test_parts_begin_behind_their_delimiters_and_end_before_the_next() -> None:
    root = structure.scan(MIXED).root
    assert shape(root) == ["mixed", "first", "<p>second"]
    assert [part.number for part in root.parts] == ["1", "2"]
    assert root.parts[1].header == b"Content-Type: text/html\r\n\r\n"
    assert root.parts[0].header == b"\r\n"
    assert root.octets == MIXED[root.body :]
    assert (root.end, root.number, root.lines) == (len(MIXED), "", 12)


def test_lines_may_end_in_lf() -> None:
    root = structure.scan(MIXED.replace(b"\r\n", b"\n")).root
    assert shape(root) == ["mixed", "first", "<p>second"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("\n", ""),
        ("A: b", ""),
        ("A: b\n", ""),
        ("A: b\n\nbody", "body"),
        ("\nbody", "body"),
        ("Content-Type: multipart/mixed\n\n--x\n\nno boundary", "--x\r\n\r\nno boundary"),
        ("Content-Type: multipart/mixed; boundary=\n\n--\n\nx", "--\r\n\r\nx"),
        ("Content-Type: multipart/mixed; boundary=x\n\nnothing", ["mixed"]),
        ("Content-Type: multipart/mixed; boundary=x\n\n--x", ["mixed"]),
        ("Content-Type: multipart/mixed; boundary=x\n\n--x\n", ["mixed"]),
        ("Content-Type: multipart/mixed; boundary=x\n\n--x\n\nopen", ["mixed", "open"]),
        ("Content-Type: multipart/mixed; boundary=x\n\n--x\nB: c\n--x\n\ntwo", ["mixed", "", "two"]),
        ("Content-Type: multipart/mixed; boundary=x\n\n--x\n--x--", ["mixed", ""]),
        ("Content-Type: multipart/mixed; boundary=x\n\n--x words\n\na\n--x-- more words\nb", ["mixed", "a"]),
        ("Content-Type: multipart/mixed; boundary=x\n\n--x\n\n--xy\n--x--", ["mixed", "--xy"]),
        ("Content-Type: multipart/mixed; boundary=x--\n\n--x--\n\na\n--x----", ["mixed", "a"]),
        ('Content-Type: multipart/mixed; boundary="x "\n\n--x \n\na\n--x\nb\n--x --', ["mixed", "a\r\n--x\r\nb"]),
        ('Content-Type: multipart/mixed; boundary="x "\n\n--x\n\na\n--x--', ["mixed", "a"]),
        ("Content-Type: multipart/mixed boundary=x\n\n--x\n\na", ["mixed", "a"]),
        ("Content-Type: multipart/mixed; boundary=x\n--x\n\na", ["mixed"]),
        ("Content-Type: message/rfc822\n\nSubject: in\n\nbody", ["message", "body"]),
        ("Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n\n\ndeep", ["message", ["message", "deep"]]),
        ("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdA==", "U3ViamVjdA=="),
        ("Content-Type: MULTIPART/Digest; BOUNDARY=x\n\n--x\n\nSubject: s\n\nb\n--x--", ["digest", ["message", "b"]]),
    ],
)
def test_shapes(text: str, expected: object) -> None:
    assert shape(structure.scan(crlf(text)).root) == expected


def test_the_outer_delimiter_ends_the_inner_multipart() -> None:
    raw = crlf(
        "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/mixed; boundary=i\n\n"
        "--i\n\na\n--o\n\nb\n--i\n\nc\n--o--\n"
    )
    assert shape(structure.scan(raw).root) == ["mixed", ["mixed", "a"], "b\r\n--i\r\n\r\nc"]


def test_a_boundary_within_itself_belongs_to_the_innermost() -> None:
    raw = crlf(
        "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/mixed; boundary=x\n\n"
        "--x\n\na\n--x--\n--x\n\nb\n--x--\n"
    )
    assert shape(structure.scan(raw).root) == ["mixed", ["mixed", "a"], "b"]


def test_numbers_within_letters() -> None:
    """RFC 9051 §6.4.5.1: the only part of a letter within is number.1, those of a multipart number.1, number.2."""
    raw = crlf(
        "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: message/rfc822\n\nSubject: one\n\nbody\n"
        "--o\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=i\n\n--i\n\na\n--i\n\nb\n--i--\n"
        "--o\nContent-Type: message/rfc822\n\nContent-Type: message/rfc822\n\n\ndeep\n--o--"
    )
    one, two, three = structure.scan(raw).root.parts
    assert one.message is not None
    assert two.message is not None
    assert three.message is not None
    assert one.message.root.number == "1.1"
    assert two.message.root.number == "2"
    assert [part.number for part in two.message.root.parts] == ["2.1", "2.2"]
    assert three.message.root.number == "3.1"
    assert three.message.root.message is not None
    assert three.message.root.message.root.number == "3.1.1"
    assert three.message.root.message.root.octets == b"deep"


def test_a_part_tells_what_it_is() -> None:
    raw = crlf(
        'Content-Type: Image/PNG; name="=?utf-8?B?5YaZ55yf?=.png"; charset=X-Odd\n'
        "Content-Disposition: Attachment; filename*=utf-8''%E5%86%99.png; size=3\nContent-ID: <a@b>\n"
        "Content-Description: =?utf-8?Q?a_picture?=\nContent-Transfer-Encoding: Base64 (why)\n\nAAEC"
    )
    root = structure.scan(raw).root
    assert (root.media, root.encoding, root.charset, root.id) == ("image/png", "base64", "x-odd", b"<a@b>")
    assert root.parameters == {"name": "写真.png", "charset": "X-Odd"}
    assert root.disposition.value == b"attachment"
    assert root.disposition.get(b"size") == b"3"
    assert (root.name, root.description, root.decoded, root.size) == ("写.png", "a picture", b"\0\1\2", 4)
    assert structure.scan(b"Content-Type: a/b; name=n\r\n\r\n").root.name == "n"
    assert structure.scan(b"Content-Type: text\r\n\r\nx").root.media == "text/plain"


@pytest.mark.parametrize(
    ("field", "encoding"),
    [
        ("", "7bit"),
        ("8 bit", "8bit"),
        ("Quoted Printable", "quoted-printable"),
        ('"base64";', "base64"),
        ("X-Odd", "x-odd"),
    ],
)
def test_encodings_as_they_are_meant(field: str, encoding: str) -> None:
    assert structure.scan(f"Content-Transfer-Encoding: {field}\n\n".encode()).root.encoding == encoding


def test_nests_are_followed_to_a_depth() -> None:
    nested = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(200))
    mail = structure.scan(crlf(nested + "\ndeep"))
    assert mail.cut
    depth, part = 0, mail.root
    while part.parts:
        depth, part = depth + 1, part.parts[0]
    assert depth == tree.DEPTH
    assert part.media == "text/plain"
    letters = structure.scan(crlf("Content-Type: message/rfc822\n\n" * 200))
    assert letters.cut
    depth, part = 0, letters.root
    while part.message is not None:
        depth, part = depth + 1, part.message.root
    assert depth == tree.DEPTH
    assert part.media == "application/octet-stream"


def test_parts_are_told_apart_up_to_a_number() -> None:
    many = "Content-Type: multipart/mixed; boundary=b\n\n" + "--b\n\nx\n" * (tree.MOST + 50) + "--b--\n"
    mail = structure.scan(crlf(many))
    assert mail.cut
    assert len(mail.root.parts) == tree.MOST - 1
    assert not structure.scan(MIXED).cut


def test_a_long_header_is_read_to_a_length_and_kept_whole() -> None:
    raw = b"X: " + b"y" * 300_000 + b"\r\nSubject: late\r\n\r\nbody"
    root = structure.scan(raw).root
    assert (root.octets, root.fields.get(b"subject")) == (b"body", None)
    assert root.header == raw[:-4]

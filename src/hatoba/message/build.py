"""Parts and multiparts written: text in the encoding that suits it, bodies put together under a boundary.

Called by notice and, later, by the rooms that compose letters for people.
Never draws a boundary: it is made from the caller's id, and changed until no part holds it.
Fails with ValueError on a part whose encoding cannot carry its body.
"""

import base64
import binascii
from collections.abc import Sequence

import msgspec

from hatoba.message import encode

LINE_MOST = encode.LINE_MOST
_QP_SHARE = 6  # above one octet in six beyond ASCII base64 is shorter (and no less readable)


class Part(msgspec.Struct, frozen=True):
    """A body part. `type` is the whole Content-Type value; `body` is as it goes out: encoded, CRLF lines, no CRLF at
    its end that is not its own. `encoding` is the Content-Transfer-Encoding, `fields` further (name, value) pairs.
    """

    type: str
    body: bytes
    encoding: str = "7bit"
    fields: tuple[tuple[str, str], ...] = ()

    @property
    def header(self) -> bytes:
        """Its fields, without the empty line."""
        lines = [encode.field("Content-Type", self.type)]
        if self.encoding != "7bit":
            lines.append(encode.field("Content-Transfer-Encoding", self.encoding))
        lines += [encode.field(name, value) for name, value in self.fields]
        return b"".join(lines)


def canonical(text: str) -> bytes:
    """`text` in UTF-8 with CRLF line ends."""
    return "\r\n".join(text.replace("\r\n", "\n").replace("\r", "\n").split("\n")).encode("utf-8", "replace")


def text(content: str, subtype: str = "plain", fields: tuple[tuple[str, str], ...] = ()) -> Part:
    """A text part of UTF-8, 7bit, quoted-printable or base64 by what it holds. # RFC 2045 §6"""
    return encoded(f"text/{subtype}; charset=utf-8", canonical(content), fields)


def encoded(type_: str, body: bytes, fields: tuple[tuple[str, str], ...] = ()) -> Part:
    """`body` (lines end in CRLF) in the plainest encoding of 7 bits that carries it."""
    if seven_bit(body):
        return Part(type_, body, "7bit", fields)
    beyond = len(body) - len(body.decode("ascii", "ignore"))
    if beyond * _QP_SHARE < len(body) and b"\x00" not in body:
        return Part(type_, quoted_printable(body), "quoted-printable", fields)
    return Part(type_, base64_lines(body), "base64", fields)


def seven_bit(body: bytes) -> bool:
    """Whether `body` needs no encoding: ASCII without NUL, bare CR or LF, no line above 998 octets. # RFC 2045 §2.7"""
    return body.isascii() and eight_bit(body)


def eight_bit(body: bytes) -> bool:
    """Whether 8BITMIME carries `body` as it is: no NUL, bare CR or LF, no line above 998 octets. # RFC 2045 §2.8"""
    return b"\x00" not in body and lines_fit(body)


def lines_fit(body: bytes) -> bool:
    """Whether every CR and LF is part of a CRLF and no line is longer than 998 octets. # RFC 5322 §2.1.1"""
    ends = body.count(b"\r\n")
    if body.count(b"\r") != ends or body.count(b"\n") != ends:
        return False
    return len(body) <= LINE_MOST or max(map(len, body.split(b"\r\n"))) <= LINE_MOST


def quoted_printable(body: bytes) -> bytes:
    """Lines of at most 76, text line ends kept. # RFC 2045 §6.7"""
    lines = body.split(b"\r\n")
    return b"\r\n".join(binascii.b2a_qp(line, istext=False).replace(b"=\n", b"=\r\n") for line in lines)


def base64_lines(body: bytes) -> bytes:
    """Lines of 76. # RFC 2045 §6.8"""
    whole = base64.b64encode(body)
    return b"\r\n".join(whole[at : at + 76] for at in range(0, len(whole), 76))


def boundary(seed: str, parts: Sequence[Part]) -> str:
    """A boundary made of `seed` (an id) that stands in none of the parts. # RFC 2046 §5.1.1"""
    n = 0
    while True:
        made = f"=_{seed}" if n == 0 else f"=_{seed}.{n}"
        if not any(made.encode("ascii") in part.body for part in parts):
            return made
        n += 1


def multipart(subtype: str, parts: Sequence[Part], seed: str, parameters: Sequence[tuple[str, str]] = ()) -> Part:
    """The parts as one; `seed` makes the boundary (see `boundary`). Its encoding is the widest of its parts'."""
    between = boundary(seed, parts)
    type_ = "; ".join(
        [f"multipart/{subtype}", *(encode.parameter(*pair) for pair in parameters), f'boundary="{between}"']
    )
    lines = [b"--" + between.encode("ascii") + b"\r\n" + part.header + b"\r\n" + part.body + b"\r\n" for part in parts]
    body = b"".join(lines) + b"--" + between.encode("ascii") + b"--\r\n"
    encodings = {part.encoding for part in parts}
    widest = next((encoding for encoding in ("binary", "8bit") if encoding in encodings), "7bit")
    return Part(type_, body, widest)


def message(fields: Sequence[tuple[str, str]], body: Part) -> bytes:
    """A whole message: `fields` (name, value in the form of its field), MIME-Version, then `body` with its own."""
    head = b"".join(encode.field(name, value) for name, value in fields)
    return head + b"MIME-Version: 1.0\r\n" + body.header + b"\r\n" + body.body

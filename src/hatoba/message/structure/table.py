"""Table: where each part of a letter lies, packed so that sections are answered without a scan. # RFC 9051 §6.4.5

Made by summary, kept by store beside each letter, read by whoever answers FETCH of sections.
Never holds text of the letter but media types, encodings and charsets.
Fails with nothing: what the table does not know is None.
"""

import msgspec

from hatoba.message.structure.parts import MESSAGES, Mail, Part


class Row(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Offsets in octets: header [head, body), body [body, end). `inner`: where the body of a letter within begins."""

    number: str
    media: str
    encoding: str
    charset: str
    head: int
    body: int
    end: int
    inner: int = -1

    @property
    def size(self) -> int:
        return self.end - self.body


_ENCODE = msgspec.msgpack.Encoder()
_DECODE = msgspec.msgpack.Decoder(list[Row])


def pack(mail: Mail) -> bytes:
    """The table of a letter; its first row is the letter, number ""."""
    rows: list[Row] = []
    _collect(mail.root, rows)
    return _ENCODE.encode(rows)


def _collect(part: Part, rows: list[Row]) -> None:
    message = part.message
    inner = -1 if message is None else message.root.body
    rows.append(Row(part.number, part.media, part.encoding, part.charset, part.head, part.body, part.end, inner))
    if message is None:
        _inside(part, rows)
    elif message.root.number == (part.number or "1"):  # its parts are numbered as if they were ours
        _inside(message.root, rows)
    else:
        _collect(message.root, rows)


def _inside(part: Part, rows: list[Row]) -> None:
    for child in part.parts:
        _collect(child, rows)
    several = part.media.startswith("multipart/")
    if not part.parts and (several or part.media in MESSAGES):
        # BODYSTRUCTURE shows what could not be told apart as one text
        number = f"{part.number or '1'}.1" if part.number or not several else "1"
        rows.append(Row(number, "text/plain", "7bit", "", part.body, part.body, part.end))


def unpack(offsets: bytes) -> list[Row]:
    """All rows, parents before their parts."""
    return _DECODE.decode(offsets)


def row(offsets: bytes, number: str) -> Row | None:
    """The part of this number: "" the letter, "1" its first part, or its only one."""
    return found(_DECODE.decode(offsets), number)


def found(rows: list[Row], number: str) -> Row | None:
    """The row of this number among `rows`."""
    if number == "1" and not rows[0].media.startswith("multipart/"):
        return rows[0]
    return next((row for row in rows if row.number == number), None)


def span(offsets: bytes, number: str, what: str = "") -> tuple[int, int] | None:
    """[start, end) of a section in the letter; None when the letter has no such section.

    `what`: "" for the whole of it, "HEADER", "TEXT" (of the letter, or of a letter within), "MIME".
    """
    rows = _DECODE.decode(offsets)
    if not number:
        root = rows[0]
        if what == "MIME":
            return None
        return {"": (root.head, root.end), "HEADER": (root.head, root.body)}.get(what, (root.body, root.end))
    place = found(rows, number)
    if place is None:
        return None
    if not what:
        return place.body, place.end
    if what == "MIME":
        return place.head, place.body
    if place.inner < 0:
        return None
    return (place.body, place.inner) if what == "HEADER" else (place.inner, place.end)

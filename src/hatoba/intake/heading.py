"""Heading: what intake needs to know of a letter's header, found in one scan.

Called by transaction once per letter; hot.
Never decodes the body and never unfolds more than the three fields that are kept for search.
Fails never: what is no header has no fields.
"""

import msgspec

FROM_MOST = 320  # characters kept for search and lists; the letter keeps all
_SUBJECT_MOST = 256
_ID_MOST = 512


class Heading(msgspec.Struct, gc=False):
    """`end` is the length of the header's fields; the empty line and the body follow. Names as in RFC 5322.

    `empty_line` is False where the content goes on without one: a text without a header, or a header without a body.
    """

    end: int
    empty_line: bool
    hops: int = 0
    own_hops: int = 0
    message_id: str = ""
    header_from: str = ""
    subject: str = ""
    authors: int = 0  # From fields
    dated: bool = False
    private: bool = False  # Bcc, Resent-Bcc or Return-Path may be among the fields
    delivered_to: tuple[str, ...] = ()


NOTHING = Heading(0, True)  # before anything was read


def extent(data: bytes | bytearray) -> tuple[int, bool]:
    """(length of the fields, whether an empty line follows); (-1, False) when the end has not come yet."""
    if data.startswith(b"\r\n"):
        return 0, True
    line = data.find(b"\r\n")
    if line >= 0:
        colon = data.find(b":", 0, line)
        if colon <= 0 or b" " in data[:colon].rstrip(b" \t"):
            return 0, False
    at = data.find(b"\r\n\r\n")
    return (at + 2, True) if at >= 0 else (-1, False)


def read(data: bytes | bytearray, own: bytes) -> Heading:
    """The Heading of a content; `own` is `by <this host> ` in lower case."""
    end, empty_line = extent(data)
    if end < 0:
        end = len(data)
    if not end:
        return Heading(0, empty_line)
    fields = b"\r\n" + data[:end]
    lower = fields.lower()
    authors = lower.count(b"\r\nfrom:")
    return Heading(
        end,
        empty_line,
        lower.count(b"\r\nreceived:"),
        lower.count(own),
        _value(fields, lower, b"\r\nmessage-id:", _ID_MOST),
        _value(fields, lower, b"\r\nfrom:", FROM_MOST) if authors else "",
        _value(fields, lower, b"\r\nsubject:", _SUBJECT_MOST),
        authors,
        b"\r\ndate:" in lower,
        b"bcc:" in lower or b"\r\nreturn-path:" in lower,
        _values(fields, lower, b"\r\ndelivered-to:") if b"\r\ndelivered-to:" in lower else (),
    )


def _value(fields: bytes, lower: bytes, mark: bytes, most: int) -> str:
    """The first field of the name, unfolded, at most `most` characters; "" when there is none."""
    at = lower.find(mark)
    if at < 0:
        return ""
    at += len(mark)
    end = fields.find(b"\r\n", at)
    while fields[end + 2 : end + 3] in (b" ", b"\t") and end - at < 4 * most:
        end = fields.find(b"\r\n", end + 2)
    text = fields[at:end].decode("utf-8", "replace").strip()
    if "\r\n" in text:
        text = text.replace("\r\n", "")
    return text[:most]


def _values(fields: bytes, lower: bytes, mark: bytes) -> tuple[str, ...]:
    found: list[str] = []
    at = lower.find(mark)
    while at >= 0 and len(found) < 100:
        found.append(_value(fields[at:], lower[at:], mark, FROM_MOST))
        at = lower.find(mark, at + 1)
    return tuple(found)

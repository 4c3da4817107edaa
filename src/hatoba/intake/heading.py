"""Heading: what intake needs to know of a letter's header, found in one scan.

Called by transaction once per letter; hot.
Never decodes the body and never unfolds more than the three fields that are kept for search.
Fails never: what is no header has no fields.
"""

import msgspec

from hatoba.message import headers

FROM_MOST = 320  # characters kept for search and lists; the letter keeps all
_SUBJECT_MOST = 1024  # Japanese takes five octets a character as an encoded word
_ID_MOST = 512
_FEW = 4  # Received fields below which nobody asks which of them are ours


class Heading(msgspec.Struct, gc=False):
    """`end` is the length of the header's fields; the empty line and the body follow. Names as in RFC 5322.

    `empty_line` is False where the content goes on without one: a text without a header, or a header without a body.
    `fields` answers what is asked of some letters only.
    """

    end: int
    empty_line: bool
    fields: headers.Headers
    hops: int = 0
    own_hops: int = 0
    message_id: str = ""
    header_from: str = ""
    subject: str = ""
    tls_optional: bool = False  # "TLS-Required: No"  # RFC 8689 §5

    def renew(self, block: bytes) -> None:
        """The fields that are kept for search, as they stand in another header block."""
        found = headers.scan(block)
        self.message_id = _text(found, b"message-id", _ID_MOST)
        self.header_from = _text(found, b"from", FROM_MOST)
        self.subject = _text(found, b"subject", _SUBJECT_MOST)


NOTHING = Heading(0, True, headers.Headers(b"", 0))  # before anything was read


def read(data: bytes, own: bytes) -> Heading:
    """The Heading of a content; `own` is `by <this host> ` in lower case."""
    line = data.find(b"\r\n")
    colon = data.find(b":", 0, line if line >= 0 else len(data))
    if colon <= 0 or b" " in data[:colon].rstrip(b" \t"):
        return Heading(0, line == 0, NOTHING.fields)  # it begins with the body
    found = headers.scan(data)
    hops = found.count(b"received")
    return Heading(
        len(found.block),
        found.end > len(found.block),
        found,
        hops,
        found.block.lower().count(own) if hops > _FEW else 0,
        _text(found, b"message-id", _ID_MOST),
        _text(found, b"from", FROM_MOST),
        _text(found, b"subject", _SUBJECT_MOST),
        _optional(found),
    )


def _optional(found: headers.Headers) -> bool:
    """Whether the author says that delivery matters more than TLS. # RFC 8689 §5"""
    value = found.first(b"tls-required")
    return value is not None and value.strip().lower() == b"no"


def _text(found: headers.Headers, name: bytes, most: int) -> str:
    """The first field of the name as it stands, unfolded, at most `most` characters; "" when there is none."""
    value = found.first(name)
    return value[: 4 * most].decode("utf-8", "replace")[:most] if value else ""

"""Body: BODY and BODYSTRUCTURE of a letter as IMAP text. # RFC 9051 §7.5.2, RFC 3501 §7.4.2

Called by summary.
Never decodes: parameters, names and descriptions go out as they were written, RFC 2231 sections put together.
Fails never: a multipart without parts shows its text as one.
"""

import re

from hatoba.message import attributes
from hatoba.message.structure import envelope
from hatoba.message.structure.head import first
from hatoba.message.structure.parts import MESSAGES, Part
from hatoba.message.structure.strings import NIL, nstring, string

_DEFAULT = ((b"charset", b"us-ascii"),)
_TAGS = re.compile(rb"[\s,]+")
_NOTHING = b" NIL NIL NIL NIL"  # MD5, disposition, language, location


def both(part: Part) -> tuple[bytes, bytes]:
    """(BODY, BODYSTRUCTURE) of a part."""
    if part.media.startswith("multipart/"):
        return _multipart(part)
    start = _start(part)
    message = part.message
    if message is not None or part.media in MESSAGES:
        short, full = both(message.root) if message else _only_text(part.size, part.lines)
        start += b" " + envelope.text(message.root.fields if message else {}) + b" "
        end = b" %d" % part.lines
        return start + short + end + b")", start + full + end + _extension(part) + b")"
    if part.media.startswith("text/"):
        start += b" %d" % part.lines
    return start + b")", start + _extension(part) + b")"


def _start(part: Part) -> bytes:
    """What every part that is no multipart begins with."""
    kind, _, subtype = part.media.upper().encode("latin-1").partition(b"/")
    fields = part.fields
    parameters = () if part.default else part.type.parameters
    if kind == b"TEXT" and not any(name == b"charset" for name, _ in parameters):
        parameters = (*parameters, *_DEFAULT)
    out = (
        string(kind), string(subtype), _parameters(parameters),
        nstring(first(fields, b"content-id") or None),
        nstring(first(fields, b"content-description") or None),
        string(part.encoding.upper().encode("latin-1")),
        b"%d" % part.size,
    )  # fmt: skip
    return b"(" + b" ".join(out)


def _multipart(part: Part) -> tuple[bytes, bytes]:
    inner = [both(child) for child in part.parts] or [_only_text(part.size, part.lines)]
    kind = b" " + string(part.media.partition("/")[2].upper().encode("latin-1"))
    short = b"".join([text for text, _ in inner])
    full = b"".join([text for _, text in inner])
    extension = b" " + _parameters(part.type.parameters) + _common(part)
    return b"(" + short + kind + b")", b"(" + full + kind + extension + b")"


def _only_text(size: int, lines: int) -> tuple[bytes, bytes]:
    """What stands where the grammar wants a part and none could be told apart: the whole body as a text."""
    start = b'("TEXT" "PLAIN" ("CHARSET" "us-ascii") NIL NIL "7BIT" %d %d' % (size, lines)
    return start + b")", start + _NOTHING + b")"


def _parameters(parameters: tuple[tuple[bytes, bytes], ...]) -> bytes:
    if not parameters:
        return NIL
    return b"(" + b" ".join([string(name.upper()) + b" " + string(value) for name, value in parameters]) + b")"


def _extension(part: Part) -> bytes:
    """MD5, disposition, language and location, a space before each."""
    return b" " + nstring(first(part.fields, b"content-md5") or None) + _common(part)


def _common(part: Part) -> bytes:
    """Disposition, language and location, a space before each."""
    fields = part.fields
    shown = language = NIL
    disposition = part.disposition
    if disposition.value or disposition.parameters:  # one without a word is an attachment  # RFC 2183 §2.8
        word = disposition.value.upper() or b"ATTACHMENT"
        shown = b"(" + string(word) + b" " + _parameters(disposition.parameters) + b")"
    if given := first(fields, b"content-language"):
        tags = [string(tag) for tag in _TAGS.split(attributes.without_comments(given)) if tag]
        language = b"(" + b" ".join(tags) + b")" if tags else NIL
    return b" " + shown + b" " + language + b" " + nstring(first(fields, b"content-location") or None)

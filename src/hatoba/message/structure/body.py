"""Body: BODY and BODYSTRUCTURE of a letter as IMAP text. # RFC 9051 §7.5.2, RFC 3501 §7.4.2

Called by summary.
Never decodes: parameters, names and descriptions go out as they were written, RFC 2231 sections put together.
Fails never: a multipart without parts shows its text as one.
"""

import re

from hatoba.message import attributes
from hatoba.message.structure import envelope
from hatoba.message.structure.head import first
from hatoba.message.structure.parts import Mail, Part
from hatoba.message.structure.strings import NIL, nstring, string

_DEFAULT = ((b"charset", b"us-ascii"),)
_TAGS = re.compile(rb"[\s,]+")


def text(part: Part, *, extended: bool) -> bytes:
    """BODYSTRUCTURE of a part, or BODY when not `extended`."""
    if part.media.startswith("multipart/"):
        return _multipart(part, extended)
    kind, _, subtype = part.media.upper().encode("latin-1").partition(b"/")
    fields = part.fields
    parameters = () if part.default else part.type.parameters
    if kind == b"TEXT" and not any(name == b"charset" for name, _ in parameters):
        parameters = (*parameters, *_DEFAULT)
    out = [
        string(kind), string(subtype), _parameters(parameters),
        nstring(first(fields, b"content-id") or None),
        nstring(first(fields, b"content-description") or None),
        string(part.encoding.upper().encode("latin-1")),
        b"%d" % part.size,
    ]  # fmt: skip
    if part.message is not None:
        root = part.message.root
        out += [envelope.text(root.fields), text(root, extended=extended), b"%d" % part.lines]
    elif part.media == "message/rfc822":
        out += [envelope.text({}), _only_text(part.size, part.lines, extended), b"%d" % part.lines]
    elif kind == b"TEXT":
        out.append(b"%d" % part.lines)
    if extended:
        out.append(nstring(first(fields, b"content-md5") or None))
        out.append(_extension(part))
    return b"(" + b" ".join(out) + b")"


def _multipart(part: Part, extended: bool) -> bytes:
    inner = b"".join([text(child, extended=extended) for child in part.parts])
    if not inner:
        inner = _only_text(part.size, part.lines, extended)
    out = inner + b" " + string(part.media.partition("/")[2].upper().encode("latin-1"))
    if extended:
        out += b" " + _parameters(part.type.parameters) + b" " + _extension(part)
    return b"(" + out + b")"


def _only_text(size: int, lines: int, extended: bool) -> bytes:
    """What stands where the grammar wants a part and none could be told apart: the whole body as a text."""
    more = b" NIL NIL NIL NIL" if extended else b""
    return b'("TEXT" "PLAIN" ("CHARSET" "us-ascii") NIL NIL "7BIT" %d %d' % (size, lines) + more + b")"


def _parameters(parameters: tuple[tuple[bytes, bytes], ...]) -> bytes:
    if not parameters:
        return NIL
    return b"(" + b" ".join([string(name.upper()) + b" " + string(value) for name, value in parameters]) + b")"


def _extension(part: Part) -> bytes:
    """Disposition, language and location."""
    fields = part.fields
    shown = NIL
    if given := first(fields, b"content-disposition"):
        disposition = attributes.read(given)
        if disposition.value:
            shown = b"(" + string(disposition.value.upper()) + b" " + _parameters(disposition.parameters) + b")"
    tags = [tag for tag in _TAGS.split(attributes.without_comments(first(fields, b"content-language"))) if tag]
    language = b"(" + b" ".join(map(string, tags)) + b")" if tags else NIL
    return shown + b" " + language + b" " + nstring(first(fields, b"content-location") or None)


def both(mail: Mail) -> tuple[bytes, bytes]:
    """(BODY, BODYSTRUCTURE)."""
    return text(mail.root, extended=False), text(mail.root, extended=True)

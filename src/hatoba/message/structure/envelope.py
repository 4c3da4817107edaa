"""Envelope: the ENVELOPE of a letter as IMAP text. # RFC 9051 §7.5.2, RFC 3501 §7.4.2

Called by summary, and by the writer of BODYSTRUCTURE for letters within letters.
Never decodes an encoded word: clients do.
Fails never: a field that is not there is NIL.
"""

from collections.abc import Iterable

from hatoba.message.structure import addresses
from hatoba.message.structure.addresses import Entry
from hatoba.message.structure.head import Fields
from hatoba.message.structure.strings import NIL, nstring

_LISTS = (b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc")


def lists(fields: Fields) -> dict[bytes, list[Entry]]:
    """The address lists of a header by name; those of fields given several times put together."""
    return {
        name: [entry for value in fields[name] for entry in addresses.read(value)] for name in _LISTS if name in fields
    }


def text(fields: Fields, read: dict[bytes, list[Entry]] | None = None) -> bytes:
    """The parenthesised list. `read`: what `lists` gave, when it is there already."""
    found = lists(fields) if read is None else read
    origin = written(found.get(b"from", ()))
    sender = written(found.get(b"sender", ()))
    reply = written(found.get(b"reply-to", ()))
    parts = [
        _first(fields, b"date"),
        _first(fields, b"subject"),
        origin,
        origin if sender == NIL else sender,
        origin if reply == NIL else reply,
        written(found.get(b"to", ())),
        written(found.get(b"cc", ())),
        written(found.get(b"bcc", ())),
        _first(fields, b"in-reply-to"),
        _first(fields, b"message-id"),
    ]
    return b"(" + b" ".join(parts) + b")"


def _first(fields: Fields, name: bytes) -> bytes:
    values = fields.get(name)
    return nstring(values[0]) if values else NIL


def written(entries: Iterable[Entry]) -> bytes:
    """An address list as IMAP text, NIL for an empty one."""
    out = [
        b"(" + nstring(name) + b" " + nstring(route) + b" " + nstring(box) + b" " + nstring(host) + b")"
        for name, route, box, host in entries
    ]
    return b"(" + b"".join(out) + b")" if out else NIL

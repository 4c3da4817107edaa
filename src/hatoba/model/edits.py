"""Edits: what a service wants changed in a letter: fields of its header, its body, its envelope.

Made by net from a service's answer, put into a Verdict by a check, carried out by intake at the end of the content.
Never carries anything out; octets here cannot break out of a field: who makes them has looked.
Fails never: values only.
"""

import msgspec

ADD, INSERT, CHANGE = "add", "insert", "change"


class FieldEdit(msgspec.Struct, frozen=True, gc=False):
    """One field. `value` is all behind the colon, lines joined by CRLF.

    `what` ADD: at the end of the header. INSERT: at place `index`, 0 on top of all, 1 below our own trace fields.
    CHANGE: the `index`th field of the name, counted from 1 (from -1: the last); 0: all of them; an empty value removes.
    """

    what: str
    name: bytes
    value: bytes = b""
    index: int = 0


class Edits(msgspec.Struct, frozen=True):
    """All that one service wants. `body` is the whole new body, None leaves it; `sender` None likewise, "" is <>."""

    fields: tuple[FieldEdit, ...] = ()
    body: bytes | None = None
    added: tuple[str, ...] = ()  # recipients, as addresses without brackets
    removed: tuple[str, ...] = ()
    sender: str | None = None

    def __bool__(self) -> bool:
        return bool(self.fields or self.added or self.removed) or self.body is not None or self.sender is not None


NONE = Edits()

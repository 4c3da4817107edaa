"""Ways: what is different about the copies of one letter, gathered while its recipients come in.

Made by rewriting for each transaction that an alias concerns; finished when the header is known.
Never reads the directory.
Fails never.
"""

import msgspec

from hatoba.directory.aliases import Alias
from hatoba.message import encode
from hatoba.message.headers import Headers
from hatoba.model.address import Address
from hatoba.model.envelope import Way

EXPANDED, LISTED, DISCARDED = "expanded", "listed", "discarded"  # Way.ends


class Draft(msgspec.Struct, frozen=True):
    """A Way whose fields on top are not written yet.

    `through` are the addresses a copy passed on its way out, for Delivered-To; `list` puts its name on the copies;
    `original` is the address that was asked for, for X-Original-To.
    """

    sender: Address | None = None
    told: Address | None = None
    through: tuple[str, ...] = ()
    list: Alias | None = None
    original: str = ""
    ends: str = ""


class Ways:
    """Of one letter. `add` gives the number that a Recipient carries."""

    __slots__ = ("_drafts", "_numbers")

    def __init__(self) -> None:
        self._drafts: list[Draft] = []
        self._numbers: dict[tuple[object, ...], int] = {}

    def add(self, draft: Draft) -> int:
        """Copies that are alike share a way, and so a transaction towards their host."""
        roll = draft.list.key if draft.list is not None else ""
        key = (draft.sender, draft.told, draft.through, roll, draft.original, draft.ends)
        number = self._numbers.get(key)
        if number is None:
            self._drafts.append(draft)
            number = self._numbers[key] = len(self._drafts)
        return number

    def draft(self, number: int) -> Draft:
        return self._drafts[number - 1]

    def __len__(self) -> int:
        return len(self._drafts)

    def finished(self, fields: Headers) -> tuple[Way, ...]:
        """As the envelope carries them; `fields` are those the letter has already."""
        return tuple(
            Way(draft.sender, draft.told, _top(draft, fields), draft.ends, draft.list is not None)
            for draft in self._drafts
        )


def _top(draft: Draft, fields: Headers) -> bytes:
    """The fields that only these copies get. They stand above every signature, which they cannot break."""
    if draft.ends:
        return b""
    top = [_field("X-Original-To", draft.original)] if draft.original else []
    top += [_field("Delivered-To", address) for address in draft.through]
    if draft.list is not None and not fields.has(b"list-id"):  # RFC 2919 §3: one list's, the first
        top += _list_fields(draft.list, fields)
    return b"".join(top)


def _list_fields(roll: Alias, fields: Headers) -> list[bytes]:
    local, _, domain = roll.key.rpartition("@")
    name = roll.list.name if roll.list is not None else ""
    made = [_field("List-Id", f"{encode.phrase(name)} {list_id(roll)}" if name else list_id(roll))]
    if not fields.has(b"list-post") and _PLAIN.issuperset(local):  # RFC 2369 §3.4
        made.append(_field("List-Post", f"<mailto:{local}@{domain}>"))
    if not fields.has(b"precedence"):
        made.append(_field("Precedence", "list"))  # what answering machines look for  # RFC 3834 §2
    return made


_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_")


def list_id(roll: Alias) -> str:
    """<local.domain>, what subscribers sort by; what cannot stand there is a hyphen. # RFC 2919 §2"""
    local, _, domain = roll.key.rpartition("@")
    plain = "".join(character if character in _PLAIN else "-" for character in local).strip(".") or "list"
    while ".." in plain:
        plain = plain.replace("..", ".")
    return f"<{plain}.{domain}>"


def _field(name: str, value: str) -> bytes:
    return encode.field(name, value)

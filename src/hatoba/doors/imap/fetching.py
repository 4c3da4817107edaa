"""Fetching: the items of a FETCH made into a plan: which columns are read, and how each value is written.

Made by fetch once a command; its `build` runs in the threads that read.
Never parses a letter: what the store keeps of it is ready.
Fails with UnknownEncoding for a BINARY part nobody can decode.  # RFC 9051 §6.4.5, §7.5.2
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache, partial
from typing import Any

from hatoba.doors.imap.state import State
from hatoba.mailboxes.selected import Selected
from hatoba.message.structure import sections
from hatoba.store.mailboxes import messages
from hatoba.store.mailboxes.contents import Row
from hatoba.wire.imap import fetched, strings
from hatoba.wire.imap.items import Attribute, Item, Preview, Section

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_EPOCH = date(1970, 1, 1).toordinal()
_DAY = 86_400_000  # ms
_READY = {"ENVELOPE": "envelope", "BODY": "body", "BODYSTRUCTURE": "structure"}
Value = Callable[[int, dict[str, Any]], bytes]  # (place, the letter's columns by name) -> wire form


class Plan:
    """`columns` are to be read (none: the view has all), `seen`: it marks letters \\Seen; `whole`: octets are read.

    `cuts` are the items that are octets of the letter as they stand, by their place among `names` and `values`.
    """

    __slots__ = ("_selected", "_utf8", "by_uid", "columns", "cuts", "names", "seen", "values", "verb", "whole")

    def __init__(self, state: State, selected: Selected, items: Sequence[Item], *, modseq: bool) -> None:
        enabled = state.engine.enabled
        self.by_uid = "UIDONLY" in enabled
        self._utf8 = bool(enabled & {"UTF8=ACCEPT", "IMAP4REV2"})
        self._selected = selected
        self.verb = fetched.UIDFETCH if self.by_uid else fetched.FETCH
        self.names: list[bytes] = []
        self.values: list[Value] = []
        self.cuts: dict[int, Section] = {}
        self.columns: list[str] = []
        self.seen = False
        for item in items:
            self._add(item)
        if modseq and Attribute("MODSEQ") not in items:
            self._add(Attribute("MODSEQ"))
        self.whole = not {"raw", "text"}.isdisjoint(self.columns)

    # ---- the plan

    def _add(self, item: Item) -> None:
        if isinstance(item, Section):
            self._section(item)
        elif isinstance(item, Preview):
            self._item(b"PREVIEW", self._preview, "preview")
        elif item.name in _READY:
            column = _READY[item.name]
            self._item(item.name.encode(), partial(_column, column), column)
        elif item.name != "UID" or not self.by_uid:
            value, *columns = _ATTRIBUTES[item.name]
            self._item(item.name.encode(), partial(value, self), *columns)

    def _item(self, name: bytes, value: Value, *columns: str) -> None:
        if name in self.names:
            return
        self.names.append(name)
        self.values.append(value)
        self.columns += [column for column in columns if column not in self.columns]

    def _section(self, item: Section) -> None:
        self.seen = self.seen or not item.peek
        number, text = item.number, item.text
        if item.kind == "BINARY":
            cut: Callable[[dict[str, Any]], bytes | None] = partial(_binary, number)
            columns: tuple[str, ...] = ("raw", "offsets")
        elif item.kind == "BINARY.SIZE":
            self._item(item.label, partial(_binary_size, number), "raw", "offsets")
            return
        elif not number and text.startswith("HEADER"):
            cut, columns = partial(_plain, "header"), ("header",)
        elif not number:
            column = "text" if text == "TEXT" else "raw"
            cut, columns = partial(_plain, column), (column,)
        else:
            what = "HEADER" if text.startswith("HEADER") else text
            cut, columns = partial(_part, number, what), ("raw", "offsets")
        if item.kind == "BODY" and not item.fields and item.label not in self.names:
            self.cuts[len(self.names)] = item
        if item.fields:
            names = tuple(name.encode() for name in item.fields)
            cut = partial(_fields, cut, names, text.endswith(".NOT"))
        self._item(item.label, partial(_octets, cut, item.first, item.count, item.kind == "BINARY"), *columns)

    # ---- the values

    def build(self, places: dict[int, int], rows: list[Row]) -> bytes:
        """The answers for these letters; `places` by UID."""
        columns = ("uid", *self.columns)
        line = fetched.Row(self.names, self.verb)
        values = self.values
        out: list[tuple[int | bytes, ...]] = []
        for row in rows:
            uid = row[0]
            place = places[uid]
            known = dict(zip(columns, row, strict=True))
            out.append((uid if self.by_uid else place + 1, *[value(place, known) for value in values]))
        return line.lines(out)

    def from_view(self, places: Sequence[int]) -> bytes:
        """The same where nothing is to be read."""
        uids, values, by_uid = self._selected.view.uids, self.values, self.by_uid
        line = fetched.Row(self.names, self.verb)
        empty: dict[str, Any] = {}
        return line.lines(
            [(uids[place] if by_uid else place + 1, *[value(place, empty) for value in values]) for place in places]
        )

    def uid(self, place: int, known: dict[str, Any]) -> bytes:
        return b"%d" % self._selected.view.uids[place]

    def flags(self, place: int, known: dict[str, Any]) -> bytes:
        view = self._selected.view
        return self._selected.words(view.bits[place], view.uids[place])

    def modseq(self, place: int, known: dict[str, Any]) -> bytes:
        return b"(%d)" % self._selected.view.modseqs[place]

    def internal(self, place: int, known: dict[str, Any]) -> bytes:
        return dated(known["internal"], known["zone"])

    def saved(self, place: int, known: dict[str, Any]) -> bytes:
        return dated(known["saved"], 0)

    def size(self, place: int, known: dict[str, Any]) -> bytes:
        return b"%d" % known["size"]

    def emailid(self, place: int, known: dict[str, Any]) -> bytes:
        return b"(%b)" % messages.emailid(known["content"]).encode()

    def threadid(self, place: int, known: dict[str, Any]) -> bytes:
        return b"(%b)" % messages.threadid(known["thread"]).encode()

    def _preview(self, place: int, known: dict[str, Any]) -> bytes:
        return strings.string(known["preview"].encode(), self._utf8)


_ATTRIBUTES: dict[str, tuple[Any, ...]] = {
    "UID": (Plan.uid,),
    "FLAGS": (Plan.flags,),
    "MODSEQ": (Plan.modseq,),
    "INTERNALDATE": (Plan.internal, "internal", "zone"),
    "SAVEDATE": (Plan.saved, "saved"),
    "RFC822.SIZE": (Plan.size, "size"),
    "EMAILID": (Plan.emailid, "content"),
    "THREADID": (Plan.threadid, "thread"),
}


def dated(ms: int, zone: int) -> bytes:
    """A date-time of IMAP: b'"24-Nov-2026 16:05:09 +0900"'. `zone`: minutes east."""
    days, left = divmod(ms + zone * 60_000, _DAY)
    minutes, seconds = divmod(left // 1000, 60)
    hour, minute = divmod(minutes, 60)
    return b'"%b %02d:%02d:%02d %b"' % (_day(days), hour, minute, seconds, _zone(zone))


@lru_cache(4096)
def _day(days: int) -> bytes:
    when = date.fromordinal(min(max(_EPOCH + days, 1), date.max.toordinal()))
    return f"{when.day:2d}-{_MONTHS[when.month - 1]}-{when.year:04d}".encode()


@lru_cache(256)
def _zone(minutes: int) -> bytes:
    sign, east = ("-", -minutes) if minutes < 0 else ("+", minutes)
    return f"{sign}{east // 60:02d}{east % 60:02d}".encode()


def _column(name: str, place: int, known: dict[str, Any]) -> bytes:
    octets: bytes = known[name]
    return octets


def _octets(
    cut: Callable[[dict[str, Any]], bytes | None], first: int, count: int, binary: bool, place: int,
    known: dict[str, Any],
) -> bytes:  # fmt: skip
    """A literal; NIL for a part that is not there."""
    octets = cut(known)
    if octets is None:
        return strings.NIL
    if first or count >= 0:
        octets = octets[first : first + count] if count >= 0 else octets[first:]
    if b"\0" in octets:
        if binary:
            return strings.literal8(octets)
        octets = octets.replace(b"\0", b"\x80")  # no octet 0 may stand in a literal; the size stays what was said
    return strings.literal(octets)


def _plain(column: str, known: dict[str, Any]) -> bytes | None:
    octets: bytes = known[column]
    return octets


def _part(number: str, what: str, known: dict[str, Any]) -> bytes | None:
    return sections.section(known["raw"], known["offsets"], number, what)


def _fields(
    cut: Callable[[dict[str, Any]], bytes | None], names: Sequence[bytes], without: bool, known: dict[str, Any]
) -> bytes | None:
    header = cut(known)
    return None if header is None else sections.header_fields(header, names, without=without)


def _binary(number: str, known: dict[str, Any]) -> bytes | None:
    return sections.binary(known["raw"], known["offsets"], number)


def _binary_size(number: str, place: int, known: dict[str, Any]) -> bytes:
    return b"%d" % len(sections.binary(known["raw"], known["offsets"], number) or b"")

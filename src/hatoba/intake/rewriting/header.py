"""Header: the fields of a letter changed by the maps and the rules, and word of every change.

Called by rewriting once for each letter whose header is whole, when there are maps or rules at all.
Never touches an octet that no rule names, nor a field that a DKIM signature covers unless the rule says so.
Fails with ValueError on rules that make no sense, when they are made.
"""

from collections.abc import Sequence

import msgspec

from hatoba.intake.case import Case
from hatoba.intake.rewriting import maps as maps_
from hatoba.intake.rewriting.maps import Maps
from hatoba.intake.rewriting.pattern import Pattern
from hatoba.intake.rewriting.settings import HeaderRule
from hatoba.intake.rewriting.signed import Signed
from hatoba.intake.rewritten.notes import Notes
from hatoba.message import cut, encode, readdress
from hatoba.message.cut import Piece
from hatoba.model import domain as domain_
from hatoba.model.address import Address

_SIDES = {
    **dict.fromkeys((b"from", b"sender", b"reply-to"), maps_.SENDER),
    **dict.fromkeys((b"resent-from", b"resent-sender", b"resent-reply-to"), maps_.SENDER),
    **dict.fromkeys((b"to", b"cc", b"bcc"), maps_.RECIPIENT),
    **dict.fromkeys((b"resent-to", b"resent-cc", b"resent-bcc"), maps_.RECIPIENT),
}
# Trace, and what others or we ourselves have sealed: no rule's business.
_UNTOUCHABLE = frozenset({b"received", b"dkim-signature", b"return-path"})
_UNTOUCHABLE_FAMILY = b"arc-"


class Rule:
    """One header rule, ready. ValueError."""

    __slots__ = ("_recipients", "_senders", "field", "name", "pattern", "said", "settings")

    def __init__(self, settings: HeaderRule, number: int) -> None:
        self.settings = settings
        self.name = settings.name.lower().encode()
        self.said = f"header rule {number}"
        if self.name in _UNTOUCHABLE or self.name.startswith(_UNTOUCHABLE_FAMILY):
            raise ValueError(f"rewrite.header: {settings.name} is no field for rules")
        if not settings.value.isprintable():
            raise ValueError(f"rewrite.header: the value for {settings.name} holds a line end or another control")
        if settings.action in ("add", "default") and not settings.value:
            raise ValueError(f"rewrite.header: {settings.action} {settings.name} needs a value")
        if settings.action == "replace" and not settings.match:
            raise ValueError(f"rewrite.header: replace {settings.name} needs a match")
        self.pattern = Pattern(settings.match, settings.value, "rewrite.header") if settings.match else None
        self.field = encode.field(settings.name, encode.unstructured(settings.value)) if settings.value else b""
        self._senders = frozenset(domain_.parse(name) for name in settings.senders)
        self._recipients = frozenset(domain_.parse(name) for name in settings.recipients)

    def applies(self, case: Case) -> bool:
        """Whether its conditions hold for the letter."""
        settings = self.settings
        if settings.doors and case.source.door not in settings.doors:
            return False
        if settings.direction != "both" and (settings.direction == "out") != case.trusted:
            return False
        sender = case.mail.sender
        if self._senders and (sender is None or sender.domain not in self._senders):
            return False
        if self._recipients:
            return any(recipient.address.domain in self._recipients for recipient in case.recipients)
        return True


class Header:
    """The maps and rules together. False when there is nothing to do, whatever the letter."""

    __slots__ = ("_maps", "_rules")

    def __init__(self, maps: Maps, rules: Sequence[HeaderRule]) -> None:
        self._maps = maps
        self._rules = [Rule(settings, number) for number, settings in enumerate(rules, 1)]

    def __bool__(self) -> bool:
        return bool(self._maps) or bool(self._rules)

    def rewritten(self, block: bytes, case: Case, notes: Notes) -> bytes:
        """The block as the maps and rules leave it; what they did is added to `notes`."""
        rules = [rule for rule in self._rules if rule.applies(case)]
        if not rules and not self._maps:
            return block
        pieces = cut.pieces(block)
        work = _Work(pieces, notes, Signed(pieces))
        if self._maps:
            self._mapped(work, case.trusted)
        for rule in rules:
            _ACTIONS[rule.settings.action](work, rule)
        return b"".join(piece.octets for piece in (*work.top, *work.pieces))

    def _mapped(self, work: "_Work", ours: bool) -> None:
        for n, piece in enumerate(work.pieces):
            side = _SIDES.get(piece.name)
            if side is not None:
                work.pieces[n] = self._readdressed(work, piece, side, ours)

    def _readdressed(self, work: "_Work", piece: Piece, side: str, ours: bool) -> Piece:
        covered = work.signed.covers(piece.name)
        told: list[tuple[str, str, str]] = []

        def change(address: Address) -> Address | None:
            found = self._maps.change(address, side, maps_.HEADER, ours=ours)
            if found is None:
                return None
            if covered and not found.signed:
                told.append((f"{_shown(piece)} left as it is: signed", str(address), str(found.to)))
                return None
            told.append((f"{_shown(piece)} by {found.rule}" + _broken(covered), str(address), str(found.to)))
            return found.to

        value, done = readdress.readdress(piece.value, change)
        for what, before, after in told:
            if (before, after) in done or "left as it is" in what:
                work.notes.add(what, before, after)
        return piece.valued(value) if done else piece


class _Work(msgspec.Struct):
    """A header under the knife: fields that come on top, the fields there, what the journal will say."""

    pieces: list[Piece]
    notes: Notes
    signed: Signed
    top: list[Piece] = []

    def count(self, name: bytes) -> int:
        return sum(1 for piece in (*self.top, *self.pieces) if piece.name == name)


def _shown(piece: Piece) -> str:
    return piece.octets[: len(piece.name)].decode("ascii", "replace")


def _broken(covered: bool) -> str:
    return ", breaking a signature" if covered else ""


def _add(work: _Work, rule: Rule) -> None:
    """A field on top."""
    closed = work.signed.closed(rule.name, work.count(rule.name))
    if closed and not rule.settings.signed:
        work.notes.add(f"{rule.said}: {rule.settings.name} not added: signed", "", rule.settings.value)
        return
    work.top.insert(0, cut.piece(rule.field))
    work.notes.add(f"{rule.said}: {rule.settings.name} added" + _broken(closed), "", rule.settings.value)


def _default(work: _Work, rule: Rule) -> None:
    if not work.count(rule.name):
        _add(work, rule)


def _remove(work: _Work, rule: Rule) -> None:
    covered = work.signed.covers(rule.name)
    for pieces in (work.top, work.pieces):
        for piece in [one for one in pieces if one.name == rule.name]:
            if rule.pattern is not None and not rule.pattern.found(piece.unfolded):
                continue
            value = piece.unfolded.decode("utf-8", "replace")
            if covered and not rule.settings.signed:
                work.notes.add(f"{rule.said}: {_shown(piece)} not removed: signed", value, "")
                continue
            pieces.remove(piece)
            work.notes.add(f"{rule.said}: {_shown(piece)} removed" + _broken(covered), value, "")


def _replace(work: _Work, rule: Rule) -> None:
    covered = work.signed.covers(rule.name)
    assert rule.pattern is not None  # noqa: S101 # Rule has seen to it
    for pieces in (work.top, work.pieces):
        for n, piece in enumerate(pieces):
            if piece.name != rule.name or not rule.pattern.found(piece.unfolded):
                continue
            value = rule.pattern.replaced(piece.unfolded)
            before, after = (text.decode("utf-8", "replace") for text in (piece.unfolded, value))
            if value == piece.unfolded:
                continue
            if covered and not rule.settings.signed:
                work.notes.add(f"{rule.said}: {_shown(piece)} not replaced: signed", before, after)
                continue
            pieces[n] = _folded(piece, value)
            work.notes.add(f"{rule.said}: {_shown(piece)} replaced" + _broken(covered), before, after)


def _folded(piece: Piece, value: bytes) -> Piece:
    """The field with a new value; folded only where a line would be too long otherwise."""
    line = piece.octets[: piece.start] + b" " + value
    if len(line) <= encode.LINE_MOST:
        return cut.piece(line + b"\r\n")
    return cut.piece(encode.field(_shown(piece), value.decode("utf-8", "replace")))


_ACTIONS = {"add": _add, "default": _default, "remove": _remove, "replace": _replace}

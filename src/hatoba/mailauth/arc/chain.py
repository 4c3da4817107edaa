"""Chain: whether the ARC seals of a letter hold, as a generator that asks for the keys by value.

Called by the doors (through check), before the letter is judged by DMARC and before seal.
Never decides whether a sealer deserves trust: it names them and gives what they attest.
Fails never: whatever does not hold is "fail" with the reason.
"""

import hmac
from typing import NamedTuple

import msgspec

from hatoba.mailauth import questions
from hatoba.mailauth.arc import sets
from hatoba.mailauth.dkim import attest, canonical, fields, signature
from hatoba.mailauth.dkim.signature import Signature, Unusable
from hatoba.mailauth.questions import Answer, Question


class Settings(msgspec.Struct, frozen=True):
    """What a verifier accepts."""

    sets: int = sets.MOST
    header: int = 1 << 20  # octets of header
    partial: bool = False  # take an l= of a message signature


class Sealer(NamedTuple):
    """One set of the chain: who sealed it, and what the receiver there had found."""

    instance: int
    domain: str
    selector: str
    results: bytes  # the value of ARC-Authentication-Results, unfolded


class Chain(NamedTuple):
    """The state of the chain.  # RFC 8617 §5.2"""

    result: str  # none pass fail
    reason: str = ""
    instance: int = 0  # the highest there is
    oldest_pass: int = 0  # the letter is as this instance signed it; 0: as the first one did, or no pass
    closed: int = 0  # the instance whose seal already said cv=fail
    temporary: bool = False  # a key could not be had for now
    sealers: tuple[Sealer, ...] = ()  # first instance first; () unless the result is "pass"


class Inspection:
    """The chain of one letter. Hand in the header, then the body piece by piece, then run `conclude`."""

    def __init__(self, header: fields.Fields, *, now: int, settings: Settings | None = None) -> None:
        self._fields = header
        self._now = now
        self._settings = settings or Settings()
        self._bodies: dict[tuple[canonical.Form, int | None], canonical.BodyHash] = {}
        self._digests: dict[tuple[canonical.Form, int | None], bytes] = {}
        self._sets: list[sets.Set] = []
        self._reason = ""
        self._closed = 0
        try:
            self._gather()
        except sets.Broken as broken:
            self._reason = str(broken)
            return
        for found in self._sets:
            read = found.message_signature
            self._bodies.setdefault((read.body_form, read.length), canonical.BodyHash(read.body_form, read.length))

    @property
    def hashing(self) -> bool:
        """Whether the chain depends on the body; else it need not be handed in."""
        return bool(self._bodies)

    def update(self, piece: bytes) -> None:
        """The next octets of the body."""
        for body in self._bodies.values():
            body.update(piece)

    def conclude(self) -> questions.Asking[Chain]:
        """Ends the body, asks for the keys and judges."""
        if self._reason:
            return Chain("fail", self._reason, sets.highest(self._fields), closed=self._closed)
        if not self._sets:
            return Chain("none")
        self._digests = {key: body.digest() for key, body in self._bodies.items()}
        newest = self._sets[-1]
        try:
            answers = yield from _ask([newest.message_signature])
            self._message(newest, answers)
            answers |= yield from _ask(self._signatures(), answers)
            self._seals(answers)
        except Unusable as unusable:
            return Chain("fail", unusable.reason, newest.instance, temporary=unusable.result == "temperror")
        return Chain("pass", "", newest.instance, self._oldest(answers), sealers=tuple(map(self._sealer, self._sets)))

    def _gather(self) -> None:
        """The sets. sets.Broken when they cannot be a chain that holds.  # RFC 8617 §5.2 steps 1 to 3"""
        if not any(name in self._fields.places for name in _NAMES):
            return
        if self._fields.size > self._settings.header:
            raise sets.Broken("the header is too large")
        if self._fields.parted:
            raise sets.Broken("there is an empty line in the header")
        self._closed = sets.closed(self._fields)
        if self._closed:
            raise sets.Broken(f"the seal of set {self._closed} says that the chain had failed")
        found = sets.gather(self._fields)
        if len(found) > self._settings.sets:
            raise sets.Broken(f"more than {self._settings.sets} sets")
        for each in found:
            if each.cv != ("none" if each.instance == 1 else "pass"):
                raise sets.Broken(f"set {each.instance}: cv={each.cv} cannot stand there")
        self._sets = found

    def _signatures(self) -> list[Signature]:
        """All of the chain, the newest first."""
        return [read for found in reversed(self._sets) for read in (found.seal_signature, found.message_signature)]

    def _message(self, found: sets.Set, answers: dict[str, Answer]) -> None:
        """Unusable unless the message signature of this set holds.  # RFC 8617 §5.2 step 4"""
        read = found.message_signature
        key = read.body_form, read.length
        where = f"message signature {found.instance}"
        if read.length is not None and (not self._settings.partial or read.length > self._bodies[key].size):
            raise Unusable("fail", f"{where}: l= is not acceptable")
        if read.expires is not None and read.expires < self._now:
            raise Unusable("fail", f"{where}: has expired")
        published = _published(answers, read, where)
        if not hmac.compare_digest(self._digests[key], read.body_hash):
            raise Unusable("fail", f"{where}: the body has changed")
        if not attest.made_by(published, read.value, attest.text(self._fields, found.message, read)):
            raise Unusable("fail", f"{where}: does not match")

    def _seals(self, answers: dict[str, Answer]) -> None:
        """Unusable unless every seal holds.  # RFC 8617 §5.2 step 6"""
        before = b""
        texts = []
        for found in self._sets:
            before += b"\r\n".join(self._fields.canonical(at, "relaxed") for at in (found.results, found.message))
            name, value = self._fields.all[found.seal]
            texts.append(before + b"\r\n" + canonical.field(name, signature.unsigned(value), "relaxed"))
            before += b"\r\n" + self._fields.canonical(found.seal, "relaxed") + b"\r\n"
        for found, text in zip(reversed(self._sets), reversed(texts), strict=True):
            where = f"seal {found.instance}"
            published = _published(answers, found.seal_signature, where)
            if not attest.made_by(published, found.seal_signature.value, text):
                raise Unusable("fail", f"{where}: does not match")

    def _oldest(self, answers: dict[str, Answer]) -> int:
        """The oldest-pass value.  # RFC 8617 §5.2 step 5"""
        for found in reversed(self._sets[:-1]):
            try:
                self._message(found, answers)
            except Unusable:
                return found.instance + 1
        return 0

    def _sealer(self, found: sets.Set) -> Sealer:
        read = found.seal_signature
        value = self._fields.all[found.results][1].replace(b"\r\n", b"")
        return Sealer(found.instance, read.domain, read.selector, canonical.squeeze(value).strip())


_NAMES = (sets.AAR, sets.AMS, sets.AS)


def check(content: bytes, *, now: int, settings: Settings | None = None) -> questions.Asking[Chain]:
    """Judges the chain of a whole letter. `now`: seconds since 1970."""
    header, body = fields.split(content)
    inspection = Inspection(header, now=now, settings=settings)
    inspection.update(body)
    return inspection.conclude()


def _ask(reads: list[Signature], known: dict[str, Answer] | None = None) -> questions.Asking[dict[str, Answer]]:
    """The keys of these signatures that are not known yet, asked for at once."""
    names = [name for name in dict.fromkeys(read.key_name for read in reads) if name not in (known or {})]
    if not names:
        return {}
    found = yield tuple(Question(name, "TXT") for name in names)
    return dict(zip(names, found, strict=True))


def _published(answers: dict[str, Answer], read: Signature, where: str) -> attest.Usable:
    try:
        return attest.records(answers[read.key_name], read)
    except Unusable as unusable:
        raise Unusable(unusable.result, f"{where}: {unusable.reason}") from None

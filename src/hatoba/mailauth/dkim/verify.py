"""Verify: what each DKIM signature of a letter is worth, as a generator that asks for the keys by value.

Called by the doors (through check) and by whoever has the letter in pieces (Inspection).
Never asks the DNS or a clock itself; the body is hashed once for each form of it, whatever the number of signatures.
Fails never: a signature that cannot be judged has the result that says so, in the words of RFC 8601.
"""

import hmac
import re
from collections.abc import Callable
from typing import Literal, NamedTuple

import msgspec

from hatoba.mailauth import questions
from hatoba.mailauth.dkim import attest, canonical, fields, keys, signature, tags
from hatoba.mailauth.dkim.signature import Signature, Unusable
from hatoba.mailauth.questions import Answer, Question

_NAME = b"dkim-signature"
_WORD = re.compile("[a-z0-9-]{1,32}")
_BASE64 = re.compile("[A-Za-z0-9+/=]*")


class Settings(msgspec.Struct, frozen=True):
    """What a verifier accepts."""

    signatures: int = 10  # those below are not looked at  # RFC 6376 §6.1
    header: int = 1 << 20  # octets of header; a larger one is judged by nobody
    partial: Literal["refuse", "whole", "accept"] = "refuse"  # l=: never; if it covers all there is; as RFC 6376 says
    ahead: int = 3600  # seconds a t= may lie in the future


class Result(NamedTuple):
    """One signature, with what Authentication-Results tells of it. Texts are safe to print.  # RFC 8601 §2.7.1"""

    result: str  # pass fail neutral policy temperror permerror
    reason: str = ""
    domain: str = ""  # header.d, A-labels in lower case
    selector: str = ""  # header.s
    algorithm: str = ""  # header.a
    identity: str = ""  # header.i
    b: str = ""  # header.b: the first eight characters of the signature  # RFC 6008 §4
    testing: bool = False  # the key says t=y
    bits: int = 0  # the size of the key
    signed: tuple[bytes, ...] = ()  # the names in h=, lower case
    place: int = -1  # which field of the header, top is 0


class _Case(NamedTuple):
    """One signature to judge: what it says, or why it cannot count."""

    place: int
    said: dict[str, str]
    judged: Signature | Unusable


class Inspection:
    """The signatures of one letter. Hand in the header, then the body piece by piece, then run `conclude`."""

    def __init__(self, header: fields.Fields, *, now: int, settings: Settings | None = None) -> None:
        self._fields = header
        self._settings = settings or Settings()
        self._now = now
        self._bodies: dict[tuple[canonical.Form, int | None], canonical.BodyHash] = {}
        places = header.places.get(_NAME, [])
        self._cases = [self._case(place) for place in places[: self._settings.signatures]]
        self._passed_over = places[self._settings.signatures :]

    @property
    def hashing(self) -> bool:
        """Whether any signature depends on the body; else it need not be handed in."""
        return bool(self._bodies)

    def update(self, piece: bytes) -> None:
        """The next octets of the body."""
        for body in self._bodies.values():
            body.update(piece)

    def conclude(self) -> questions.Asking[tuple[Result, ...]]:
        """Ends the body, asks for the keys, all at once, and judges: a result a signature, top to bottom."""
        names = dict.fromkeys(case.judged.key_name for case in self._cases if isinstance(case.judged, Signature))
        answers: dict[str, Answer] = {}
        if names:
            found = yield tuple(Question(name, "TXT") for name in names)
            answers = dict(zip(names, found, strict=True))
        digests = {key: body.digest() for key, body in self._bodies.items()}
        results = [
            self._judge(case, case.judged, digests, answers)
            if isinstance(case.judged, Signature)
            else _result(case, case.judged.result, case.judged.reason)
            for case in self._cases
        ]
        return (*results, *(Result("policy", "too many signatures", place=place) for place in self._passed_over))

    def _case(self, place: int) -> _Case:
        said: dict[str, str] = {}
        try:
            said = tags.parse(self._fields.all[place][1])
            read = signature.read(said)
            self._acceptable(read)
        except tags.BadTags as error:
            return _Case(place, said, Unusable("neutral", f"the signature is broken: {error}"))
        except Unusable as unusable:
            return _Case(place, said, unusable)
        self._bodies.setdefault((read.body_form, read.length), canonical.BodyHash(read.body_form, read.length))
        return _Case(place, said, read)

    def _acceptable(self, read: Signature) -> None:
        """Unusable for what is refused without a key."""
        settings = self._settings
        if self._fields.size > settings.header:
            raise Unusable("policy", "the header is too large")
        if self._fields.parted:
            raise Unusable("policy", "there is an empty line in the header")
        if read.length is not None and settings.partial == "refuse":
            raise Unusable("policy", "l= is not acceptable")
        if read.expires is not None and read.expires < self._now:
            raise Unusable("policy", "the signature has expired")
        if read.timestamp is not None and read.timestamp > self._now + settings.ahead:
            raise Unusable("policy", "the signature is from the future")
        authors = len(self._fields.places.get(b"from", ()))
        if not authors:
            raise Unusable("permerror", "there is no From")
        if authors > read.headers.count(b"from"):  # readers may be shown the one nobody signed  # RFC 6376 §8.15
            raise Unusable("policy", "there is a From that is not signed")

    def _judge(
        self,
        case: _Case,
        read: Signature,
        digests: dict[tuple[canonical.Form, int | None], bytes],
        answers: dict[str, Answer],
    ) -> Result:
        body = self._bodies[read.body_form, read.length]
        try:
            published = attest.records(answers[read.key_name], read)
            if read.length is not None and read.length > body.size:
                raise Unusable("permerror", "l= is beyond the end of the body")
            if read.length is not None and read.length < body.size and self._settings.partial != "accept":
                raise Unusable("policy", "l= does not cover the body")
        except Unusable as unusable:
            return _result(case, unusable.result, unusable.reason)
        if not hmac.compare_digest(digests[read.body_form, read.length], read.body_hash):
            record, reason = None, "the body has changed"
        else:
            record = attest.made_by(published, read.value, attest.text(self._fields, case.place, read))
            reason = "" if record else "the signature does not match"
        if record is not None:
            return _result(case, "pass", "", record)
        record = published[0][0]
        if record.testing:  # to be treated like an unsigned letter  # RFC 6376 §3.6.1
            return _result(case, "neutral", f"{reason}; the domain is testing", record)
        return _result(case, "fail", reason, record)


def check(content: bytes, *, now: int, settings: Settings | None = None) -> questions.Asking[tuple[Result, ...]]:
    """Judges every signature of a whole letter; () when there is none. `now`: seconds since 1970."""
    header, body = fields.split(content)
    inspection = Inspection(header, now=now, settings=settings)
    inspection.update(body)
    return inspection.conclude()


def _result(case: _Case, result: str, reason: str, record: keys.Record | None = None) -> Result:
    """A Result with as much of the signature as is fit to print."""
    read, said = case.judged, case.said
    if not isinstance(read, Signature):
        return Result(
            result,
            reason,
            _fit(signature.host, said.get("d")),
            _fit(signature.selector, said.get("s")),
            said["a"] if _WORD.fullmatch(said.get("a", "")) else "",
            b=_start(said.get("b", "")),
            place=case.place,
        )
    return Result(
        result,
        reason,
        read.domain,
        read.selector,
        read.algorithm,
        read.identity,
        _start(said["b"]),
        record.testing if record else False,
        record.bits if record else 0,
        read.headers,
        case.place,
    )


def _start(b: str) -> str:
    """The first eight characters of a b=, if they are base64."""
    start = tags.compact(b[:64])[:8]
    return start if _BASE64.fullmatch(start) else ""


def _fit(form: Callable[[str], str], text: str | None) -> str:
    """`text` in its one form, "" where it has none."""
    try:
        return form(text) if text else ""
    except Unusable:
        return ""

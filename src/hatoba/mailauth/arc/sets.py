"""Sets: the ARC fields of a letter gathered by instance, and the form of each, before any key is asked for.

Called by chain and seal.
Never verifies a signature.
Fails with Broken: the structure cannot be that of a chain.
"""

import re
from typing import NamedTuple

from hatoba.mailauth.dkim import fields, signature, tags
from hatoba.mailauth.dkim.signature import Signature, Unusable

AAR, AMS, AS = b"arc-authentication-results", b"arc-message-signature", b"arc-seal"
MOST = 50  # RFC 8617 §4.2.1
_INSTANCE = re.compile("[0-9]{1,2}")
_COMMENT = rb"(?:[ \t\r\n]|\((?:[^()\\]|\\.)*\))*"
_INFO = re.compile(rb"%s[iI]%s=%s([0-9]{1,2})%s;" % (_COMMENT, _COMMENT, _COMMENT, _COMMENT), re.DOTALL)
_CV = ("none", "pass", "fail")


class Broken(ValueError):
    """What is wrong with the structure."""


class Set(NamedTuple):
    """One ARC set: where its fields are in fields.Fields.all, and what its two signatures say."""

    instance: int
    results: int
    message: int
    seal: int
    cv: str
    message_signature: Signature
    seal_signature: Signature


def gather(header: fields.Fields) -> list[Set]:
    """The sets, first instance first; [] when there is no ARC field. Broken.  # RFC 8617 §5.2 steps 1 and 3"""
    kinds = [header.places.get(name, []) for name in (AAR, AMS, AS)]
    count = max(map(len, kinds))
    if not count:
        return []
    if count > MOST:
        raise Broken(f"more than {MOST} sets")
    if any(len(places) != count for places in kinds):
        raise Broken("a set is not whole")
    found: list[dict[int, int]] = []
    for places, instance in zip(kinds, (_of_results, _of_signature, _of_signature), strict=True):
        by_instance = {instance(header.all[place][1]): place for place in places}
        if sorted(by_instance) != list(range(1, count + 1)):
            raise Broken("the instances are not 1, 2, 3 and so on, once each")
        found.append(by_instance)
    return [_set(header, at, *(places[at] for places in found)) for at in range(1, count + 1)]


def highest(header: fields.Fields) -> int:
    """The greatest instance that any ARC field names, 0 without one; broken ones count for nothing."""
    most = 0
    for name, instance in ((AAR, _of_results), (AMS, _of_signature), (AS, _of_signature)):
        for value in header.named(name):
            try:
                most = max(most, instance(value))
            except Broken:
                continue
    return most


def closed(header: fields.Fields) -> int:
    """The lowest instance whose seal says that the chain had failed already, 0 when none does."""
    found = []
    for value in header.named(AS):
        try:
            said = tags.parse(value)
            if said.get("cv", "").lower() == "fail":
                found.append(_instance(said))
        except (tags.BadTags, Broken):
            continue
    return min(found, default=0)


def _of_results(value: bytes) -> int:
    found = _INFO.match(value)
    return _number(found[1].decode() if found else "")


def _of_signature(value: bytes) -> int:
    try:
        return _instance(tags.parse(value))
    except tags.BadTags as error:
        raise Broken(str(error)) from None


def _instance(said: dict[str, str]) -> int:
    return _number(said.get("i", ""))


def _number(text: str) -> int:
    if not _INSTANCE.fullmatch(text) or not 1 <= int(text) <= MOST:
        raise Broken(f"an instance is no number from 1 to {MOST}")
    return int(text)


def _set(header: fields.Fields, instance: int, results: int, message: int, seal: int) -> Set:
    try:
        cv, sealed = _seal(tags.parse(header.all[seal][1]))
        signed = _message(tags.parse(header.all[message][1]))
    except (tags.BadTags, Unusable) as error:
        raise Broken(f"set {instance}: {error}") from None
    return Set(instance, results, message, seal, cv, signed, sealed)


def _message(said: dict[str, str]) -> Signature:
    """An ARC-Message-Signature: a DKIM-Signature without v=, whose i= is the instance.  # RFC 8617 §4.1.2"""
    signature.required(said, "a", "b", "bh", "d", "s")
    if "h" not in said:
        raise Unusable("fail", "h= is missing")
    signed = signature.header_names(said["h"])
    if AS in signed:
        raise Unusable("fail", "h= names ARC-Seal")
    read = _common(said)
    # DKIM's default is simple; but ARC's drafts knew relaxed alone, and so do those who leave c= out
    header_form, body_form = signature.forms(said.get("c"), default="relaxed")
    return read._replace(
        headers=signed,
        body_hash=signature.body_digest(said),
        header_form=header_form,
        body_form=body_form,
        length=signature.number(said, "l"),
        expires=signature.number(said, "x"),
    )


def _seal(said: dict[str, str]) -> tuple[str, Signature]:
    """(cv=, the signature) of an ARC-Seal.  # RFC 8617 §4.1.3"""
    signature.required(said, "a", "b", "cv", "d", "s")
    if said["cv"].lower() not in _CV:
        raise Unusable("fail", "cv= says neither none nor pass nor fail")
    if "h" in said or "bh" in said:
        raise Unusable("fail", "a seal holds h= or bh=")
    return said["cv"].lower(), _common(said)


def _common(said: dict[str, str]) -> Signature:
    at = signature.host(said["d"])
    return Signature(
        signature.algorithm(said["a"]),
        at,
        signature.selector(said["s"]),
        f"@{at}",
        (),
        signature.octets(said, "b"),
        b"",
        "relaxed",
        "relaxed",
        timestamp=signature.number(said, "t"),
    )

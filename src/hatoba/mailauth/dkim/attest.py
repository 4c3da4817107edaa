"""Attest: whether a key that the DNS names made a signature over a text; DKIM and both signatures of ARC end here.

Called by verify of dkim and arc.
Never asks the DNS: the answer comes in. Several records at one name are tried in turn, a few of them.
Fails with Unusable: "fail", or why there is no key to judge by; never anything else.
"""

from typing import TypeAlias

from hatoba.mailauth.dkim import canonical, fields, keys, signature
from hatoba.mailauth.dkim.signature import Signature, Unusable
from hatoba.mailauth.questions import Answer

Usable: TypeAlias = list[tuple[keys.Record, keys.PublicKey]]

_RECORDS = 3  # key records tried at one name; what several mean is left to the verifier  # RFC 6376 §6.1.2


def text(header: fields.Fields, place: int, read: Signature) -> bytes:
    """What is signed of the header: the selected fields, then the signature's own at `place` without its b=.

    # RFC 6376 §3.7
    """
    form = read.header_form
    parts = [header.canonical(at, form) for at in header.selected(read.headers, but=place)]
    name, value = header.all[place]
    parts.append(canonical.field(name, signature.unsigned(value), form))
    return b"\r\n".join(parts)


def records(answer: Answer, read: Signature) -> Usable:
    """The keys published for this signature that it may use. Unusable when there is none, for the first reason met.

    # RFC 6376 §6.1.2
    """
    if answer.status == "trouble":
        raise Unusable("temperror", "the key cannot be had for now")
    if not answer.records:
        raise Unusable("permerror", "there is no key")
    found: Usable = []
    reason: Unusable | None = None
    for published in answer.records[:_RECORDS]:
        try:
            record = keys.read(published)
            key = keys.usable(record, read.algorithm)
            if record.strict and not read.identity.endswith(f"@{read.domain}"):  # RFC 6376 §3.6.1
                raise Unusable("permerror", "i= is below d=, and the key forbids it")
        except Unusable as unusable:
            reason = reason or unusable
        else:
            found.append((record, key))
    if reason and not found:
        raise reason
    return found


def made_by(usable: Usable, value: bytes, over: bytes) -> keys.Record | None:
    """The record whose key made the signature `value` over this text; None when it was none of them."""
    for record, key in usable:
        if keys.verifies(key, value, over):
            return record
    return None

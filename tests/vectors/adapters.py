"""What the shared conformance vectors are run against: one function for each kind of question they ask.

Called by the runners of the vectors (--adapter tests/vectors/adapters.py:addr_valid) and tools/conformance.py.
Never looks at a case's name or text to decide: it hands the text to the room that would get it.
Fails never: what a room refuses is False.
"""

import time

from tests.vectors import fake_dns

from hatoba.mailauth import bimi, questions
from hatoba.mailauth.arc import chain, seal
from hatoba.mailauth.dkim import fields, keys, sign, verify
from hatoba.mailauth.results import read
from hatoba.mailauth.spf import check as spf
from hatoba.message import charsets, mailbox, unsubscribe, words
from hatoba.model.address import Address, BadAddress
from hatoba.wire.smtp import esmtp, grammar
from hatoba.wire.smtp.offer import Offer

OFFER = Offer("mx.example.org", size=1 << 30, mechanisms=("PLAIN",))


def addr_valid(text: str, kind: str) -> tuple[bool, dict[str, str]]:
    """Whether `text` is an address of this `kind`, and its parts as they would go out."""
    try:
        if kind == "header-mailbox":
            mailbox.parse(text, obsolete=False)
            return True, {}
        if kind == "reverse-path":
            asked = "" if text.isascii() or "SMTPUTF8" in text else " SMTPUTF8"
            address = grammar.mail(f"FROM:{text}{asked}", OFFER).sender
        elif kind == "path":
            address = Address.parse_path(text)
        else:
            address = Address.parse(text, smtputf8=kind != "mailbox-ascii-only")
    except (BadAddress, mailbox.BadMailbox, esmtp.Bad):
        return False, {}
    if address is None:
        return True, {"local": "", "domain": ""}
    return True, {"local": str(address).rpartition("@")[0], "domain": address.domain}


def charset_decode(charset: str, octets: bytes) -> str:
    """A text in the charset it is labelled with."""
    return charsets.decode(octets, charset)


def rfc2047_text(octets: bytes) -> str:
    """A raw text with its encoded words read."""
    return words.decode(octets)


def spf_check(
    ip: str, mailfrom: str, helo: str, resolver: fake_dns.Resolver, receiver: str | None = None
) -> tuple[str, str | None]:
    """The result of an SPF check, and the domain's own explanation of a fail."""
    engine = spf.mail_from(ip, mailfrom, helo, receiver=receiver or "unknown")
    found = questions.run(engine, fake_dns.look(resolver))
    return found.result, found.explanation


def bimi_valid(record: str) -> bool:
    """Whether a BIMI record can be read."""
    try:
        bimi.parse(record)
    except bimi.BadBimi:
        return False
    return True


def authres_parse(value: str) -> tuple[str, list[list[str]]]:
    """Who speaks in an Authentication-Results, and [method, result] of each finding."""
    results = read.parse(value)
    return results.authserv_id, [[finding.method, finding.result] for finding in results.findings]


def list_unsubscribe(value: str) -> list[str]:
    """The URIs of a List-Unsubscribe."""
    return unsubscribe.uris(value)


def dkim_verify(message: bytes, resolver: fake_dns.Resolver, now: int | None = None) -> list[str]:
    """The result of each DKIM signature; l= is taken, for the cases ask whether it is computed right."""
    settings = verify.Settings(partial="accept")
    engine = verify.check(message, now=now or int(time.time()), settings=settings)
    return [found.result for found in questions.run(engine, fake_dns.look(resolver))]


def arc_validate(message: bytes, resolver: fake_dns.Resolver) -> str:
    """The state of a chain in the words of draft 18: one that a seal calls failed has none."""
    found = questions.run(chain.check(message, now=int(time.time())), fake_dns.look(resolver))
    return "none" if found.closed else found.result


def arc_sign(
    message: bytes, selector: str, domain: str, pem: str, authserv_id: str, names: list[str], timestamp: int,
    resolver: fake_dns.Resolver,
) -> list[str]:  # fmt: skip
    """The fields of a new set, each without its last line end."""
    found = questions.run(chain.check(message, now=timestamp), fake_dns.look(resolver))
    signer = sign.Signer(domain, selector, keys.private(pem.encode()))
    results = seal.attested(fields.split(message)[0], authserv_id)
    lower = [name.lower().encode() for name in names]
    made = seal.seal(message, signer, found, results, now=timestamp, names=lower)
    return [f"{name.decode()}:{value.decode()}" for name, value in fields.Fields(made).all]

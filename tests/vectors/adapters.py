"""What the shared conformance vectors are run against: one function for each kind of question they ask.

Called by the runners of the vectors (--adapter tests/vectors/adapters.py:addr_valid) and tools/conformance.py.
Never looks at a case's name or text to decide: it hands the text to the room that would get it.
Fails never: what a room refuses is False.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from tests.vectors import arf_adapter, fake_dns, mime_adapter
from tools import conformance

from hatoba.mailauth import bimi, mtasts, questions, terms
from hatoba.mailauth.arc import chain, seal
from hatoba.mailauth.dkim import fields, keys, sign, signature, tags, verify
from hatoba.mailauth.dmarc import author, check, discover, record, suffix
from hatoba.mailauth.dmarc.aggregate import read as aggregate
from hatoba.mailauth.dmarc.evidence import DkimResult, SpfResult
from hatoba.mailauth.results import read
from hatoba.mailauth.spf import check as spf
from hatoba.mailauth.tlsa import chain as dane
from hatoba.mailauth.tlsa import names as tlsa_names
from hatoba.mailauth.tlsa import records as tlsa_records
from hatoba.mailauth.tlsrpt import record as tlsrpt
from hatoba.mailauth.tlsrpt import report as tls_report
from hatoba.message import charsets, headers, mailbox, unsubscribe, words
from hatoba.model.address import Address, BadAddress
from hatoba.sieve import actions, engine, faults, script, situation
from hatoba.sieve import questions as sieve_questions
from hatoba.wire.smtp import esmtp, grammar
from hatoba.wire.smtp.offer import Offer

mime_parse, header_parse = mime_adapter.mime_parse, mime_adapter.header_parse
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


def dmarc_eval(
    header_from: str | list[str], spf_domains: list[Any], dkim_domains: list[Any], resolver: fake_dns.Resolver
) -> dict[str, Any]:
    """The result for the author's domain, the policy that holds for it and where its record stands."""
    written = [header_from] if isinstance(header_from, str) else header_from
    lines = "".join(f"From: {each if '@' in each else f'x@{each}'}\r\n" for each in written)
    spf_ = [SpfResult(_domain(each), "pass") for each in spf_domains]
    dkim = [DkimResult(_domain(each), "", "pass") for each in dkim_domains]
    found = questions.run(check.check(headers.scan(lines.encode()), spf_, dkim), fake_dns.look(resolver))
    return {"result": found.result, "policy": found.policy, "domain": found.domain}


def _domain(case: Any) -> str:
    return str(case["domain"] if isinstance(case, dict) else case)


def dmarc_record(domain: str, resolver: fake_dns.Resolver) -> dict[str, Any] | None:
    """The tags of the record that holds for a domain."""
    found = questions.run(discover.Walk().policy(domain), fake_dns.look(resolver))
    if not found.domain:
        return None
    return {**record.parse(found.text).tags, "isOrgRecord": found.domain != domain}


def record_valid(text: str) -> bool:
    """Whether a DMARC record is sound."""
    return not record.faults(text.encode())


def registrable(domain: str) -> str | None:
    """The organizational domain by the public suffix list."""
    return suffix.packaged().organizational(domain)


def aligned(domain: str, other: str, mode: str) -> bool:
    """Whether two domains align, by the public suffix list."""
    names = [author.normal(each) for each in (domain, other)]
    if mode == "relaxed":
        names = [registrable(each) or each for each in names]
    return bool(names[0]) and names[0] == names[1]


def syntax_valid(kind: str, text: str) -> bool:
    """Whether a record, a policy or a signature follows its grammar."""
    octets = text.encode()
    try:
        if kind == "mta-sts-record":
            mtasts.record(octets)
        elif kind == "mta-sts-policy":
            mtasts.parse(octets)
        elif kind == "tlsrpt-record":
            tlsrpt.parse(octets)
        elif kind == "dkim-record":
            tags.parse(octets, strict=True)
            keys.read(octets)
        else:
            (value,) = fields.split(octets)[0].named(b"dkim-signature")
            signature.read(tags.parse(value))
    except (ValueError, terms.BadTerms):
        return False
    return True


def sts_match(policy: str, host: str) -> bool:
    """Whether a policy covers a mail host."""
    return mtasts.parse(policy.encode()).covers(host)


def sts_lookup(
    domain: str, resolver: fake_dns.Resolver, fetch: Callable[[str, str], tuple[int, str, str]]
) -> list[str] | None:
    """The hosts that a domain's policy enforces; None where nothing is enforced."""
    if questions.run(mtasts.lookup(domain), fake_dns.look(resolver)).state != "announced":
        return None
    _, _, host, path = mtasts.url(domain).split("/", 3)
    try:
        status, content_type, body = fetch(host, f"/{path}")
        policy = mtasts.read(status, content_type, body.encode())
    except (OSError, mtasts.BadPolicy):
        return None
    return list(policy.mx) if policy.mode == "enforce" else None


def dane_verify(
    tlsa: Sequence[tuple[int, int, int, bytes]], chain_pem: Sequence[str], name: str, root_pem: str, noname: bool
) -> bool:
    """Whether a chain satisfies one of the TLSA records. Dates are not looked at: those of the cases are odd.

    Without `noname` the leaf must bear the name for usage 3 too; SMTP never asks for it (RFC 7672 §3.1.1).
    """
    shown = [x509.load_pem_x509_certificate(each.encode()).public_bytes(Encoding.DER) for each in chain_pem]
    matched = dane.verify(tlsa_records.usable(tlsa), shown, [name], now=None).record
    if matched is not None and matched.usage == tlsa_records.EE and not noname:
        return tlsa_names.bears(x509.load_der_x509_certificate(shown[0]), [name])
    return matched is not None


def report_parse(kind: str, raw: bytes, filename: str) -> dict[str, Any]:
    """What a report says, by its kind."""
    if kind == "dmarc-aggregate":
        found = aggregate.parse(raw)
        rows = [[row.source_ip, row.count, row.disposition, row.dkim, row.spf, row.header_from] for row in found.rows]
        return {
            "org_name": found.org_name, "report_id": found.report_id, "begin": found.begin, "end": found.end,
            "domain": found.published.domain, "records": rows,
        }  # fmt: skip
    if kind == "tlsrpt":
        told = tls_report.parse(raw)
        policies = [[each.domain or None, each.type, each.successes, each.failures] for each in told.policies]
        return {"report_id": told.id, "organization": told.organization, "policies": policies}
    complaint: dict[str, Any] = arf_adapter.report_parse(kind, raw, filename)
    return complaint


def sieve_compile(text: str) -> bool:
    """Whether a script can be used."""
    try:
        script.compile(text)
    except faults.SieveError:
        return False
    return True


def sieve_run(text: str, message: bytes, envelope: dict[str, str]) -> dict[str, Any]:
    """What a script does with a letter. Scripts to include are those of the suite, by their names."""
    try:
        compiled = script.compile(text)
    except faults.SieveError as error:
        if any("the extension" in fault.text for fault in error.faults):
            return NotImplemented  # type: ignore[no-any-return]  # what the runner takes for "not offered"
        return {"ok": False, "runtime_error": str(error), "actions": []}
    about = situation.Situation(
        int(time.time() * 1000),
        envelope.get("from", "sender@example.com"),
        envelope.get("to", "recipient@example.com"),
        environment={"name": "hatoba sieve", "version": "1", "location": "MS", "phase": "during"},
    )
    found = sieve_questions.run(engine.run(compiled, message, about), _sieve_answer)
    done = [("fileinto", action.mailbox) for action in found.actions if isinstance(action, actions.FileInto)]
    return {"ok": True, "runtime_error": str(found.fault) if found.fault else None, "actions": done}


def _sieve_answer(question: sieve_questions.Question) -> sieve_questions.Answer:
    if isinstance(question, sieve_questions.Included) and (folder := conformance.vectors()) is not None:
        place = folder / "sieve/data/svtest/extensions/include/included" / f"{question.name}.sieve"
        return place.read_text(encoding="utf-8") if place.is_file() else None
    return sieve_questions.nothing(question)

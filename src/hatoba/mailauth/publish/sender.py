"""What says that our letters are ours: SPF, DKIM and DMARC as the DNS has them, judged as receivers will.

Called by check.
Never trusts its own reading where an engine stands: SPF is evaluated, DMARC discovered as for a letter.
Fails never.
"""

import re
from collections.abc import Sequence

import msgspec

from hatoba.mailauth import questions
from hatoba.mailauth.dkim import published
from hatoba.mailauth.dmarc import discover
from hatoba.mailauth.dmarc import record as dmarc_record
from hatoba.mailauth.publish import expected, zone
from hatoba.mailauth.publish.facts import Facts, Finding, KeyFact, State, judged
from hatoba.mailauth.questions import Asking
from hatoba.mailauth.spf import check as spf_check
from hatoba.mailauth.spf import query, record
from hatoba.mailauth.spf.result import Result

_EVERYBODY = ("all", "+all")
_CLOSE = 9  # look-ups of the ten that are allowed: the next include breaks it
_SPF = re.compile(r"(?i:v=spf1)(?=$| )")


def spf(facts: Facts, finding: Finding, addresses: Sequence[str]) -> Asking[Finding]:
    """The record at the domain, evaluated for each of our addresses. # RFC 7208 §4"""
    answer = yield from questions.ask(facts.domain, "TXT")
    if answer.status == "trouble":
        return judged(finding, "trouble", why="no answer from its DNS")
    texts = [text for text in answer.records if _SPF.match(text.decode("latin-1"))]
    found = tuple(zone.txt_data(text) for text in texts)
    if not texts:
        return judged(finding, "missing", why="there is no SPF record: anybody may claim to send for the domain")
    if len(texts) > 1:
        why = f"there are {len(texts)} SPF records, which is an error for every receiver"
        return judged(finding, "differs", found, why, "Make one of them, and remove the others.")
    try:
        policy = record.parse(texts[0])
    except record.BadRecord as error:
        return judged(finding, "differs", found, f"receivers cannot read it: {error}", "Publish ours.")
    outside: list[str] = []
    most = 0
    for address in addresses:
        result = yield from spf_check.mail_from(address, f"postmaster@{facts.domain}", facts.helo)
        most = max(most, result.lookups)
        if result.result in ("permerror", "temperror"):
            return _broken(finding, found, result)
        if result.result != "pass" or result.term.lower() in _EVERYBODY:
            outside.append(address)
    if any(term.mechanism == "all" and term.qualifier == "pass" for term in policy.terms):
        why = "+all lets everybody send for the domain"
        return judged(_instead(facts, finding, texts[0], outside), "differs", found, why, "Let it end in ~all or -all.")
    if outside:
        why = f"it does not include {', '.join(outside)}, from where we send"
        return judged(_instead(facts, finding, texts[0], outside), "differs", found, why, "Add them.")
    return _passing(finding, found, policy, most)


def _broken(finding: Finding, found: tuple[str, ...], result: Result) -> Finding:
    if result.result == "temperror":
        return judged(finding, "trouble", found, result.why)
    fix = (
        f"Use fewer include, a, mx, exists and redirect terms: {query.LOOKUPS} in all, with those of included records."
    )
    return judged(
        finding, "differs", found, f"receivers get an error: {result.why}", fix if "terms" in result.why else ""
    )


def _passing(finding: Finding, found: tuple[str, ...], policy: record.Record, lookups: int) -> Finding:
    """We are included: is everybody else kept out?"""
    last = next((term for term in policy.terms if term.mechanism == "all"), None)
    if last is not None and last.qualifier == "neutral":
        return judged(finding, "weak", found, "?all says nothing about anybody else", "Let it end in ~all or -all.")
    if last is None and policy.redirect is None:
        return judged(finding, "weak", found, "it says nothing about anybody else", "Let it end in ~all or -all.")
    if lookups >= _CLOSE:
        why = f"it takes {lookups} of the {query.LOOKUPS} look-ups that receivers allow"
        return judged(finding, "weak", found, why, "Replace includes of hosts you no longer use.")
    return judged(finding, "ok", found)


def _instead(facts: Facts, finding: Finding, standing: bytes, outside: Sequence[str]) -> Finding:
    """The finding with what to publish instead: what stands there, our addresses first, everybody else kept out."""
    text = standing.decode("latin-1")
    own = "".join(f" {'ip6' if ':' in address else 'ip4'}:{address}" for address in outside)
    kept = [facts.spf_all if term.lower() in _EVERYBODY else term for term in text[6:].split()]
    whole = " ".join((text[:6] + own, *kept))
    return msgspec.structs.replace(finding, expected=(expected.txt(facts.domain, whole),))


def dkim(facts: Facts, finding: Finding, key: KeyFact) -> Asking[Finding]:
    """One key's record."""
    there = yield from published.look(facts.domain, key.selector, key.record)
    found = tuple(zone.txt_data(text) for text in there.found)
    if there.state == "ok":
        why = "" if key.state != "waiting" else "it is published: it signs within minutes"
        return judged(finding, "ok", found, why)
    if there.state == "trouble":
        return judged(finding, "trouble", why=there.why)
    effect = {
        "signing": "letters are signed with it and cannot be verified",
        "waiting": "it signs once it is published",
        "scheduled": "it must be there before its date",
        "retiring": "letters under way cannot be verified",
    }.get(key.state, "")
    state: State = "missing" if there.state == "missing" else "differs"
    return judged(
        finding, state, found, f"{there.why}; {effect}", "Publish the record." if found == () else "Publish ours."
    )


def dmarc(facts: Facts, finding: Finding) -> Asking[Finding]:
    """The record that holds for the domain, its own or its organization's. # RFC 9989 §4.10.1"""
    there = yield from discover.Walk().policy(facts.domain)
    found = (zone.txt_data(there.text),) if there.text else ()
    if there.trouble:
        return judged(finding, "trouble", why="no answer from its DNS")
    if there.why:
        return judged(finding, "differs", found, there.why, "Leave one of them.")
    if not there.text:
        return judged(finding, "missing", why="there is no DMARC record: large receivers ask for one")
    faults = dmarc_record.faults(there.text)
    try:
        read = dmarc_record.parse(there.text)
    except dmarc_record.BadRecord as error:
        return judged(finding, "differs", found, f"receivers cannot read it: {error}", "Publish ours.")
    if faults:
        return judged(finding, "differs", found, "; ".join(faults), "Mend it, or publish ours.")
    return _policy(facts, finding, found, there.domain, read)


def _policy(facts: Facts, finding: Finding, found: tuple[str, ...], where: str, read: dmarc_record.Record) -> Finding:
    """A sound record: does it protect the domain?"""
    inherited = where != facts.domain
    policy = read.sp if inherited and read.sp is not None else read.p
    at = f"at {where}, " if inherited else ""
    if policy == "none":
        why = f"{at}p=none: forged letters are delivered all the same"
        return judged(finding, "weak", found, why, "Read the reports, then publish p=quarantine or p=reject.")
    if read.testing or read.pct < 100:
        return judged(finding, "weak", found, f"{at}it holds for a part of the letters only", "Remove t=y and pct=.")
    if read.adkim == "s" and not facts.keys:
        why = f"{at}adkim=s: our signatures are of a domain above and do not count"
        return judged(finding, "weak", found, why, f"Make keys of its own: hatoba dkim new {facts.domain}")
    if not read.rua:
        return judged(finding, "weak", found, f"{at}nobody gets reports", f"Add rua={','.join(facts.dmarc_rua)}.")
    return judged(finding, "ok", found, f"inherited from {where}" if inherited else "")

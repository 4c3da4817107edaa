"""Check: all that a domain should publish held against the DNS, finding by finding.

Called by the command line, and by doors for people; drives the questions of sender and hosts.
Never stops at what is missing: everything is told at once.
Fails never.
"""

import msgspec

from hatoba.mailauth.publish import expected, hosts, sender, zone
from hatoba.mailauth.publish.facts import Facts, Finding
from hatoba.mailauth.questions import Asking


def check(facts: Facts) -> Asking[list[Finding]]:
    """Every finding, the needed first."""
    known = facts.addresses or (yield from hosts.addresses(tuple(dict.fromkeys((facts.helo, *facts.mx)))))
    told: list[Finding] = []
    for finding in expected.findings(facts, known):
        told.append((yield from _one(facts, finding, known)))
    told += _without_keys(facts)
    if not known:
        told.append(_without_addresses(facts))
    return sorted(told, key=lambda finding: _ORDER.index(finding.weight))


_ORDER = ("needed", "advised", "optional")


def _one(facts: Facts, finding: Finding, known: tuple[str, ...]) -> Asking[Finding]:
    match finding.topic:
        case "mx":
            return (yield from hosts.mx(facts, finding))
        case "spf":
            return (yield from sender.spf(facts, finding, known))
        case "dkim":
            key = next(key for key in facts.keys if finding.name == f"{key.selector}._domainkey.{facts.domain}")
            return (yield from sender.dkim(facts, finding, key))
        case "dmarc":
            return (yield from sender.dmarc(facts, finding))
        case "address":
            return (yield from hosts.address(finding, facts.addresses))
        case "ptr":
            own = next(address for address in known if expected.reverse(address) == finding.name)
            return (yield from hosts.ptr(facts, finding, own))
        case "mta-sts":
            return (yield from hosts.sts(facts, finding))
        case "tls-rpt":
            return (yield from hosts.tls_rpt(facts, finding))
        case "srv":
            return (yield from hosts.srv(finding))
        case "tlsa":
            return (yield from hosts.tlsa(finding))
        case _:
            return (yield from hosts.alias(finding))


def _without_keys(facts: Facts) -> list[Finding]:
    """A domain without a key that signs, or will."""
    if any(key.state in ("signing", "waiting", "scheduled") for key in facts.keys):
        return []
    why = "the domain has no DKIM key in use: its letters go out unsigned"
    return [Finding("dkim", "needed", (), "missing", why=why, fix=f"Run: hatoba dkim new {facts.domain}")]


def _without_addresses(facts: Facts) -> Finding:
    why = f"no address is known that letters leave from: {facts.helo} has none in the DNS"
    fix = "Name them in dns_helper.addresses, or publish the address of the host."
    return Finding("ptr", "needed", (), "missing", why=why, fix=fix)


def lines(findings: list[Finding], ttl: int, *, only_open: bool = False) -> list[str]:
    """The records as lines of a zone file; `only_open`: those that are not there yet."""
    told: list[str] = []
    for finding in findings:
        if only_open and finding.state == "ok":
            continue
        for record in finding.expected:
            if not record.data:
                continue
            text = zone.txt(record.name, record.text, ttl) if record.type == "TXT" else ""
            told.append(text or zone.line(record.name, record.type, record.data, ttl))
    return list(dict.fromkeys(told))


def as_values(findings: list[Finding]) -> list[dict[str, object]]:
    """The findings for programs."""
    return [
        {"topic": each.topic, "name": each.name, "matters": each.matters} | msgspec.to_builtins(each)
        for each in findings
    ]

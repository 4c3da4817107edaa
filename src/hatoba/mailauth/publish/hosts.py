"""Hosts: MX, addresses, names of addresses, TLSA, and the records by which programs and senders find our doors.

Called by check.
Never connects anywhere: only the DNS is asked.
Fails never.
"""

from collections.abc import Sequence
from typing import Any

from hatoba.mailauth import mtasts, questions
from hatoba.mailauth.publish.facts import Facts, Finding, judged
from hatoba.mailauth.questions import Answer, Asking, Question
from hatoba.mailauth.tlsrpt import record as tlsrpt

_NO_ANSWER = "no answer from its DNS"


def addresses(hosts: Sequence[str]) -> Asking[tuple[str, ...]]:
    """Every address of the hosts, each once."""
    asked = tuple(Question(host, rtype) for host in hosts for rtype in ("A", "AAAA"))
    answers = yield asked
    return tuple(dict.fromkeys(address for answer in answers for address in answer.records))


def mx(facts: Facts, finding: Finding) -> Asking[Finding]:
    """Whether letters for the domain come here, and here alone."""
    answer = yield from questions.ask(facts.domain, "MX")
    if answer.status == "trouble":
        return judged(finding, "trouble", why=_NO_ANSWER)
    found = tuple(f"{preference} {host}." for preference, host in answer.records)
    hosts = [host for _, host in answer.records]
    if not hosts:
        return judged(finding, "missing", why="there is no MX record: letters for the domain do not come here")
    if hosts == [""]:
        return judged(finding, "differs", found, "it says that the domain takes no mail", "Publish ours instead.")
    others = [host for host in hosts if host not in facts.mx]
    if len(others) == len(hosts):
        return judged(finding, "differs", found, "letters for the domain go elsewhere", "Publish ours instead.")
    if others:
        why = f"letters may go to {', '.join(others)} too"
        return judged(finding, "weak", found, why, "Remove them, unless they pass letters on to us.")
    return judged(finding, "ok", found)


def address(finding: Finding, known: Sequence[str]) -> Asking[Finding]:
    """Whether one of our hosts can be reached by its name. An alias may be no mail host. # RFC 2181 §10.3"""
    host = finding.name
    alias, four, six = yield (Question(host, "CNAME"), Question(host, "A"), Question(host, "AAAA"))
    if "trouble" in (alias.status, four.status, six.status):
        return judged(finding, "trouble", why=_NO_ANSWER)
    found = (*four.records, *six.records)
    if alias.records:
        why = f"it is an alias of {alias.records[0]}; a mail host must have addresses of its own"
        return judged(finding, "differs", found, why, "Replace the CNAME by A and AAAA records.")
    if not found:
        return judged(finding, "missing", why=f"{host} has no address")
    others = [each for each in found if known and each not in known]
    if others and len(others) == len(found):
        return judged(finding, "differs", found, f"{host} is another machine", "Publish our addresses.")
    if others:
        return judged(finding, "weak", found, f"{', '.join(others)} is no address of ours that we know of",
                      "Name it in dns_helper.addresses, or remove the record.")  # fmt: skip
    return judged(finding, "ok", found)


def ptr(facts: Facts, finding: Finding, own: str) -> Asking[Finding]:
    """Whether an address we send from has a name, and that name the address. # RFC 8601 §2.7.3"""
    answer = yield from questions.ask(finding.name, "PTR")
    if answer.status == "trouble":
        return judged(finding, "trouble", why=_NO_ANSWER)
    names = tuple(answer.records)
    found = tuple(f"{name}." for name in names)
    if not names:
        why = f"{own} has no name: many receivers refuse letters from it"
        return judged(finding, "missing", why=why, fix="Ask whoever gave you the address to set it.")
    back = yield from addresses(names)
    if own not in back:
        why = f"{names[0]} does not lead back to {own}"
        return judged(finding, "differs", found, why, "The name and the address must point at each other.")
    if facts.helo not in names:
        why = f"we greet as {facts.helo}, the address is called {names[0]}"
        return judged(finding, "weak", found, why, "Give both the same name.")
    return judged(finding, "ok", found)


def sts(facts: Facts, finding: Finding) -> Asking[Finding]:
    """Whether a policy for TLS towards us is announced and can be fetched. # RFC 8461 §3.1"""
    found = yield from mtasts.lookup(facts.domain)
    if found.state == "trouble":
        return judged(finding, "trouble", why=found.why)
    if found.state == "none":
        why = (
            f"it cannot be read: {found.why}" if found.why else "no policy is announced: TLS towards us can be stripped"
        )
        return judged(finding, "differs" if found.why else "missing", why=why)
    shown = (f'"v=STSv1; id={found.id}"',)
    host = yield from addresses((f"mta-sts.{facts.domain}",))
    if not host:
        return judged(finding, "differs", shown, f"mta-sts.{facts.domain} has no address, so nobody gets the policy")
    return judged(finding, "ok", shown)


def tls_rpt(facts: Facts, finding: Finding) -> Asking[Finding]:
    """Whether senders know where to report trouble with TLS. # RFC 8460 §3"""
    found = yield from tlsrpt.lookup(facts.domain)
    if found.state == "trouble":
        return judged(finding, "trouble", why=found.why)
    if found.state == "none":
        why = f"it cannot be read: {found.why}" if found.why else "nobody reports trouble with TLS"
        return judged(finding, "differs" if found.why else "missing", why=why)
    shown = (f'"v=TLSRPTv1; rua={",".join(found.uris)}"',)
    ours = [uri.lower() for uri in facts.tls_rua]
    if not any(uri.lower() in ours for uri in found.uris):
        return judged(finding, "weak", shown, "the reports go elsewhere")
    return judged(finding, "ok", shown)


def srv(finding: Finding) -> Asking[Finding]:
    """Whether programs find a door by its SRV record. # RFC 6186 §3.1"""
    (answer,) = yield (Question(finding.name, "SRV"),)
    return _same(finding, answer, tuple("{} {} {} {}.".format(*each) for each in answer.records), _srv_target)


def _srv_target(data: str) -> str:
    """Priority and weight are the owner's own choice."""
    return " ".join(data.split()[2:])


def alias(finding: Finding) -> Asking[Finding]:
    """Whether a name for mail programs leads somewhere."""
    found = yield from addresses((finding.name,))
    if not found:
        return judged(finding, "missing", why="programs cannot set themselves up by it")
    return judged(finding, "ok", found)


def tlsa(finding: Finding) -> Asking[Finding]:
    """Whether a TLSA record, where there is one, is of our certificate: a wrong one stops letters. # RFC 7672 §2.2"""
    (answer,) = yield (Question(finding.name, "TLSA"),)
    found = tuple(f"{usage} {selector} {kind} {data.hex()}" for usage, selector, kind, data in answer.records)
    if answer.status == "trouble":
        return judged(finding, "trouble", why="no answer from its DNS: senders that use DANE put letters off")
    if not found:
        return judged(finding, "missing", why="senders cannot prove our certificate by DANE (it takes DNSSEC)")
    ours = finding.expected[0].data
    if ours not in found:
        why = "none of them is of our certificate's key: senders that use DANE do not deliver"
        return judged(finding, "differs", found, why, "Publish ours, or remove them.")
    if not answer.secure:
        return judged(
            finding, "weak", found, "the answer is not signed (or our resolver does not validate): DANE is not in force"
        )
    return judged(finding, "ok", found)


def _same(finding: Finding, answer: Answer, found: tuple[str, ...], form: Any = str) -> Finding:
    """Whether one of the records is ours."""
    if answer.status == "trouble":
        return judged(finding, "trouble", why=_NO_ANSWER)
    if not found:
        return judged(finding, "missing", why="programs cannot set themselves up by it")
    if form(finding.expected[0].data) not in [form(each) for each in found]:
        return judged(finding, "differs", found, "it leads elsewhere")
    return judged(finding, "ok", found)

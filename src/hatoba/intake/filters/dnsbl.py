"""DNSBL: lists of addresses and domains that live in DNS, good ones and bad ones, each answer with its own weight.

Made by build, one for each [[filter.dnsbl]]; asked at RCPT, so that recipients differ in whom they let in.
Never believes a list that lists everybody or that answers with what is no answer of a list. # RFC 5782
Fails never: a list that does not answer has no opinion, and says so in its verdict.
"""

import ipaddress
from collections.abc import Sequence
from typing import NamedTuple

from hatoba.intake import filter_tables
from hatoba.intake.asking import Asking
from hatoba.intake.case import Case
from hatoba.intake.filters import weight
from hatoba.kit import networks
from hatoba.mailauth import questions
from hatoba.mailauth.questions import Answer, Question
from hatoba.model import domain as domain_
from hatoba.model.envelope import Recipient
from hatoba.model.outcome import Verdict

_LOOPBACK = ipaddress.IPv4Network("127.0.0.0/8")
# Answers with which lists complain of who asks (a public resolver, a rate, a key) instead of answering.
_COMPLAINTS = ipaddress.IPv4Network("127.255.255.0/24")
_NEVER = ("1.0.0.127", "invalid")  # an address and a domain that no list has  # RFC 5782 §5
_NAMES_MOST = 253  # RFC 1035 §2.3.4


class _Known(NamedTuple):
    within: ipaddress.IPv4Network
    code: filter_tables.Code


class Check:
    """One list. `name` is "dnsbl ZONE". ValueError on codes that are no IPv4 networks."""

    def __init__(self, settings: filter_tables.Dnsbl) -> None:
        self.settings = settings
        self.zone = settings.zone.strip(".").lower()
        self.name = f"dnsbl {self.zone}"
        self._domains = frozenset(domain_.parse(name) for name in settings.domains)
        self._codes = [_Known(ipaddress.IPv4Network(code.answer), code) for code in settings.code]

    @property
    def worth(self) -> str:
        codes = [f"{code.answer} {weight.shown(code.weight) or 'nothing'}" for code in self.settings.code]
        return ", ".join(
            [*codes, f"{'other answers' if codes else 'listed'} {weight.shown(self.settings.weight) or 'nothing'}"]
        )

    def at_recipient(self, case: Case, recipient: Recipient) -> Asking[Sequence[Verdict]]:
        if self._domains and recipient.address.domain not in self._domains:
            return ()
        about, looked = subject(self.settings.look, case)
        verdicts = yield from self.ask(about, looked)
        return verdicts

    def judge(self, subject: str, answer: Answer, never: Answer) -> tuple[Verdict, ...]:
        """What the list's answer about `subject` is worth; `never`: its answer about what it cannot have."""
        if answer.status == "trouble":
            return (self._note("no answer from the list"),)
        if not answer.records:
            return ()
        if never.records:
            return (self._note("the list has everybody: its answer is ignored"),)
        found: list[Verdict] = []
        for record in answer.records:
            found += self._answered(subject, ipaddress.IPv4Address(record))
        return tuple(found)

    def questions(self, looked: str) -> tuple[Question, Question]:
        """Of an address's or a domain's entry, and of the one nobody has."""
        never = _NEVER[0 if self.settings.look == "ip" else 1]
        return Question(f"{looked}.{self.zone}", "A"), Question(f"{never}.{self.zone}", "A")

    def _answered(self, subject: str, answer: ipaddress.IPv4Address) -> tuple[Verdict, ...]:
        if answer not in _LOOPBACK:
            return (self._note(f"{answer} is no answer of a list: ignored"),)
        if answer in _COMPLAINTS:
            return (self._note(f"the list answers {answer}: it does not serve us"),)
        known = next((known.code for known in self._codes if answer in known.within), None)
        worth = known.weight if known is not None else self.settings.weight
        means = f" ({known.text})" if known is not None and known.text else ""
        told = self.settings.text or "{subject} is listed at {zone}"
        for mark, value in (("{subject}", subject), ("{ip}", subject), ("{domain}", subject), ("{zone}", self.zone)):
            told = told.replace(mark, value)
        return weight.verdict(self.name, worth, f"{subject} has {answer}{means}", told)

    def _note(self, text: str) -> Verdict:
        """No opinion, but something the operator should see."""
        return Verdict(self.name, "accept", None, text)

    def ask(self, subject: str, looked: str) -> Asking[Sequence[Verdict]]:
        """Asks the list; the second question only after a hit, for its answer stands in the resolver's memory."""
        if not looked or len(looked) + 1 + len(self.zone) > _NAMES_MOST:
            return ()
        entry, never = self.questions(looked)
        (answer,) = yield (entry,)
        (nobody,) = (yield (never,)) if answer.records else (questions.NXDOMAIN,)
        return self.judge(subject, answer, nobody)


def reversed_name(ip: str) -> str:
    """The address as lists have it: octets or nibbles, last first; "" for what is no address. # RFC 5782 §2.1, §2.4"""
    found = networks.address(ip)
    if found is None:
        return ""
    return found.reverse_pointer.rpartition(".")[0].rpartition(".")[0]


def subject(look: str, case: Case) -> tuple[str, str]:
    """(what is asked about, for people; its name in the zone), ("", "") when there is nothing to ask about."""
    if look == "ip":
        return case.source.ip, reversed_name(case.source.ip)
    if look == "sender":
        sender = case.mail.sender
        name = sender.domain if sender is not None else ""
    else:
        name = case.ptr if look == "ptr" else case.source.helo.lower().rstrip(".")
    if not name or name.startswith("[") or networks.address(name) is not None or "." not in name:
        return "", ""
    return name, name

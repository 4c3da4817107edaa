"""Reverse: what the client's own names tell: its address in DNS, the name in its greeting, and whether they agree.

Made by build; asked about the first recipient's letter, once iprev has looked the address up.
Never refuses a dynamic name by itself: the settings say what each finding is worth. # RFC 1912 §2.1
Fails never: a look-up without an answer is no finding.
"""

import re
from collections.abc import Iterator, Sequence

from hatoba.intake import asking, filter_tables
from hatoba.intake.asking import Asking
from hatoba.intake.case import Case
from hatoba.intake.filters import weight
from hatoba.kit import networks
from hatoba.mailauth.questions import Question
from hatoba.model.envelope import Recipient
from hatoba.model.outcome import Verdict

NAME = "reverse"
_NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}\.?", re.IGNORECASE)

# Words of access networks, between the dots and hyphens of a name.
_DYNAMIC = re.compile(
    r"(?:^|[.\-_0-9])(?:dyn(?:amic)?|dhcp|pool|ppp(?:oe)?|dial(?:up|in)?|[avx]?dsl|cable|catv|ftth|fiber|broadband|bb|"
    r"wifi|wlan|mobile|cust(?:omer)?|client|user|home|residential|rev|unassigned|unused)(?:[.\-_0-9]|$)",
    re.IGNORECASE,
)


class Check:
    """Each finding is a Verdict of its own, named "reverse FINDING"."""

    name = NAME

    def __init__(self, settings: filter_tables.Reverse) -> None:
        self.settings = settings
        self._patterns = [glob(pattern) for pattern in settings.patterns]

    @property
    def worth(self) -> str:
        return weight.listed(self.settings)

    @property
    def wanted(self) -> bool:
        """Something weighs something."""
        return bool(self.worth)

    def at_recipient(self, case: Case, recipient: Recipient) -> Asking[Sequence[Verdict]]:
        """# RFC 5321 §4.1.4 lets nobody be refused for a HELO that does not verify; the operator may know better."""
        found = [*self._client(case), *self._greeting(case)]
        name = case.source.helo.rstrip(".").lower()
        if self.settings.helo_unresolved not in (0, "off") and _NAME.fullmatch(name):
            answers = yield (Question(name, "A"), Question(name, "AAAA"))
            if all(answer.void for answer in answers):
                mail = yield from asking.dns(name, "MX")
                if mail.void:
                    found += self._verdict("helo_unresolved", f"{name} is not in DNS", "Your HELO name does not exist")
        return found

    def _client(self, case: Case) -> Iterator[Verdict]:
        client, ip = case.client, case.source.ip
        if client.iprev == "permerror":
            yield from self._verdict("missing", f"{ip} has no name", f"Your address {ip} has no name in DNS")
        elif client.iprev == "fail":
            text = f"Your address {ip} has no name that leads back to it"
            yield from self._verdict("unconfirmed", f"no name of {ip} leads back to it", text)
        elif client.ptr and all(self.generic(name, ip) for name in client.ptr):
            text = f"Your address {ip} has the generic name {client.ptr[0]}: send through your provider"
            yield from self._verdict("generic", f"{client.ptr[0]} is a generic name", text)

    def generic(self, name: str, ip: str) -> bool:
        """Whether a name is a provider's own invention: it spells the address, or is made of such words."""
        if any(pattern.fullmatch(name) for pattern in self._patterns):
            return True
        host = name.partition(".")[0]
        return (
            spells(host, ip)
            or (spells(name, ip) and any(sign.isdigit() for sign in host))
            or bool(any(sign.isdigit() for sign in host) and _DYNAMIC.search(name))
        )

    def _greeting(self, case: Case) -> Iterator[Verdict]:
        helo, ip = case.source.helo, case.source.ip
        name = helo.rstrip(".").lower()
        if helo.startswith("["):
            inside = networks.address(helo.strip("[]").lower().removeprefix("ipv6:"))
            if inside is None or inside != networks.address(ip):
                yield from self._verdict("helo_literal", f"{helo} is not {ip}", f"HELO {helo} is not your address")
        elif networks.address(helo) is not None:
            yield from self._verdict("helo_bare_ip", helo, "An address in HELO stands in brackets")
        elif name == case.hostname.lower() or case.directory.domain(name) is not None:
            yield from self._verdict("helo_ours", f"{helo} is us", f"You are not {helo}")
        elif not _NAME.fullmatch(name):
            yield from self._verdict("helo_short", helo or "no name", "HELO needs a full host name")

    def _verdict(self, finding: str, reason: str, text: str) -> tuple[Verdict, ...]:
        return weight.verdict(f"{NAME} {finding}", getattr(self.settings, finding), reason, text)


def spells(name: str, ip: str) -> bool:
    """Whether the name has the address in it: its octets in either order, in decimals or hex, padded or not."""
    found = networks.address(ip)
    if found is None:
        return False
    if found.version == 6:
        groups = found.exploded.split(":")
        return "-".join(groups) in name or "".join(groups) in name.replace("-", "").replace(".", "")
    octets = str(found).split(".")
    if "".join(f"{int(octet):02x}" for octet in octets) in name.lower():
        return True
    numbers = [int(number) for number in re.findall(r"[0-9]{1,3}", name)]
    wanted = [int(octet) for octet in octets]
    runs = [numbers[at : at + 4] for at in range(len(numbers) - 3)]
    return wanted in runs or wanted[::-1] in runs or "".join(f"{int(octet):03}" for octet in octets) in name


def glob(pattern: str) -> re.Pattern[str]:
    """A pattern with * and ? for whole names."""
    parts = re.split(r"(\*+|\?)", pattern.lower())
    return re.compile(
        "".join(".*" if part.startswith("*") else "." if part == "?" else re.escape(part) for part in parts)
    )

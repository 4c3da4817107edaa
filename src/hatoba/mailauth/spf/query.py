"""One SPF check under way: who is asked about, what is counted, and how DNS and macros are reached from it.

Made by spf.check; used by spf.mechanisms and spf.pointers.
Never counts down silently: the term too many is Permanent at once. # RFC 7208 §4.6.4
Fails with Permanent and Temporary, which check turns into results.
"""

import ipaddress
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from hatoba.mailauth import questions
from hatoba.mailauth.questions import Answer, Asking
from hatoba.mailauth.spf.macro import NAME_OCTETS, Macro
from hatoba.mailauth.spf.result import Permanent, Temporary
from hatoba.mailauth.spf.settings import Settings

LOOKUPS = 10  # RFC 7208 §4.6.4: include, a, mx, ptr, exists and redirect, of all records together
# Labels of 1 to 63 printable characters of ASCII (macros bring spaces and signs), but for what escapes others
_LABEL = r"[ -\-/-\[\]-~]{1,63}"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address


class Query:
    """`local` and `origin` are the parts of the sender, `helo` what the client called itself."""

    def __init__(
        self, ip: str | Ip, local: str, origin: str, helo: str, settings: Settings, receiver: str, now: int
    ) -> None:
        self.ip = address(ip)
        self.number = int(self.ip)
        self.bits = self.ip.max_prefixlen
        self.local, self.origin, self.helo = local, origin, helo
        self.settings, self.receiver, self.now = settings, receiver, now
        self.lookups = self.voids = 0
        self.pointers: tuple[str, ...] | None = None  # the client's names, as PTR records have them
        self.owned: dict[str, bool] = {}  # which of them lead back to the client

    def count(self) -> None:
        """One more term that asks the DNS."""
        self.lookups += 1
        if self.lookups > LOOKUPS:
            raise Permanent(f"more than {LOOKUPS} terms ask the DNS")

    def void(self) -> None:
        """One more look-up that found nothing."""
        self.voids += 1
        if self.voids > self.settings.void_lookups:
            raise Permanent(f"more than {self.settings.void_lookups} look-ups found nothing")

    def records(self, name: str, rtype: questions.Type) -> Asking[tuple[Any, ...]]:
        """What `name`, which must be askable, has of a type. Temporary."""
        answer = yield from questions.ask(name, rtype)
        return heard(name, rtype, answer)

    def counted(self, name: str, rtype: questions.Type) -> Asking[tuple[Any, ...]]:
        """The same; finding nothing counts. Permanent, Temporary."""
        found = yield from self.records(name, rtype)
        if not found:
            self.void()
        return found

    def has(self, addresses: tuple[str, ...], bits4: int = 32, bits6: int = 128) -> bool:
        """Whether the client is in the network of one of these addresses of its own version."""
        shift = self.bits - (bits4 if self.bits == 32 else bits6)
        own = self.number >> shift
        return any(_number(text) >> shift == own for text in addresses)

    def values(self, domain: str, pointer: str = "unknown") -> Mapping[str, str]:
        """What the macro letters stand for while `domain` is evaluated. # RFC 7208 §7.2"""
        return {
            "s": f"{self.local}@{self.origin}",
            "l": self.local,
            "o": self.origin,
            "d": domain,
            "i": dotted(self.ip),
            "p": pointer,
            "v": "in-addr" if self.bits == 32 else "ip6",
            "h": self.helo,
            "c": str(self.ip),
            "r": self.receiver,
            "t": str(self.now),
        }

    def beyond(self, macro: Macro) -> bool:
        """Whether the macro holds a local part beyond ASCII: such a term matches nothing. # RFC 8616 §4"""
        return not self.local.isascii() and not macro.letters.isdisjoint("sl")


def heard(name: str, rtype: questions.Type, answer: Answer) -> tuple[Any, ...]:
    """The records of an answer. Temporary when there was none. # RFC 7208 §2.6.6"""
    if answer.status == "trouble":
        raise Temporary(f"no answer for {name[:80]} {rtype}")
    return answer.records


@lru_cache(4096)
def _number(text: str) -> int:
    """An address of an answer as a number."""
    return int(ipaddress.ip_address(text))


@lru_cache(1024)
def address(ip: str | Ip) -> Ip:
    """The client's address; one mapped into IPv6 is IPv4, and a zone counts for nothing. ValueError. # RFC 7208 §5"""
    found = ipaddress.ip_address(ip)
    if isinstance(found, ipaddress.IPv4Address):
        return found
    return found.ipv4_mapped or (ipaddress.IPv6Address(int(found)) if found.scope_id else found)


def dotted(ip: Ip) -> str:
    """The i macro: dotted decimal, or hexadecimal digits with dots."""
    return str(ip) if ip.version == 4 else ".".join(f"{int(ip):032X}")


def askable(name: str) -> bool:
    """Whether this can be a name in the DNS; what cannot does not exist. # RFC 7208 §4.8"""
    return len(name) <= NAME_OCTETS and _NAME.fullmatch(name) is not None

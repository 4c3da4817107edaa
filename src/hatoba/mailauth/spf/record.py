"""SPF records: the text of a domain's policy read into terms, or refused whole. # RFC 7208 §4.5, §4.6.1, §12

Called by spf.check for each record met (hot: short records are remembered), and by who shows a domain's DNS.
Never evaluates anything and never leaves a syntax error for later: one anywhere spoils the record.
Fails with BadRecord that says which term breaks the grammar.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Literal, NamedTuple

from hatoba.mailauth.spf import macro
from hatoba.mailauth.spf.macro import Macro

Mechanism = Literal["all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"]
Qualified = Literal["pass", "fail", "softfail", "neutral"]

_REMEMBERED_OCTETS = 512  # RFC 7208 §3.4: what a record should fit into; longer ones are read each time
_REMEMBERED = 1024
_QUALIFIERS: dict[str, Qualified] = {"": "pass", "+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}

_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9._-]*)=(.*)", re.DOTALL)
_DIRECTIVE = re.compile(r"([-+?~]?)([A-Za-z][A-Za-z0-9._-]*)(?::(.*)|(/.*))?", re.DOTALL)
_CIDR = re.compile(r"(?:/(0|[1-9][0-9]?))?(?://(0|[1-9][0-9]{0,2}))?\Z")
_LENGTH = re.compile(r"([^/]*)(?:/(0|[1-9][0-9]{0,2}))?")
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IP4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
# RFC 7208 §7.1: domain-end = ( "." toplabel [ "." ] ) / macro-expand; a toplabel is not all digits
_TOP = re.compile(r"\.(?![0-9]+\.?\Z)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.?\Z")


class BadRecord(ValueError):
    """The text is no SPF record; the message (ASCII) says why."""


class Term(NamedTuple):
    """One directive. `bits4` and `bits6` are prefix lengths; of a network, `network` is its number without the rest."""

    text: str
    qualifier: Qualified
    mechanism: Mechanism
    target: Macro | None = None
    bits4: int = 32
    bits6: int = 128
    network: int = 0


class Record(NamedTuple):
    """A policy. `unknown` are the modifiers without a meaning here, as written."""

    terms: tuple[Term, ...]
    redirect: Macro | None = None
    exp: Macro | None = None
    unknown: tuple[str, ...] = ()


def choose(texts: Iterable[bytes]) -> list[bytes]:
    """Those TXT records that are SPF records by their version section. # RFC 7208 §4.5"""
    return [text for text in texts if text[:6].lower() == b"v=spf1" and text[6:7] in (b"", b" ")]


def parse(octets: bytes) -> Record:
    """The record, its strings joined. BadRecord."""
    read = _remembered(octets) if len(octets) <= _REMEMBERED_OCTETS else _read(octets)
    if isinstance(read, str):
        raise BadRecord(read)
    return read


def _read(octets: bytes) -> Record | str:
    """The record, or why it is none (so that bad ones are remembered too)."""
    if not choose([octets]):
        return "the record does not begin with v=spf1"
    if not octets.isascii():
        return "the record holds octets beyond ASCII"  # RFC 7208 §3.1
    terms: list[Term] = []
    modifiers: dict[str, Macro] = {}
    unknown: list[str] = []
    try:
        for word in octets[6:].decode("ascii").split(" "):
            if not word:
                continue
            if found := _MODIFIER.fullmatch(word):
                _modifier(found, modifiers, unknown)
            else:
                terms.append(_directive(word))
    except ValueError as error:  # BadRecord and BadMacro are such
        return str(error)
    return Record(tuple(terms), modifiers.get("redirect"), modifiers.get("exp"), tuple(unknown))


_remembered = lru_cache(_REMEMBERED)(_read)


def forget() -> None:
    """Forgets the records read so far."""
    _remembered.cache_clear()


def _modifier(found: re.Match[str], modifiers: dict[str, Macro], unknown: list[str]) -> None:
    """Reads redirect= and exp=, at most one of each; others need only be macro-strings. # RFC 7208 §6"""
    name = found[1].lower()
    if name not in ("redirect", "exp"):
        macro.parse(found[2])
        unknown.append(found[0])
    elif name in modifiers:
        raise BadRecord(f"{name}= stands twice")
    else:
        modifiers[name] = domain_spec(found[2])


def domain_spec(text: str) -> Macro:
    """A domain-spec: a macro-string that ends in a macro or a top label. ValueError. # RFC 7208 §7.1"""
    read = macro.parse(text, letters=macro.LETTERS)
    if not read.pieces:
        raise BadRecord("a domain is missing")
    if text.endswith("}") and isinstance(read.pieces[-1], macro.Expand):
        return read
    if not (isinstance(read.pieces[-1], str) and _TOP.search(text)):
        raise BadRecord(f"{text[:80]!a} does not end like a domain")
    return read


def _directive(word: str) -> Term:
    found = _DIRECTIVE.fullmatch(word)
    read = _MECHANISMS.get(found[2].lower()) if found else None
    if found is None or read is None:
        raise BadRecord(f"{word[:80]!a} is neither mechanism nor modifier")
    return read(word, _QUALIFIERS[found[1]], found[3], found[4] or "")


def _all(word: str, qualifier: Qualified, value: str | None, cidr: str) -> Term:
    if value is not None or cidr:
        raise BadRecord("all takes no argument")
    return Term(word, qualifier, "all")


def _with_domain(mechanism: Literal["include", "exists"]) -> Callable[[str, Qualified, str | None, str], Term]:
    def read(word: str, qualifier: Qualified, value: str | None, cidr: str) -> Term:
        if value is None or cidr:
            raise BadRecord(f"{mechanism} needs a domain and nothing more")
        return Term(word, qualifier, mechanism, domain_spec(value))

    return read


def _ptr(word: str, qualifier: Qualified, value: str | None, cidr: str) -> Term:
    if cidr:
        raise BadRecord("ptr takes no prefix length")
    return Term(word, qualifier, "ptr", None if value is None else domain_spec(value))


def _with_addresses(mechanism: Literal["a", "mx"]) -> Callable[[str, Qualified, str | None, str], Term]:
    def read(word: str, qualifier: Qualified, value: str | None, cidr: str) -> Term:
        text = cidr if value is None else value
        found = _CIDR.search(text)
        if found is None or (value is None and found.start()):
            raise BadRecord(f"{word[:80]!a} has no good prefix length")
        target = None if value is None else domain_spec(text[: found.start()])
        bits4, bits6 = int(found[1] or 32), int(found[2] or 128)
        if bits4 > 32 or bits6 > 128:
            raise BadRecord(f"{word[:80]!a} has too great a prefix length")
        return Term(word, qualifier, mechanism, target, bits4, bits6)

    return read


def _ip4(word: str, qualifier: Qualified, value: str | None, cidr: str) -> Term:
    found = _LENGTH.fullmatch(value or "")
    bits = 32 if found is None or found[2] is None else int(found[2])
    if found is None or bits > 32 or not _IP4.fullmatch(found[1]):
        raise BadRecord(f"{word[:80]!a} has no IPv4 network")
    a, b, c, d = map(int, found[1].split("."))
    return Term(word, qualifier, "ip4", bits4=bits, network=(a << 24 | b << 16 | c << 8 | d) >> (32 - bits))


def _ip6(word: str, qualifier: Qualified, value: str | None, cidr: str) -> Term:
    found = _LENGTH.fullmatch(value or "")
    bits = 128 if found is None or found[2] is None else int(found[2])
    try:
        if found is None or bits > 128 or "%" in found[1]:
            raise ValueError
        number = int(ipaddress.IPv6Address(found[1]))
    except ValueError:
        raise BadRecord(f"{word[:80]!a} has no IPv6 network") from None
    return Term(word, qualifier, "ip6", bits6=bits, network=number >> (128 - bits))


_MECHANISMS: dict[str, Callable[[str, Qualified, str | None, str], Term]] = {
    "all": _all,
    "include": _with_domain("include"),
    "a": _with_addresses("a"),
    "mx": _with_addresses("mx"),
    "ptr": _ptr,
    "ip4": _ip4,
    "ip6": _ip6,
    "exists": _with_domain("exists"),
}

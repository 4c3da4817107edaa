"""Signature: what a DKIM-Signature or ARC-Message-Signature says, read and judged by itself, without key or letter.

Called by verify of dkim and arc, which hand in the parsed tag list.
Never asks for a key and never trusts a text it did not match against the grammar.
Fails with Unusable: the word for Authentication-Results and the reason.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import NamedTuple

from hatoba.mailauth.dkim import canonical, tags
from hatoba.model import domain

_LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"  # DNS holds underscores, and selectors use them
_SELECTOR = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
# ftext without ";", between colons; an empty name is left to the reader  # RFC 6376 §3.5
_FIELD_NAMES = re.compile(r"(?:[ \t\r\n]*+[!-9<-~]*+[ \t\r\n]*+(?::|\Z))++")
_LOCAL = re.compile("[!-:<-~\u0080-\U0010ffff ]*")
_NUMBER = re.compile("[0-9]{1,12}")
_LENGTH = re.compile("[0-9]{1,76}")
_B = re.compile(rb";[ \t\r\n]*b[ \t\r\n]*=")
_FORMS: dict[str, canonical.Form] = {"simple": "simple", "relaxed": "relaxed"}
_HEADERS = 1000  # names in h=
ALGORITHMS = {"rsa-sha256": "rsa", "ed25519-sha256": "ed25519"}  # a= → k= of the key


class Unusable(ValueError):
    """The signature cannot count. `result` is a word of RFC 8601 §2.7.1."""

    def __init__(self, result: str, reason: str) -> None:
        super().__init__(reason)
        self.result = result
        self.reason = reason


class Signature(NamedTuple):
    """Domains are A-labels in lower case, header names octets in lower case, times seconds since 1970."""

    algorithm: str
    domain: str
    selector: str
    identity: str
    headers: tuple[bytes, ...]
    value: bytes
    body_hash: bytes
    header_form: canonical.Form
    body_form: canonical.Form
    length: int | None = None
    timestamp: int | None = None
    expires: int | None = None

    @property
    def key_name(self) -> str:
        """Where the key is in the DNS.  # RFC 6376 §3.6.2.1"""
        return f"{self.selector}._domainkey.{self.domain}"


def read(found: Mapping[str, str]) -> Signature:
    """The signature that a DKIM-Signature's tags describe. Unusable.  # RFC 6376 §3.5, §6.1.1"""
    required(found, "v", "a", "b", "bh", "d", "h", "s")
    if found["v"] != "1":
        raise Unusable("neutral", "unknown version")
    read_algorithm = algorithm(found["a"])
    at = host(found["d"])
    methods = tags.listed(found.get("q", "dns/txt"))
    if "dns/txt" not in methods:
        raise Unusable("neutral", "unknown query method")
    signed = header_names(found["h"])
    if not signed or b"" in signed:
        raise Unusable("neutral", "h= is empty")
    if b"from" not in signed:
        raise Unusable("permerror", "From is not signed")
    identity = _identity(found.get("i"), at)
    header_form, body_form = forms(found.get("c"), default="simple")
    timestamp, expires = number(found, "t", _NUMBER), number(found, "x", _NUMBER)
    if timestamp is not None and expires is not None and expires <= timestamp:
        raise Unusable("neutral", "x= is not later than t=")
    return Signature(
        read_algorithm, at, selector(found["s"]), identity, signed, octets(found, "b"), body_digest(found),
        header_form, body_form, number(found, "l", _LENGTH), timestamp, expires,
    )  # fmt: skip


def required(found: Mapping[str, str], *names: str) -> None:
    """Unusable unless every tag is there and holds something."""
    for name in names:
        if not found.get(name):
            raise Unusable("neutral", f"{name}= is missing or empty")


def algorithm(text: str) -> str:
    """a=: one that may be used today.  # RFC 8301 §3.1, RFC 8463 §3"""
    if text not in ALGORITHMS:
        if text == "rsa-sha1":
            raise Unusable("policy", "rsa-sha1 is not acceptable")
        raise Unusable("neutral", "unknown algorithm")
    return text


def host(text: str) -> str:
    """d=: a domain of two labels or more, as A-labels. Unusable.  # RFC 8616 §4"""
    return _name(text, _DOMAIN, "d")


def selector(text: str) -> str:
    """s=: as A-labels. Unusable."""
    return _name(text, _SELECTOR, "s")


def _name(text: str, form: re.Pattern[str], tag: str) -> str:
    if not text.isascii():
        try:
            text = domain.parse(text)
        except domain.BadAddress:
            raise Unusable("neutral", f"{tag}= is no domain name") from None
    if len(text) > domain.DOMAIN_OCTETS or not form.fullmatch(text):
        raise Unusable("neutral", f"{tag}= is no domain name")
    return text.lower()


def _identity(text: str | None, at: str) -> str:
    """i=: its domain is d= or below it.  # RFC 6376 §3.5, §6.1.1"""
    if text is None:
        return f"@{at}"
    local, sign, of = tags.compact(text).rpartition("@")
    if not sign or not _LOCAL.fullmatch(local):
        raise Unusable("neutral", "i= is no identity")
    of = _name(of, _DOMAIN, "i")
    if of != at and not of.endswith(f".{at}"):
        raise Unusable("permerror", "i= is outside of d=")
    return f"{local}@{of}"


def header_names(text: str) -> tuple[bytes, ...]:
    """h= in lower case; an empty one is (b"",)."""
    if text.count(":") >= _HEADERS:
        raise Unusable("policy", "h= names too many fields")
    if not _FIELD_NAMES.fullmatch(text):
        raise Unusable("neutral", "h= holds what is no field name")
    return tuple(tags.compact(text).lower().encode().split(b":"))


def forms(text: str | None, default: canonical.Form) -> tuple[canonical.Form, canonical.Form]:
    """c=: (header, body); the body's is simple where it is not named.  # RFC 6376 §3.5"""
    if text is None:
        return default, default
    header, slash, body = text.partition("/")
    if header not in _FORMS or (slash and body not in _FORMS):
        raise Unusable("neutral", "unknown canonicalization")
    return _FORMS[header], _FORMS[body] if slash else "simple"


def number(found: Mapping[str, str], tag: str, form: re.Pattern[str] = _NUMBER) -> int | None:
    """A tag of digits, None when it is not there."""
    text = found.get(tag)
    if text is None:
        return None
    if not form.fullmatch(text):
        raise Unusable("neutral", f"{tag}= is no number")
    return int(text)


def octets(found: Mapping[str, str], tag: str) -> bytes:
    """A tag in base64, white space ignored."""
    try:
        return base64.b64decode(tags.compact(found[tag]), validate=True)
    except (binascii.Error, ValueError):
        raise Unusable("neutral", f"{tag}= is no base64") from None


def body_digest(found: Mapping[str, str]) -> bytes:
    """bh=: a SHA-256."""
    digest = octets(found, "bh")
    if len(digest) != 32:
        raise Unusable("neutral", "bh= has not the length of a SHA-256")
    return digest


def unsigned(value: bytes) -> bytes:
    """The value of the signature's field with the value of its b= taken out.  # RFC 6376 §3.5, §3.7"""
    begun = b";" + value  # the first tag is like the others then
    found = _B.search(begun)
    if not found:
        return value
    end = begun.find(b";", found.end())
    return begun[1 : found.end()] + (begun[end:] if end >= 0 else b"")

"""DMARC records: what a domain publishes at _dmarc, read as leniently as receivers must, or checked strictly.

Called by discover for each record found, by the rooms that help a domain's owner (faults), and by destinations.
Never asks DNS and never follows a URI.
Fails with BadRecord where a receiver may apply no DMARC; `faults` never fails.
"""

import re
from collections import Counter
from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias
from urllib.parse import unquote

import msgspec

Policy: TypeAlias = Literal["none", "quarantine", "reject"]
Mode: TypeAlias = Literal["r", "s"]
Psd: TypeAlias = Literal["y", "n", "u"]

OCTETS = 16384  # a longer text is no record of ours
_WSP = " \t"
_URIS = 100  # of one tag

_VERSION = re.compile(r"[ \t]*[vV][ \t]*=[ \t]*DMARC1[ \t]*(?:;|\Z)")  # RFC 9989 §4.8: the value keeps its case
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_VALUE = re.compile(r"[ -:<-~]+")  # %x20-3A / %x3C-7E
# A comma or an exclamation mark within a URI is written %2C, %21.  # RFC 7489 §6.4
_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*:[!-~]+?)(?:!([0-9]{1,18})([kKmMgGtT]?))?")
_URI_TEXT = re.compile(r"[^!]+")
_NUMBER = re.compile(r"[0-9]{1,10}")
_KEYWORD = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_POLICIES: dict[str, Policy] = {"none": "none", "quarantine": "quarantine", "reject": "reject"}
_MODES: dict[str, Mode] = {"r": "r", "s": "s"}
_PSD: dict[str, Psd] = {"y": "y", "n": "n", "u": "u"}
_RI_MOST = (1 << 32) - 1


class BadRecord(ValueError):
    """Nothing in the record says what to do; the message says why."""


class Uri(NamedTuple):
    """Where reports go. `most`: the largest report in octets that it takes, 0 when it does not say. # RFC 7489 §6.2"""

    uri: str
    most: int = 0

    @property
    def mailbox(self) -> str:
        """The address of a mailto: URI, as text; "" when it is another kind of URI or names none."""
        scheme, _, rest = self.uri.partition(":")
        address = unquote(rest.partition("?")[0])
        return address if scheme.lower() == "mailto" and address.isprintable() and "@" in address else ""


class Record(msgspec.Struct, frozen=True, gc=False):
    """What counts of a record; values that break the grammar have become their defaults. # RFC 9989 §4.7

    `p`, `sp`, `np` are what a receiver acts on: an invalid one makes all of them none. `sp` and `np` are None when they
    are not published. `pct`, `ri`, `rf` are RFC 7489's. `tags` holds every tag as published, names in lower case.
    """

    p: Policy
    sp: Policy | None = None
    np: Policy | None = None
    adkim: Mode = "r"
    aspf: Mode = "r"
    psd: Psd = "u"
    testing: bool = False  # t=y
    rua: tuple[Uri, ...] = ()
    ruf: tuple[Uri, ...] = ()
    fo: tuple[str, ...] = ("0",)
    pct: int = 100
    ri: int = 86400
    rf: tuple[str, ...] = ("afrf",)
    tags: dict[str, str] = {}
    text: str = ""


def claims(text: bytes) -> bool:
    """Whether a TXT record is a DMARC record at all: the version comes first and is exactly DMARC1. # RFC 9989 §4.7"""
    return len(text) <= OCTETS and _VERSION.match(text.decode("latin-1")) is not None


def psd(text: bytes) -> Psd:
    """The psd= of a record, also of one that says nothing else worth reading."""
    return _PSD.get(_unique(_split(text)).get("psd", "").lower(), "u")


def parse(text: bytes) -> Record:
    """What a receiver reads. BadRecord. # RFC 9989 §4.7, §4.8, §4.10.1

    A tag that breaks the grammar, or stands twice, counts as absent. Without a valid p=, or with an invalid sp= or
    np=, the policy is none if there is somewhere to report to, and BadRecord otherwise.
    """
    if not claims(text):
        raise BadRecord("it does not begin with v=DMARC1")
    published = _split(text)
    tags = _unique(published)
    rua, ruf = _uris(tags.get("rua", "")), _uris(tags.get("ruf", ""))
    p, sp, np = (_POLICIES.get(tags.get(name, "").lower()) for name in ("p", "sp", "np"))
    names = {name for name, _ in published}
    if p is None or (sp is None and "sp" in names) or (np is None and "np" in names):
        if not rua:
            raise BadRecord("it has no valid policy, and no address to report to")
        p, sp, np = "none", None, None
    pct = tags.get("pct", "")
    ri = tags.get("ri", "")
    return Record(
        p, sp, np,
        _MODES.get(tags.get("adkim", "").lower(), "r"),
        _MODES.get(tags.get("aspf", "").lower(), "r"),
        _PSD.get(tags.get("psd", "").lower(), "u"),
        tags.get("t", "").lower() == "y",
        rua, ruf,
        tuple(_listed(tags["fo"])) if _is_fo(tags.get("fo", "")) else ("0",),
        int(pct) if _is_pct(pct) else 100,
        int(ri) if _is_ri(ri) else 86400,
        tuple(_listed(tags["rf"])) if _is_rf(tags.get("rf", "")) else ("afrf",),
        tags,
        text.decode("latin-1"),
    )  # fmt: skip


def faults(text: bytes) -> tuple[str, ...]:
    """What a domain's owner should mend, in sentences: all that any reader, old or new, may stumble over.

    Empty: the record is sound by the grammar of RFC 7489 §6.4 and of RFC 9989 §4.8.
    """
    if not claims(text):
        return ("it does not begin with v=DMARC1",)
    published = _split(text)
    found = [f"{name}= stands {count} times" for name, count in Counter(n for n, _ in published).items() if count > 1]
    found += [f"{name or 'a tag'} has no value or no name" for name, value in published if not value or not name]
    for name, value in published:
        if value and name in _CHECKS and not _CHECKS[name](value):
            found.append(f"{name}= has the wrong value {value[:80]!r}")
        elif value and not (_VALUE.fullmatch(value) and _NAME.fullmatch(name)):
            found.append(f"{name[:40]!r} or its value holds a character that cannot stand there")
    names = [name for name, _ in published]
    if "p" not in names:
        if "rua" not in names:
            found.append("there is neither p= nor rua=")
    elif names.index("p") != 1:
        found.append("p= does not follow v=")  # older readers ask for it  # RFC 7489 §6.3
    return tuple(found)


def _split(text: bytes) -> list[tuple[str, str]]:
    """(name in lower case, value) of every tag; ("", …) or (…, "") where one is missing."""
    parts = text.decode("latin-1").split(";")
    if not parts[-1].strip(_WSP):
        parts.pop()
    tags = []
    for part in parts:
        name, _, value = part.partition("=")
        tags.append((name.strip(_WSP).lower(), value.strip(_WSP)))
    return tags


def _unique(published: list[tuple[str, str]]) -> dict[str, str]:
    """The tags that have a name and a value and stand once: of two nobody knows which is meant."""
    counts = Counter(name for name, _ in published)
    return {name: value for name, value in published if name and value and counts[name] == 1}


def _listed(value: str) -> list[str]:
    return [part.strip(_WSP).lower() for part in value.split(":")]


def _uris(value: str) -> tuple[Uri, ...]:
    """The URIs that can be read, in the order in which their owner prefers them."""
    return tuple(uri for part in value.split(",")[:_URIS] if (uri := _uri(part.strip(_WSP))) is not None)


def _uri(part: str) -> Uri | None:
    found = _URI.fullmatch(part)
    if found is None or not _URI_TEXT.fullmatch(found[1]):
        return None
    return Uri(found[1], int(found[2]) * _UNITS[found[3].lower()] if found[2] else 0)


def _is_pct(value: str) -> bool:
    return _NUMBER.fullmatch(value) is not None and int(value) <= 100


def _is_ri(value: str) -> bool:
    return _NUMBER.fullmatch(value) is not None and int(value) <= _RI_MOST


def _is_fo(value: str) -> bool:
    return all(word in ("0", "1", "d", "s") for word in _listed(value))


def _is_rf(value: str) -> bool:
    return all(_KEYWORD.fullmatch(word) for word in _listed(value))


def _is_policy(value: str) -> bool:
    return value.lower() in _POLICIES


def _is_mode(value: str) -> bool:
    return value.lower() in _MODES


def _is_uris(value: str) -> bool:
    return all(_uri(part.strip(_WSP)) is not None for part in value.split(","))


_CHECKS: dict[str, Callable[[str], bool]] = {
    "p": _is_policy,
    "sp": _is_policy,
    "np": _is_policy,
    "adkim": _is_mode,
    "aspf": _is_mode,
    "psd": lambda value: value.lower() in _PSD,
    "t": lambda value: value.lower() in ("y", "n"),
    "pct": _is_pct,
    "ri": _is_ri,
    "fo": _is_fo,
    "rf": _is_rf,
    "rua": _is_uris,
    "ruf": _is_uris,
}

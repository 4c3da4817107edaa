"""MTA-STS: the record that announces a domain's policy, the policy file, and which hosts it covers. # RFC 8461

Called by delivery before it dials (lookup, read, Policy.covers), and by the rooms that publish our own (write).
Never fetches the file: `url` says where it is, `read` judges what came; whoever fetches checks the certificate.
Fails with BadPolicy for a file that is none; a look-up ends in a value.
"""

import hashlib
import re
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from hatoba.mailauth import questions, terms
from hatoba.mailauth.questions import Asking
from hatoba.model import domain as domains

Mode: TypeAlias = Literal["enforce", "testing", "none"]

VERSION = "STSv1"
OCTETS = 65536  # a longer file is refused  # RFC 8461 §3.3
MAX_AGE = 31557600  # seconds; a policy that asks for more is kept so long  # RFC 8461 §3.2
_HOSTS = 1000  # patterns of one policy

_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,31}):[ \t]*(.*?)[ \t]*")
_MX = re.compile(rf"(?:\*\.)?{domains.LABEL}(?:\.{domains.LABEL})*")
_AGE = re.compile(r"[0-9]{1,10}")
_EXTENSION = re.compile("[!-~\u00a0-\U0010ffff](?:[ -~\u00a0-\U0010ffff]*[!-~\u00a0-\U0010ffff])?")
_MODES: dict[str, Mode] = {"enforce": "enforce", "testing": "testing", "none": "none"}


class BadPolicy(ValueError):
    """No policy can be had from this; the message says why."""


class Found(NamedTuple):
    """What the DNS says. "none": the domain announces no policy (one kept from before still holds)."""

    state: Literal["announced", "none", "trouble"]
    id: str = ""
    why: str = ""


class Policy(msgspec.Struct, frozen=True, gc=False):
    """`mx`: host names and "*.domain" patterns, lower case. `max_age`: seconds. `text`: the file, for TLS-RPT."""

    mode: Mode
    mx: tuple[str, ...]
    max_age: int
    text: str = ""

    def covers(self, host: str) -> bool:
        """Whether `host` (A-labels) is one the policy allows; "*." stands for exactly one label. # RFC 8461 §4.1"""
        name = host.lower().removesuffix(".")
        label, _, parent = name.partition(".")
        return name in self.mx or bool(label and parent and f"*.{parent}" in self.mx)


def url(domain: str) -> str:
    """Where the policy of a domain (A-labels) is to be fetched, without following a redirect. # RFC 8461 §3.3"""
    return f"https://mta-sts.{domain}/.well-known/mta-sts.txt"


def record(text: bytes) -> str:
    """The id of a record. terms.BadTerms. # RFC 8461 §3.1"""
    found = terms.parse(text, VERSION)
    terms.check_extensions(found, known="id")
    ids = [value for name, value in found if name == "id"]
    if len(ids) != 1 or not _ID.fullmatch(ids[0]):
        raise terms.BadTerms("id= is missing, stands twice or is no id")
    return ids[0]


def lookup(domain: str) -> Asking[Found]:
    """Whether a domain announces a policy, and which. # RFC 8461 §3.1"""
    answer = yield from questions.ask(f"_mta-sts.{domain}", "TXT")
    if answer.status == "trouble":
        return Found("trouble", why="no answer from its DNS")
    texts = [text for text in answer.records if terms.claims(text, VERSION)]
    if len(texts) != 1:
        return Found("none", why="there are several records" if texts else "")
    try:
        return Found("announced", record(texts[0]))
    except terms.BadTerms as error:
        return Found("none", why=str(error))


def read(status: int, content_type: str, body: bytes) -> Policy:
    """The policy that an HTTPS answer brings. BadPolicy. # RFC 8461 §3.3"""
    if status != 200:
        raise BadPolicy(f"the server said {status}")
    if content_type.partition(";")[0].strip().lower() != "text/plain":
        raise BadPolicy("the answer is no text/plain")
    return parse(body)


def parse(body: bytes) -> Policy:
    """The policy that a file is. BadPolicy. # RFC 8461 §3.2"""
    if len(body) > OCTETS:
        raise BadPolicy("the file is too long")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise BadPolicy("the file is no UTF-8") from None
    hosts: list[str] = []
    fields: dict[str, str] = {}
    for line in text.rstrip("\r\n \t").split("\n"):
        name, value = _field(line.removesuffix("\r"))
        if name == "mx":
            hosts.append(value)
        else:
            fields.setdefault(name, value)  # of several the first counts  # RFC 8461 §3.2
    return _policy(fields, hosts, text)


def _field(line: str) -> tuple[str, str]:
    found = _LINE.fullmatch(line)
    if not found:
        raise BadPolicy(f"{line[:40]!a} is no name with a value")
    name, value = found[1], found[2]
    if not _EXTENSION.fullmatch(value):
        raise BadPolicy(f"{name} is empty or holds a character that it must not")
    return name, value


def _policy(fields: dict[str, str], hosts: list[str], text: str) -> Policy:
    if fields.get("version") != VERSION:
        raise BadPolicy(f"the version is not {VERSION}")
    mode = _MODES.get(fields.get("mode", ""))
    if mode is None:
        raise BadPolicy("mode is missing or unknown")
    if not _AGE.fullmatch(fields.get("max_age", "")):
        raise BadPolicy("max_age is missing or no number of at most ten digits")
    for host in hosts:
        if len(host) > domains.DOMAIN_OCTETS or not _MX.fullmatch(host):
            raise BadPolicy(f"mx {host[:80]!a} is no host name")
    if mode != "none" and not hosts:
        raise BadPolicy("there is no mx")
    if len(hosts) > _HOSTS:
        raise BadPolicy("there are too many mx")
    return Policy(mode, tuple(host.lower() for host in hosts), min(int(fields["max_age"]), MAX_AGE), text)


def identifier(body: bytes) -> str:
    """An id for the record of this file: another file has another. # RFC 8461 §3.1"""
    return hashlib.sha256(body).hexdigest()[:20]


def write(mode: Mode, mx: tuple[str, ...], max_age: int) -> bytes:
    """The file of a policy. BadPolicy when it would be none."""
    lines = [f"version: {VERSION}", f"mode: {mode}", *(f"mx: {host}" for host in mx), f"max_age: {max_age}"]
    body = "".join(f"{line}\r\n" for line in lines).encode()
    made = parse(body)
    if (made.mode, made.mx, made.max_age) != (mode, tuple(host.lower() for host in mx), max_age):
        raise BadPolicy("a host name holds more than a name, or max_age is too large")
    return body

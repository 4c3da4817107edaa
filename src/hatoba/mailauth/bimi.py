"""BIMI: which picture a domain wishes to see beside its letters; the record found and read, nothing fetched.

Called by the rooms that check letters, once DMARC has passed (`deserved`), with the domain of From and its
organizational domain. Source: draft-brand-indicators-for-message-identification.
Never fetches the picture or its certificate, and never vouches for either.
Fails with BadBimi for a text that is no record or no selector; a look-up ends in a result.
"""

import re
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

import msgspec

from hatoba.mailauth import questions
from hatoba.mailauth.questions import Answer, Asking
from hatoba.mailauth.results.finding import Finding, Property

Word = Literal["pass", "none", "fail", "temperror", "declined"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_SPACES = " \t\r\n"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?"
_SELECTOR = re.compile(rf"(?!.{{64}}){_LABEL}(?:\.{_LABEL})*")
_URI = re.compile(r"[!-~]+")
_RECORD_LONGEST = 4096


class BadBimi(ValueError):
    """The text is no BIMI record or selector; the message says why."""


class Record(NamedTuple):
    """An assertion record. Without `location` and `authority` the domain declines to take part."""

    location: str  # an https URI of an SVG picture
    authority: str = ""  # an https URI of a certificate for it
    avatar: str = "brand"  # whose picture is preferred, "brand" or "personal"

    @property
    def declines(self) -> bool:
        return not self.location and not self.authority


class Result(msgspec.Struct, frozen=True, gc=False):
    """`domain` is the one at which the record stands; `why` says, in ASCII, what is wrong with a record."""

    result: Word
    domain: str
    selector: str
    record: Record | None = None
    why: str = ""


def deserved(dmarc: str, policy: str, pct: int = 100) -> bool:
    """Whether DMARC's result and the policy in force let a picture be shown: pass under an enforced policy."""
    return dmarc == "pass" and (policy == "reject" or (policy == "quarantine" and pct == 100))


def selector(value: str) -> str:
    """The selector that a BIMI-Selector field names. BadBimi."""
    tags = _tags(value)
    name = tags.get("s", "")
    if not _SELECTOR.fullmatch(name):
        raise BadBimi("the field names no selector")
    return name.lower()


def parse(text: str) -> Record:
    """A record. BadBimi."""
    tags = _tags(text)
    if "l" not in tags:
        raise BadBimi("l= is missing")
    location, authority = _uri("l", tags["l"]), _uri("a", tags.get("a", ""))
    avatar = tags.get("avp", "").lower()
    return Record(location, authority, "personal" if avatar == "personal" else "brand")


def lookup(domain: str, organizational: str, selector: str = "default") -> Asking[Result]:
    """The record of the author's domain, else of its organizational domain, under the same selector.

    Domains in A-labels, lower case.
    """
    found = yield from _at(domain, selector)
    if found.result == "none" and not found.why and organizational != domain:
        found = yield from _at(organizational, selector)
    return found


def finding(result: Result) -> Finding:
    """For Authentication-Results."""
    properties = (Property("header", "d", result.domain), Property("header", "selector", result.selector))
    return Finding("bimi", result.result, properties, comment=result.why)


def _at(domain: str, selector: str) -> Asking[Result]:
    answer: Answer = yield from questions.ask(f"{selector}._bimi.{domain}", "TXT")
    if answer.status == "trouble":
        return Result("temperror", domain, selector, None, "no answer from its DNS")
    texts = [text for text in answer.records if _is_bimi(text)]
    if not texts:
        return Result("none", domain, selector)
    if len(texts) > 1:
        return Result("none", domain, selector, None, "there are several records")
    try:
        record = parse(texts[0].decode("ascii"))
    except UnicodeDecodeError:
        return Result("fail", domain, selector, None, "the record holds octets beyond ASCII")
    except BadBimi as error:
        return Result("fail", domain, selector, None, str(error))
    return Result("declined" if record.declines else "pass", domain, selector, record)


def _is_bimi(text: bytes) -> bool:
    """Whether the text begins with the tag v=BIMI1, right or nearly so; others at the name are no concern of ours."""
    name, _, value = text.partition(b";")[0].partition(b"=")
    return name.strip().lower() == b"v" and value.strip().lower() == b"bimi1"


def _tags(text: str) -> dict[str, str]:
    """The tags by lower-case name. BadBimi unless v=BIMI1 comes first and each stands once."""
    if len(text) > _RECORD_LONGEST:
        raise BadBimi("the record is too long")
    tags: dict[str, str] = {}
    parts = text.split(";")
    if not parts[-1].strip(_SPACES):
        parts.pop()
    for part in parts:
        name, equals, value = part.partition("=")
        name = name.strip(_SPACES).lower()
        if not equals or not _NAME.fullmatch(name):
            raise BadBimi("a tag has no = or no name")
        if name in tags:
            raise BadBimi(f"{name}= stands twice")
        if (name == "v") != (not tags):
            raise BadBimi("v= does not come first")
        tags[name] = value.strip(_SPACES)
    if tags.get("v", "").lower() != "bimi1":
        raise BadBimi("v= is not BIMI1")
    return tags


def _uri(tag: str, value: str) -> str:
    """An https URI, or "". BadBimi."""
    if not value:
        return ""
    try:
        host = urlsplit(value).hostname if _URI.fullmatch(value) else None
    except ValueError:
        host = None
    if not host or "," in value:
        raise BadBimi(f"{tag}= is no single URI")
    if not value.lower().startswith("https://"):
        raise BadBimi(f"{tag}= is not reached by https")
    return value

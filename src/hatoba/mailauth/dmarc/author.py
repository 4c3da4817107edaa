"""The author's domains: what the From of a letter shows people, in A-labels. # RFC 9989 §4.4

Called by dmarc.check with the header of a letter.
Never believes less than a reader might: where a From cannot be read as a list of mailboxes, every domain in it counts.
Fails never: a From without a domain has none.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from hatoba.message import mailbox
from hatoba.message.headers import Headers
from hatoba.model import domain as domains
from hatoba.model.domain import BadAddress

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+("?)', re.DOTALL)  # an open one runs to the end: one pass, whatever it holds
_COMMENT = re.compile(r"\([^()]*\)")
_AT = re.compile(r"@[ \t]*([^\s@<>()\[\],;:\"\\]+)")
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*")
_LONGEST = 16384  # characters of a From that are looked at


class Authors(NamedTuple):
    """`domains`: each once, in the order they stand. `fields`: how many From fields the letter has."""

    domains: tuple[str, ...]
    fields: int


def shown(header: Headers) -> Authors:
    """The domains of all From fields."""
    values = header.all(b"from")
    found: dict[str, None] = {}
    for value in values:
        found.update(dict.fromkeys(domains_of(value.decode("utf-8", "replace"))))
    return Authors(tuple(found), len(values))


def domains_of(text: str) -> list[str]:
    """The domains of one From, groups included."""
    text = text[:_LONGEST]
    try:
        written = [mailbox.parse(text).domain]
    except mailbox.BadMailbox:
        written = [each.domain for each in mailbox.listed(text)]
        bare = _QUOTED.sub(lambda found: " " if found[1] else found[0], text)
        written += _AT.findall(_COMMENT.sub(" ", bare))
    return list(dict.fromkeys(name for each in written if (name := normal(each))))


@lru_cache(maxsize=1024)  # the same domains come again
def normal(domain: str) -> str:
    """A domain in A-labels and lower case; "" for an address literal and for what DNS cannot hold."""
    name = domain.strip().removesuffix(".")
    try:
        name = domains.parse(name)
    except BadAddress:
        name = name.lower()
    return name if len(name) <= domains.DOMAIN_OCTETS and _HOST.fullmatch(name) else ""

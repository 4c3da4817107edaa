"""The values of Authentication-Results: who speaks, and one finding for each method. # RFC 8601 §2.2

Made by the checks and by results.read; written by results.write.
Never holds octets: text, words in lower case.
Fails never.
"""

from typing import NamedTuple


class Property(NamedTuple):
    """ "smtp.mailfrom=user@example.org" is Property("smtp", "mailfrom", "user@example.org").

    `ptype` is "" where a careless writer left it out ("action=none").
    """

    ptype: str
    name: str
    value: str


class Finding(NamedTuple):
    """What one method found: "spf=pass reason=… smtp.mailfrom=… (comment)". `comment` is without its brackets."""

    method: str
    result: str
    properties: tuple[Property, ...] = ()
    reason: str = ""
    comment: str = ""

    def value(self, ptype: str, name: str) -> str | None:
        """The first property of this kind, None without one."""
        return next((held.value for held in self.properties if held[:2] == (ptype, name)), None)


class Results(NamedTuple):
    """One field. No findings: "none". `authserv_id` is "" where a careless writer left it out."""

    authserv_id: str
    findings: tuple[Finding, ...] = ()
    version: int = 1

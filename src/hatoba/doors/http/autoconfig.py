"""Autoconfig: mail programs ask by themselves what to use: Thunderbird's, Outlook's and Apple's questions answered.

Asked by web for each request, when [autoconfig] says so.
Never tells whether an account exists, never takes a document type or entity in XML, never asks for a password.
A question that cannot be read, or about a domain that is not ours, gets 400 or 404.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from hatoba.doors.http import clients
from hatoba.doors.http.web import Domains
from hatoba.model.address import Address, BadAddress
from hatoba.wire.http.server import Reply, Request

THUNDERBIRD = frozenset({"/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml"})
OUTLOOK = "/autodiscover/autodiscover.xml"  # asked for in several spellings
APPLE = "/apple.mobileconfig"
_HOSTS = ("autoconfig.", "autodiscover.")

_NOT_OURS = Reply(404, b"This is no domain with accounts here.\n")
_NO_ADDRESS = Reply(400, b"Ask with a mail address: ?email=user@example.org\n")
_NOT_WHOLE = Reply(404, b"There are no doors for reading mail here.\n")


class Autoconfig:
    """A page of web: the reply to a request that is for it, None for others."""

    def __init__(self, setup: clients.Setup, domains: Domains) -> None:
        self._setup = setup
        self._domains = domains

    def __call__(self, request: Request) -> Reply | None:
        path = request.path.lower()
        if path in THUNDERBIRD:
            return self._answered(request, ("GET", "HEAD"), self._thunderbird)
        if path == OUTLOOK:
            return self._answered(request, ("POST",), self._outlook)
        if path == APPLE:
            return self._answered(request, ("GET", "HEAD"), self._apple)
        return None

    def _answered(self, request: Request, methods: tuple[str, ...], answer: Callable[[Request], Reply]) -> Reply:
        if request.method not in methods:
            return Reply(405, f"{' and '.join(methods)} only.\n".encode(), fields=(("Allow", ", ".join(methods)),))
        return answer(request) if self._setup.whole else _NOT_WHOLE

    def _thunderbird(self, request: Request) -> Reply:
        """The address is in the query, and the domain in the host where it is not."""
        asked = parse_qs(request.query).get("emailaddress", [""])[0]
        domain = asked.rpartition("@")[2].strip().lower() if "@" in asked else _bare(request.host)
        try:
            domain = Address.parse(f"x@{domain}").domain
        except BadAddress:
            return _NOT_OURS
        if not self._ours(domain):
            return _NOT_OURS
        return Reply(200, clients.thunderbird(self._setup, domain), clients.THUNDERBIRD)

    def _outlook(self, request: Request) -> Reply:
        try:
            root = fromstring(request.body, forbid_dtd=True)
        except (ParseError, DefusedXmlException, ValueError, LookupError):  # the last: an encoding nobody knows
            return Reply(400, b"This is no XML that is taken here.\n")
        schema = _text(root, "AcceptableResponseSchema")
        if schema not in ("", clients.OUTLOOK_SETTINGS):
            return _no("that schema is not spoken here")
        try:
            address = Address.parse(_text(root, "EMailAddress"))
        except BadAddress:
            return _no("there is no mail address in the question")
        if not self._ours(address.domain):
            return _no("this is no domain with accounts here")
        return Reply(200, clients.outlook(self._setup, address), clients.OUTLOOK)

    def _apple(self, request: Request) -> Reply:
        try:
            address = Address.parse(parse_qs(request.query).get("email", [""])[0])
        except BadAddress:
            return _NO_ADDRESS
        if not self._ours(address.domain):
            return _NOT_OURS
        named = (("Content-Disposition", 'attachment; filename="mail.mobileconfig"'),)
        return Reply(200, clients.apple(self._setup, address), clients.APPLE, fields=named)

    def _ours(self, domain: str) -> bool:
        found = self._domains.domain(domain)
        return found is not None and found.kind == "local"


def _bare(host: str) -> str:
    for label in _HOSTS:
        host = host.removeprefix(label)
    return host


def _text(root: Element, name: str) -> str:
    """What stands in the first element of that name, whatever its namespace."""
    for element in root.iter():
        if element.tag.rpartition("}")[2] == name:
            return (element.text or "").strip()
    return ""


def _no(text: str) -> Reply:
    """Outlook wants its "no" under 200."""
    return Reply(200, clients.unanswerable(text), clients.OUTLOOK)

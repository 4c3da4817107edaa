"""Our own MTA-STS policy over HTTPS: /.well-known/mta-sts.txt at mta-sts.DOMAIN, for every local domain. # RFC 8461

A page of web, made by worker; the DNS helper takes the id from `policy_id`.
Never serves anything else, never for a domain that is not ours, never reads a file.
Fails with mtasts.BadPolicy on names that are none.
"""

from __future__ import annotations

from hatoba.doors.http.settings import MtaSts
from hatoba.doors.http.web import Domains
from hatoba.mailauth import mtasts
from hatoba.wire.http.server import Reply, Request

PATH = "/.well-known/mta-sts.txt"
_HOST = "mta-sts."

_NOT_FOUND = Reply(404, b"There is a policy at https://mta-sts.DOMAIN/.well-known/mta-sts.txt only.\n")
_NOT_ALLOWED = Reply(405, b"GET and HEAD only.\n", fields=(("Allow", "GET, HEAD"),))


class Published:
    """The policy of our settings. mtasts.BadPolicy when it would be none."""

    def __init__(self, settings: MtaSts, hostname: str) -> None:
        self.body = b""
        if settings.mode:
            self.body = mtasts.write(settings.mode, settings.mx or (hostname.lower(),), int(settings.max_age))

    @property
    def policy_id(self) -> str:
        """What stands in the DNS as id: another one whenever the policy is another; "" without a policy."""
        return mtasts.identifier(self.body) if self.body else ""


class Policy:
    """A page of web: the reply to a request for a policy, None for others."""

    def __init__(self, published: Published, domains: Domains) -> None:
        self._published = published
        self._domains = domains

    def __call__(self, request: Request) -> Reply | None:
        domain = request.host.removeprefix(_HOST)
        if request.path != PATH:
            return None
        if request.method not in ("GET", "HEAD"):
            return _NOT_ALLOWED
        if domain == request.host or not self._published.body:
            return _NOT_FOUND
        found = self._domains.domain(domain)
        if found is None or found.kind != "local":
            return _NOT_FOUND
        return Reply(200, self._published.body)

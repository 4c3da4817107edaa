"""Posting: a TLS report to an https: address that a domain named. # RFC 8460 §3, §5.4

Made by app for each worker; called by sending.
Never talks to our own networks at a stranger's wish, never follows a redirect, never keeps what the answer holds.
Fails with OSError: nobody answers, or not over HTTPS.
"""

import contextlib
from collections.abc import Mapping
from urllib.parse import urlsplit

from hatoba.net import dns, https, tls

TIMEOUT = 60.0  # seconds for all of it
_ANSWER = 64 << 10  # octets of the answer that are heard
_ADDRESSES = 4
_LONGEST = 2000  # characters of a URL


class Poster:
    """`private`: hosts on private and loopback addresses, too. `ca_file` "": the system's certificates."""

    def __init__(self, resolver: dns.Resolver, *, private: bool = False, ca_file: str = "") -> None:
        self._resolver = resolver
        self._private = private
        self._ca_file = ca_file

    async def __call__(self, url: str, fields: Mapping[str, str], octets: bytes) -> int:
        """The status of the answer. OSError.

        A certificate that cannot be trusted is no hindrance: it may be what the report is about. # RFC 8460 §3
        """
        host, port, path = _parts(url)
        addresses = await self._addresses(host)
        try:
            for verify in (True, False):
                try:
                    context = tls.client_context(verify=verify, ca_file=self._ca_file)
                    page = await https.post(
                        host, path, addresses, fields, octets, context=context, port=port, most=_ANSWER, timeout=TIMEOUT
                    )
                except https.Failed as error:
                    if error.kind != "tls" or not verify:
                        raise
                else:
                    return page.status
        except https.Failed as error:
            raise OSError(str(error)) from None
        raise AssertionError("the second try returns or raises")

    async def _addresses(self, host: str) -> list[str]:
        found: list[str] = []
        for rtype in ("A", "AAAA"):
            with contextlib.suppress(dns.DnsTrouble):
                found.extend((await self._resolver.query(host, rtype)).records)
        usable = [ip for ip in found if self._private or https.public(ip)]
        if not usable:
            raise OSError(f"{host} has no {'public ' if found else ''}address")
        return usable[:_ADDRESSES]


def _parts(url: str) -> tuple[str, int, str]:
    """(host, port, path with its query). OSError for what is no https: URL with a host name."""
    try:
        read = urlsplit(url)
        host, port = read.hostname or "", read.port or 443
    except ValueError as error:
        raise OSError(f"{url[:80]!a} is no URL: {error}") from None
    if len(url) > _LONGEST or read.scheme.lower() != "https" or not host or ":" in host or read.username is not None:
        raise OSError(f"{url[:80]!a} is no https: URL with a host name")
    return host, port, (read.path or "/") + (f"?{read.query}" if read.query else "")

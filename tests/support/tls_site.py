"""TlsSite: domains with mail hosts whose TLS is as a test wants it: AD or none, TLSA, MTA-STS, certificates.

Used by the tests of delivery's TLS policies, and by the stories.
Never leaves loopback: every host has an address of its own there, all peers listen on one port.
The certificates are real: `ca` is the public CA of this world, `made` are chains of our own making.
"""

import asyncio
import itertools
import ssl
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import trustme
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.support import delivery_scene as scene
from tests.support.certificates import Made
from tests.support.dns_server import DnsServer
from tests.support.smtp_peer import SmtpPeer
from tests.support.town import common_port
from tests.support.web import WebHost, policy

from hatoba.delivery import settings, sts
from hatoba.delivery.courier import Courier
from hatoba.mailauth.tlsrpt import tally as seen_
from hatoba.net import dns as dns_
from hatoba.store import base

OFFERED = ("PIPELINING", "8BITMIME", "REQUIRETLS")


class Clock:
    """Milliseconds that go on when told."""

    def __init__(self) -> None:
        self.now = 1_800_000_000_000

    def __call__(self) -> int:
        return self.now


class TlsSite:
    """Use it as a context manager. `folder` takes certificates."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = trustme.CA()
        self.ca_file = str(folder / "ca.pem")
        self.ca.cert_pem.write_to_path(self.ca_file)
        self.dns = DnsServer()
        self.port = common_port()
        self.clock = Clock()
        self.log = scene.Log()
        self.web = WebHost(self.context("mta-sts.rcpt.example", "*.rcpt.example", "mta-sts.other.example"))
        self.cache: sts.Cache | None = None
        self.resolver: dns_.Resolver
        self._addresses = itertools.count(2)
        self._open = ExitStack()
        self.peers: list[SmtpPeer] = []

    def __enter__(self) -> Self:
        self._open.enter_context(self.dns)
        self._open.enter_context(self.web)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._open.close()

    # ---- certificates

    def context(self, *names: str, not_after: datetime | None = None, ca: trustme.CA | None = None) -> ssl.SSLContext:
        """A server's context with a certificate of the CA of this world, or of another."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        (ca or self.ca).issue_cert(*names, not_after=not_after).configure_cert(made)
        return made

    def serving(self, *chain: Made) -> ssl.SSLContext:
        """A server's context with this chain, its own certificate first."""
        return serving(self.folder, *chain)

    # ---- hosts and what they publish

    def peer(self, host: str, context: ssl.SSLContext | None, stages: dict[str, object] | None = None) -> SmtpPeer:
        """A mail host with an address, until the site closes."""
        address = f"127.0.1.{next(self._addresses)}"
        peer = SmtpPeer(stages, extensions=OFFERED, context=context, host=address, port=self.port, name=host)
        self.dns.zone[host] = {"A": [address]}
        self.peers.append(peer)
        return self._open.enter_context(peer)

    def domain(self, name: str, *hosts: str) -> None:
        """MX records: the hosts in this order."""
        self.dns.zone[name] = {"MX": [f"{10 * n} {host}." for n, host in enumerate(hosts, 1)]}

    def tlsa(self, host: str, *records: str) -> None:
        self.dns.zone[f"_{self.port}._tcp.{host}"] = {"TLSA": list(records)}

    def announce(self, domain: str, *lines: str, number: str = "1") -> None:
        """Announces a policy and puts it on the web host: sts("rcpt.example", "mode: enforce", "mx: …", …)."""
        self.dns.zone[f"_mta-sts.{domain}"] = {"TXT": [f'"v=STSv1; id={number};"']}
        self.dns.zone[f"mta-sts.{domain}"] = {"A": ["127.0.0.1"]}
        self.web.pages[f"mta-sts.{domain}"] = policy(*lines)

    def enforce(self, domain: str, *hosts: str, mode: str = "enforce", number: str = "1", age: int = 86400) -> None:
        self.announce(domain, f"mode: {mode}", *(f"mx: {host}" for host in hosts), f"max_age: {age}", number=number)

    # ---- us

    def options(self, **fields: Any) -> settings.Settings:
        fields.setdefault("mta_sts", self.fetching())
        fields.setdefault("timeouts", scene.quick(connect=1.0))
        return settings.Settings(port=self.port, ipv6=False, tls_ca_file=self.ca_file, **fields)

    def fetching(self, **fields: Any) -> settings.MtaSts:
        fields.setdefault("timeout", 5.0)
        return settings.MtaSts(ca_file=self.ca_file, port=self.web.port, private_addresses=True, **fields)

    def policies(self, register: base.Register | None = None, **fields: Any) -> sts.Cache:
        """A cache of MTA-STS policies with a memory of its own."""
        self.resolver = dns_.Resolver(
            dns_.Settings(servers=(self.dns.address,), timeout=1.0, attempts=1, cache=0, trouble_ttl=0)
        )
        return sts.Cache(self.fetching(**fields), self.resolver, register, clock=self.clock, log=self.log)

    def courier(self, *rules: settings.TlsPolicy, routes: Sequence[settings.Route] = (), **fields: Any) -> Courier:
        options = self.options(**fields)
        self.cache = self.policies()
        return scene.courier(
            routes, options=options, resolver=self.resolver, rules=rules, cache=self.cache, log=self.log
        )

    async def send(self, courier: Courier, *jobs: Any, to: str = "b@rcpt.example") -> scene.Feed:
        feed = await scene.send(courier, *(jobs or (scene.job(),)), to=to)
        await self.quiet()
        return feed

    async def quiet(self) -> None:
        """Waits until no connection is open: those that were turned away still say QUIT."""
        for peer in self.peers:
            await asyncio.to_thread(peer.wait_closed)


def serving(folder: Path, *chain: Made) -> ssl.SSLContext:
    """A server's context with this chain; its files are written into the folder."""
    name = f"{chain[0].certificate.serial_number:x}"
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    cert.write_bytes(b"".join(each.certificate.public_bytes(Encoding.PEM) for each in chain))
    key.write_bytes(chain[0].key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


def counted(courier: Courier) -> dict[tuple[str, str, str], int]:
    """{(type, policy domain, result): sessions} of what was counted since the last look."""
    found: dict[tuple[str, str, str], int] = {}
    for row in courier.tally.take():
        for each in seen_.policies([(row.data, row.count)]):
            result = each.details[0].result if each.details else ""
            key = (each.type, each.domain, result)
            found[key] = found.get(key, 0) + row.count
    return found


def outcomes(feeds: Sequence[scene.Feed]) -> list[tuple[str, str]]:
    return [(outcome.kind, outcome.status.code) for feed in feeds for outcome in feed.outcomes]

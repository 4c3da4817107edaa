"""The DNS helper: what this node is towards the world, put together for one domain, and held against the DNS.

Called by `hatoba dns`. Takes from the settings what they say, derives the rest from listeners, certificate, directory.
Never changes a zone: a person (or a program that reads --zone) does.
Fails with BadEntry for a domain that is none; a certificate that cannot be read gives no TLSA record.
"""

import hashlib
import ipaddress
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from msgspec import Meta

from hatoba.app import looking
from hatoba.directory import changes
from hatoba.directory.directory import Directory
from hatoba.directory.dkim_key import Key
from hatoba.directory.entries import BadEntry
from hatoba.kit.units import Seconds
from hatoba.mailauth import mtasts
from hatoba.mailauth.publish import check
from hatoba.mailauth.publish.facts import Facts, Finding, KeyFact, Service
from hatoba.net.dns import Resolver

STS_AGE = 7 * 86_400  # seconds senders keep our policy


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[dns_helper]` table: what `hatoba dns` cannot find out by itself."""

    mx: Annotated[
        tuple[str, ...], Meta(description="Hosts that take mail for our domains, the preferred first; empty: hostname.")
    ] = ()
    addresses: Annotated[
        tuple[str, ...],
        Meta(
            description="Public addresses that letters leave from; empty: delivery.source_ips, else those of the hosts."
        ),
    ] = ()
    spf: Annotated[
        tuple[str, ...],
        Meta(description='Terms for SPF beside our addresses, for others who send for us: "include:_spf.example.com".'),
    ] = ()
    spf_all: Annotated[
        Literal["~all", "-all"], Meta(description="How SPF ends; with DMARC both are treated alike.")
    ] = "~all"
    policy: Annotated[
        Literal["none", "quarantine", "reject"], Meta(description="The DMARC policy that is proposed.")
    ] = "quarantine"
    reports: Annotated[
        str,
        Meta(description="Mailbox for reports about DMARC and TLS, {domain} stands for the domain; empty: no reports."),
    ] = "postmaster@{domain}"
    sts: Annotated[
        Literal["enforce", "testing", "none"],
        Meta(
            description="Mode of the MTA-STS policy that is announced, where another host serves it and not [mta_sts]."
        ),
    ] = "testing"
    web: Annotated[
        str, Meta(description="Host that serves mta-sts, autoconfig and autodiscover over HTTPS; empty: hostname.")
    ] = ""
    services: Annotated[
        tuple[str, ...],
        Meta(description='Doors for mail programs, "imaps:993" or "imaps:993:host"; empty: our submission listeners.'),
    ] = ()
    ttl: Annotated[Seconds, Meta(ge=1, description="TTL of proposed records.")] = 3600.0


def faults(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """(key, what is wrong, the fix) of each value that is none of its kind."""
    for each in settings.addresses:
        try:
            ipaddress.ip_address(each)
        except ValueError:
            yield "addresses", f"{each!r} is no IP address", 'Write it like "192.0.2.1" or "2001:db8::1".'
    for key, hosts in (("mx", settings.mx), ("web", (settings.web,) if settings.web else ())):
        for each in hosts:
            try:
                changes.domain_name(each)
            except BadEntry as error:
                yield key, str(error), 'Write it like "mail.example.com".'
    for each in settings.services:
        name, _, rest = each.partition(":")
        port = rest.partition(":")[0]
        if (name not in _PORTS and not port) or (port and not (port.isdecimal() and 0 < int(port) < 65536)):
            yield "services", f"{each!r} is no service", 'Write it like "imaps" or "imaps:993" or "imaps:993:host".'
    mailbox = settings.reports.replace("{domain}", "example.org")
    if mailbox:
        try:
            changes.address(mailbox)
        except BadEntry as error:
            yield "reports", str(error), 'Write it like "postmaster@{domain}".'


class Node(msgspec.Struct, frozen=True):
    """The part of the node's settings that counts here."""

    hostname: str
    helper: Settings
    source_ips: tuple[str, ...] = ()
    listeners: tuple[tuple[str, int], ...] = ()  # (kind, port)
    certificate: str = ""
    policy: tuple[Literal["enforce", "testing", "none"], str] | None = None  # mode and id of what we serve ourselves


def facts(node: Node, directory: Directory, written: str, now: int) -> Facts:
    """What should be true of one domain. BadEntry."""
    domain = changes.domain_name(written)
    helper, host = node.helper, node.hostname.lower()
    mx = tuple(changes.domain_name(each) for each in helper.mx) or (host,)
    snapshot = directory.snapshot()
    rua = (f"mailto:{helper.reports.replace('{domain}', domain)}",) if helper.reports else ()
    keys = snapshot.dkim.get(domain, ())
    sts, sts_id = node.policy or (helper.sts, _sts_id(helper.sts, mx))
    return Facts(
        domain=domain,
        mx=mx,
        helo=host,
        here=domain in snapshot.domains or not keys,
        addresses=_public(helper.addresses or node.source_ips),
        keys=tuple(_key(key, now) for key in keys),
        spf_terms=helper.spf,
        spf_all=helper.spf_all,
        dmarc_policy=helper.policy,
        dmarc_rua=rua,
        tls_rua=rua,
        sts=sts,
        sts_id=sts_id,
        web=helper.web or host,
        services=tuple(_services(node, host)),
        tlsa=_tlsa(node.certificate),
        ttl=int(helper.ttl),
    )


def _key(key: Key, now: int) -> KeyFact:
    return KeyFact(key.selector, key.record, key.state(now))


def _public(addresses: Iterable[str]) -> tuple[str, ...]:
    """Those the world can see: a loopback address is a test's or a mistake."""
    return tuple(str(ip) for each in addresses if not (ip := ipaddress.ip_address(each)).is_unspecified)


def _sts_id(mode: Literal["enforce", "testing", "none"], mx: tuple[str, ...]) -> str:
    """The id of a policy that another host serves for us: another one whenever it is another. # RFC 8461 §3.1"""
    return hashlib.sha256(mtasts.write(mode, mx, STS_AGE)).hexdigest()[:20]


_PORTS = {"submission": 587, "submissions": 465, "imap": 143, "imaps": 993, "pop3": 110, "pop3s": 995, "sieve": 4190}


def _services(node: Node, host: str) -> Iterator[Service]:
    """Those of the settings, else one for each kind of our listeners, TLS from the start first. # RFC 8314 §5.1"""
    if node.helper.services:
        for written in node.helper.services:
            name, _, rest = written.partition(":")
            port, _, where = rest.partition(":")
            yield Service(name, int(port or _PORTS.get(name, 0)), where or host)
        return
    found: dict[str, int] = {}
    for kind, own in node.listeners:
        if kind in _PORTS and (kind not in found or own == _PORTS[kind]):
            found[kind] = own
    for kind in sorted(found, key=lambda name: not name.endswith("s")):
        yield Service(kind, found[kind], host)


def _tlsa(certificate: str) -> bytes:
    """SHA-256 of the certificate's public key. # RFC 6698 §2.1.2"""
    try:
        read = x509.load_pem_x509_certificate(Path(certificate).read_bytes())
    except (OSError, ValueError):
        return b""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(read.public_key().public_bytes(serialization.Encoding.DER, form)).digest()


async def compared(known: Facts, resolver: Resolver) -> list[Finding]:
    """The findings, asked now."""
    try:
        return await looking.drive(check.check(known), resolver)
    finally:
        await resolver.close()

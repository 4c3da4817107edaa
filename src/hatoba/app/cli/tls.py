"""hatoba tls DOMAIN: what TLS would be like on the way to a domain, and why. Called by people and scripts.

Connects to its mail hosts, says EHLO, STARTTLS and QUIT. Never sends a letter and needs no running hatoba.
Exit status 1 when no host would take a letter.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import click
import msgspec
from cryptography import x509

from hatoba.app import certificate, offline
from hatoba.app import config as settings_file
from hatoba.app.cli import show
from hatoba.app.settings import Settings
from hatoba.delivery import keeper, sts
from hatoba.delivery import settings as delivery_
from hatoba.delivery.courier import Courier
from hatoba.delivery.survey import Host, Survey, Tried
from hatoba.mailauth.tlsa import chain, names
from hatoba.model.address import Address, BadAddress
from hatoba.model.status import Refusal, Status
from hatoba.net import dns

UNPROVEN = "not secured by DNSSEC, or the resolver does not validate or is not on loopback"


class _Nowhere:
    """A directory without entries: even our own domains are looked at as others see them."""

    def domain(self, name: str) -> None:
        return None

    def account(self, address: Address) -> None:
        return None

    def home(self, hostname: str) -> str:
        return ""


class _Quiet:
    """What would be logged is what is shown."""

    def info(self, event: str, /, **fields: Any) -> None: ...
    def warning(self, event: str, /, **fields: Any) -> None: ...
    def error(self, event: str, /, **fields: Any) -> None: ...


class _Nothing:
    """Keeps no letter: a survey delivers none."""

    async def keep(self, items: Sequence[keeper.Item]) -> list[Status]:
        raise NotImplementedError


async def look(settings: Settings, address: Address, patience: float, connect: bool) -> Survey:
    """The survey, by a courier of its own that remembers nothing."""
    delivery = settings.delivery
    stages = dict.fromkeys(delivery_.Timeouts.__struct_fields__, patience)
    options = msgspec.structs.replace(
        delivery, timeouts=delivery_.Timeouts(**stages),
        mta_sts=msgspec.structs.replace(delivery.mta_sts, timeout=patience),
    )  # fmt: skip
    resolver = dns.Resolver(settings.dns)
    log = _Quiet()
    courier = Courier(
        options, settings.route, resolver, _Nowhere(), hostname=certificate.hostname(settings.hostname),
        keep=_Nothing(), chunks=lambda _: (), log=log, rules=settings.tls_policy,
        cache=sts.Cache(options.mta_sts, resolver, None, clock=offline.now, log=log),
    )  # fmt: skip
    try:
        return await courier.survey(address, connect=connect)
    finally:
        await courier.close()
        await resolver.close()


def described(der: bytes) -> dict[str, Any]:
    """A certificate as people look at it."""
    try:
        found = x509.load_der_x509_certificate(der)
        return {
            "subject": found.subject.rfc4514_string(), "issuer": found.issuer.rfc4514_string(),
            "names": names.presented(found), "expires": found.not_valid_after_utc.isoformat(),
        }  # fmt: skip
    except chain.UNREADABLE as error:
        return {"problem": f"it cannot be read: {error}"}


def policy(survey: Survey) -> dict[str, Any]:
    """What is in force, and what was found."""
    need, found = survey.need, survey.need.sts
    return {
        "level": need.level,
        "rule": need.rule,
        "mx_secure": need.secure,
        "dane": "required" if need.only else "asked for" if need.dane else "does not count",
        "mta_sts": None if found is None else {"mode": found.mode, "mx": list(found.mx), "max_age": found.max_age},
        "mta_sts_failure": ": ".join(filter(None, need.failure)),
        "refusal": "" if need.refusal is None else str(need.refusal),
    }


def _tried(tried: Tried) -> dict[str, Any]:
    return {
        "ip": tried.ip, "port": tried.port, "usable": not tried.problem, "problem": tried.problem, "tls": tried.tls,
        "authenticated": tried.policy, "public_ca": None if not tried.chain else tried.public or "verified",
        "certificate": described(tried.chain[0]) if tried.chain else None, "dialogue": list(tried.dialogue),
    }  # fmt: skip


def _host(host: Host) -> dict[str, Any]:
    return {
        "name": host.name, "preference": host.preference, "asked": host.asks, "passed_over": host.refused,
        "dane": host.dane, "tlsa": list(host.records), "addresses": [_tried(tried) for tried in host.tried],
    }  # fmt: skip


def _people(survey: Survey) -> None:
    """A paragraph for the domain, one for each host."""
    need = survey.need
    click.echo(f"{survey.domain}: {survey.site.kind}, level {need.level} ({need.rule})")
    if need.mx:
        click.echo(f"  MX records: {'secured by DNSSEC' if need.secure else UNPROVEN}")
        click.echo(f"  MTA-STS: {_sts(survey)}")
    if need.refusal is not None:
        click.echo(f"  nothing would go: {need.refusal}")
    for host in survey.hosts:
        click.echo(f"\n{host.preference:5} {host.name}")
        if host.dane:
            click.echo(f"      DANE: {host.dane}" + "".join(f"\n        TLSA {record}" for record in host.records))
        if host.refused:
            click.echo(f"      passed over: {host.refused}")
        elif host.asks:
            click.echo(f"      asked: {host.asks}")
        for tried in host.tried:
            _address(tried)


def _sts(survey: Survey) -> str:
    need = survey.need
    if need.failure[0]:
        return f"announced, but not to be had: {need.failure[1]} ({need.failure[0]})"
    if need.sts is None:
        return "no policy in force"
    return f"mode {need.sts.mode}, mx {', '.join(need.sts.mx)}, kept for {need.sts.max_age} s"


def _address(tried: Tried) -> None:
    click.echo(f"      {tried.ip or 'no address'}: {tried.problem or tried.tls or 'usable, in plain text'}")
    if tried.policy:
        click.echo(f"        {tried.policy}")
    if tried.chain:
        about = described(tried.chain[0])
        bears = ", ".join(about.get("names", ())[:4]) or about.get("subject", "?")
        click.echo(
            f"        certificate for {bears}, from {about.get('issuer', '?')}, until {about.get('expires', '?')}"
        )
        click.echo(f"        public CAs: {tried.public or 'verified, and it bears the name of the host'}")
    if tried.problem:
        for line in tried.dialogue:
            click.echo(f"          {line}")


@click.command()
@click.argument("domain")
@click.option("--timeout", default=10.0, show_default=True, help="Seconds for each step.")
@click.option("--no-connect", is_flag=True, help="Look at DNS and policies only.")
@show.json_option
@click.pass_obj
def tls(options: dict[str, str | None], domain: str, timeout: float, no_connect: bool, as_json: bool) -> int:
    """Show which TLS policy is in force for DOMAIN (or an address there), and test its mail hosts."""
    settings = settings_file.load(options["config"]).settings
    try:
        address = Address.parse(domain if "@" in domain else f"postmaster@{domain}")
    except BadAddress as error:
        show.fail(f"{domain} is no domain: {error}")
    with show.declined(Refusal, ValueError):
        survey = asyncio.run(look(settings, address, timeout, not no_connect))
    if as_json:
        value = {"domain": survey.domain, "route": survey.site.kind, "policy": policy(survey)}
        show.as_json(value | {"usable": survey.usable, "hosts": [_host(host) for host in survey.hosts]})
    else:
        _people(survey)
    refused = survey.need.refusal is not None or all(host.refused for host in survey.hosts)
    return 0 if (not refused if no_connect else survey.usable and not refused) else 1

"""hatoba dns DOMAIN: the records to publish, what the DNS has instead, and the fix. Called by people and scripts.

Never changes a zone. Exit status 1 when something is missing or wrong for which letters are lost or distrusted.
"""

import asyncio

import click
from rich.text import Text

from hatoba.app import certificate, dns_helper, listeners, offline
from hatoba.app import config as settings_file
from hatoba.app.cli import show
from hatoba.app.settings import Settings
from hatoba.directory.entries import BadEntry
from hatoba.doors.http import mta_sts
from hatoba.mailauth.publish import check, expected
from hatoba.mailauth.publish.facts import Facts, Finding
from hatoba.net.dns import Resolver

_MARKS = {
    "ok": ("ok", "green"), "weak": ("weak", "yellow"), "missing": ("missing", "red"), "differs": ("differs", "red"),
    "trouble": ("no answer", "red"), "unasked": ("-", "default"),
}  # fmt: skip
_LESS = "yellow"


def _node(settings: Settings) -> dns_helper.Node:
    places = offline.places(settings)
    name = certificate.hostname(settings.hostname)
    pem = settings.tls.certificate or str(places.tls / "self-signed.pem")
    doors = settings.listener or listeners.defaults()
    sts = settings.mta_sts
    return dns_helper.Node(
        name,
        settings.dns_helper,
        settings.delivery.source_ips,
        tuple((door.kind, door.port) for door in doors),
        pem,
        (sts.mode, mta_sts.Published(sts, name).policy_id) if sts.mode else None,
    )


def _people(facts: Facts, findings: list[Finding]) -> None:
    """A line for each finding, its reason and fix below; then what is to be pasted."""
    console = show.console()
    for finding in findings:
        mark, colour = _MARKS[finding.state]
        if colour == "red" and not finding.matters:
            colour = _LESS
        line = Text(f"{mark:9} ", style=colour)
        line.append(f"{finding.topic:10} {finding.weight:8} {finding.name or facts.domain}", style="default")
        console.print(line, soft_wrap=True)
        for found in finding.found if finding.state != "ok" else ():
            console.print(Text(f"          found {found}"), soft_wrap=True)
        if finding.why:
            console.print(Text(f"          {finding.why}"), soft_wrap=True)
        if finding.fix:
            console.print(Text(f"          {finding.fix}"), soft_wrap=True)
    missing = check.lines([each for each in findings if each.state in ("missing", "differs")], facts.ttl)
    if missing:
        click.echo("\nTo paste into the zone:\n")
        for each in missing:
            click.echo(each)
    if facts.helo == "localhost" or "." not in facts.helo:
        click.echo(f"\nThis node calls itself {facts.helo}: set hostname to its public name first.", err=True)


@click.command()
@click.argument("domain")
@click.option("--expected-only", is_flag=True, help="Only what should be there; no network is asked.")
@click.option("--zone", "as_zone", is_flag=True, help="Print the records as lines of a zone file.")
@show.json_option
@click.pass_obj
def dns(options: dict[str, str | None], domain: str, expected_only: bool, as_zone: bool, as_json: bool) -> int:
    """Compare the DNS of a domain with what it should publish, record by record, ready to paste."""
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(BadEntry, ValueError):
        facts = dns_helper.facts(_node(settings), directory, domain, offline.now())
    findings = expected.findings(facts) if expected_only else asyncio.run(_ask(facts, settings))
    if as_json:
        show.as_json(check.as_values(findings))
    elif as_zone or expected_only:
        for line in check.lines(findings, facts.ttl):
            click.echo(line)
    else:
        _people(facts, findings)
    return 1 if any(finding.matters for finding in findings) else 0


async def _ask(facts: Facts, settings: Settings) -> list[Finding]:
    return await dns_helper.compared(facts, Resolver(settings.dns))

"""hatoba report: what others report about our domains, what we reported, and the addresses that take reports.

Called by people and scripts. Reads the store; `send` asks a running worker; `import` and `address` change the store.
Never believes a report: who wrote it is always shown.
"""

import calendar
import csv
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from hatoba.app import config as settings_file
from hatoba.app import live, offline, reported
from hatoba.app.cli import show
from hatoba.directory import reporting
from hatoba.directory.entries import BadEntry
from hatoba.doors.control import call
from hatoba.reports import figures, kinds

Options = dict[str, str | None]
domain_option = click.option("--domain", default="", help="Only reports about this domain.")
days_option = click.option("--days", default=30, show_default=True, type=click.IntRange(1), help="How far back.")
kind_option = click.option(
    "--kind",
    type=click.Choice([*kinds.RECEIVED, "sent", "due"]),
    default=None,
    help="Only reports of this kind.",
)
csv_option = click.option("--csv", "as_csv", is_flag=True, help="Print CSV for spreadsheets.")


@click.group()
def report() -> None:
    """DMARC, TLS and complaint reports: received, sent, summed up."""


def _print_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_safe(cell) for cell in row] for row in rows)


def _safe(cell: object) -> object:
    """A cell that a spreadsheet takes for no formula: what is in it was written by strangers."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


@report.command("list")
@domain_option
@days_option
@kind_option
@click.option("--limit", default=100, show_default=True, help="Most reports listed.")
@csv_option
@show.json_option
@click.pass_obj
def list_(options: Options, domain: str, days: int, kind: str | None, limit: int, as_csv: bool, as_json: bool) -> None:
    """List reports, newest first: who reports about which domain, and what they count."""
    settings = settings_file.load(options["config"]).settings
    with reported.opened(settings) as reader:
        rows = reported.listed(reader, _kinds(kind), days, limit, domain)
    columns = ("id", "at", "kind", "domain", "reporter", "from", "to", "count#", "bad#", "state")
    cells = [
        (row.id, row.at, row.kind, row.domain, row.reporter, row.begins, row.ends, row.count, row.bad, row.state)
        for row in rows
    ]
    if as_csv:
        _print_csv([column.removesuffix("#") for column in columns], cells)
        return
    empty = "No report yet. Name an address that takes them: hatoba report address ADDRESS"
    show.either(as_json, rows, lambda: show.table("Reports", columns, cells, empty=empty))


def _kinds(kind: str | None) -> Sequence[str]:
    named = {"sent": tuple(kinds.SENT.values()), "due": tuple(kinds.DUE.values())}
    return kinds.ALL if kind is None else named.get(kind, (kind,))


@report.command("show")
@click.argument("number", metavar="ID")
@show.json_option
@click.pass_obj
def show_(options: Options, number: str, as_json: bool) -> None:
    """Show one report whole; the beginning of its id is enough."""
    settings = settings_file.load(options["config"]).settings
    with reported.opened(settings) as reader, show.declined(reported.Unknown):
        found = reported.whole(reader, number)
    if as_json:
        show.as_json(found)
        return
    for line in reported.lines(found):
        click.echo(line)
    show.table("", found.columns, found.rows, empty="It says nothing more.")


@report.command()
@domain_option
@days_option
@kind_option
@click.option("--sources", default=10, show_default=True, help="Most sources shown for a domain.")
@click.option("--names/--no-names", default=True, help="Ask DNS for the names of the sources shown (PTR).")
@csv_option
@show.json_option
@click.pass_obj
def summary(
    options: Options,
    domain: str,
    days: int,
    kind: str | None,
    sources: int,
    names: bool,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Sum up what others report: volume, SPF, DKIM and DMARC by source, TLS failures, complaints."""
    settings = settings_file.load(options["config"]).settings
    wanted = kinds.RECEIVED if kind is None else _kinds(kind)
    with reported.opened(settings) as reader:
        told = reported.summary(reader, wanted, days, domain)
    if names:
        reported.name(told, settings, sources)
    if as_csv:
        _print_csv(*reported.table(told))
    elif as_json:
        show.as_json(told)
    else:
        _summary(told, sources, days)


def _summary(told: figures.Summary, sources: int, days: int) -> None:
    columns: tuple[str, ...] = (
        "domain",
        "reports#",
        "reporters#",
        "letters#",
        "pass#",
        "DKIM#",
        "SPF#",
        "quarantined#",
        "rejected#",
    )
    rows: list[tuple[object, ...]] = [
        (d.domain, d.reports, d.reporters, d.letters, d.passed, d.dkim, d.spf, d.quarantined, d.rejected)
        for d in told.dmarc
    ]
    empty = f"No report of the last {show.count(days, 'day')}."
    if rows or not (told.tls or told.complaints):
        show.table("DMARC: letters in our names", columns, rows, empty=empty)
    lines: list[tuple[object, ...]]
    for each in told.dmarc:
        lines = [(s.ip or "(others)", s.name, s.letters, s.failed, s.dkim, s.spf) for s in each.sources[:sources]]
        title = f"Sources of {each.domain}, most failures first"
        show.table(title, ("address", "name", "letters#", "fail#", "DKIM#", "SPF#"), lines, empty="")
    if told.tls:
        lines = [
            (t.domain, t.reports, t.reporters, t.successes, t.failures, _counted(t.types), _counted(t.hosts))
            for t in told.tls
        ]
        columns = ("domain", "reports#", "reporters#", "sessions well#", "failed#", "why", "hosts")
        show.table("TLS to our domains", columns, lines, empty="")
    if told.complaints:
        lines = [(c.domain, c.complaints, c.failures, _counted(c.types), _counted(c.to)) for c in told.complaints]
        columns = ("domain", "complaints#", "failure reports#", "types", "recipients' domains")
        show.table("Complaints about our letters", columns, lines, empty="")


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


@report.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="FILE...")
@show.json_option
@click.pass_obj
def import_(options: Options, files: tuple[Path, ...], as_json: bool) -> int:
    """Keep the reports in files or folders: letters, XML, JSON, gzip, zip; what is known already stays as it is."""
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings):  # makes and migrates it where it is not there yet
        results = reported.take_in(settings, files, offline.now())
    failed = [one for one in results if one.error]
    if as_json:
        show.as_json(results)
    else:
        new = sum(one.new for one in results)
        known = sum(one.known for one in results)
        click.echo(f"{show.count(new, 'report')} kept, {known} known already.")
        for one in failed:
            click.echo(f"{one.file}: {one.error}", err=True)
    return 1 if failed else 0


@report.command()
@click.option("--day", default="yesterday", show_default=True, help="yesterday, today or 2026-11-24 (UTC).")
@show.json_option
@click.pass_obj
def send(options: Options, day: str, as_json: bool) -> None:
    """Send the reports about a day now, without waiting for their hour; needs a running hatoba."""
    settings = settings_file.load(options["config"]).settings
    places = offline.places(settings)
    number = _day(day)
    with show.declined(call.Failed):
        if not live.ask(places, "report.gather"):
            show.fail("hatoba does not run here, and reports go through its queue. Start it: hatoba run")
        for path in places.controls():
            try:
                done = call.call(path, "report.send", {"day": number}, timeout=600.0)
            except call.Unreachable:
                continue
            words = f"{done['made']} made, {done['sent']} sent, {done['waiting']} to be tried again"
            show.either(as_json, done, lambda words=words: click.echo(f"{words}."))  # type: ignore[misc]
            return
    show.fail("no worker answered; see: hatoba queue summary")


def _day(written: str) -> int:
    today = int(time.time()) // 86_400
    if written in ("today", "yesterday"):
        return today - (written == "yesterday")
    try:
        made = time.strptime(written, "%Y-%m-%d")
    except ValueError:
        raise click.BadParameter(f"{written!r} is no day: write yesterday, today or 2026-11-24") from None
    return calendar.timegm(made) // 86_400


@report.command()
@click.argument("written", required=False, metavar="[ADDRESS]")
@click.option("--remove", is_flag=True, help="Letters to it are letters again.")
@show.json_option
@click.pass_obj
def address(options: Options, written: str | None, remove: bool, as_json: bool) -> None:
    """Mark an address with a mailbox here: its letters are read as reports. Without one: list those that are."""
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(BadEntry):
        if written and remove:
            reporting.unmark(directory, written)
        elif written:
            reporting.mark(directory, written)
        rows = [{"address": each, "by": "mark"} for each in sorted(directory.report_addresses())]
        rows += [{"address": each, "by": "settings"} for each in settings.reports.inbox]
    empty = "No address takes reports. Mark one: hatoba report address ADDRESS"
    cells = [tuple(row.values()) for row in rows]
    show.either(as_json, rows, lambda: show.table("Addresses that take reports", ("address", "by"), cells, empty=empty))

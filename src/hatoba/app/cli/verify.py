"""hatoba verify: is everything there, and does it fit together? Called by people and timers, also while hatoba runs.

Never changes anything, but for --reindex and --tidy, which want hatoba stopped.
"""

from collections.abc import Iterable
from pathlib import Path

import click
import msgspec

from hatoba.app import admin_log, heads, lock, offline, verification
from hatoba.app import config as settings_file
from hatoba.app.cli import show
from hatoba.app.settings import Settings
from hatoba.store import backup as store_backup
from hatoba.store.findings import Report
from hatoba.store.trouble import StoreTrouble


def _print(report: Report) -> None:
    looked = ", ".join(f"{count} {what}" for what, count in report.checked.items()) or "nothing could be read"
    click.echo(f"{report.name}: {looked}: " + ("all well" if report.ok else "not well"))
    for finding in report.findings:
        click.echo(f"  {finding.count} × {finding.kind}: {finding.meaning}")
        for example in finding.examples:
            click.echo(f"      {example}")
        if finding.count > len(finding.examples):
            click.echo(f"      … and {finding.count - len(finding.examples)} more")
        click.echo(f"    → {finding.next}")


def _backup(place: Path) -> Report:
    """The backup's files against its manifest."""
    report = Report(f"backup {place}", {}, [])
    manifest, damage = store_backup.check(place, show.progress())
    report.look("files", manifest.files)
    for part in manifest.parts:
        report.look("letters", part.counts.get("letter", 0))
    for sentence in damage:
        report.add("backup-damaged", sentence)
    return report


def _mend(settings: Settings, tidy: bool, as_json: bool) -> int:
    with show.declined(StoreTrouble, lock.Taken), lock.held(offline.places(settings)):
        if tidy:
            count = verification.tidy(settings, admin_log.who())
            said = f"{show.count(count, 'letter')} of which half was left removed."
        else:
            count = verification.reindex(settings)
            said = f"The index of {show.count(count, 'shard')} fills anew once hatoba runs."
    show.either(as_json, {"tidied" if tidy else "reindexed": count}, lambda: click.echo(said))
    return 0


@click.command()
@click.option("--head", "kept", metavar="FILE", type=click.Path(path_type=Path), help="Compare heads kept elsewhere.")
@click.option(
    "--head-key", metavar="FILE", type=click.Path(path_type=Path), help="They must be signed by this key (PEM)."
)
@click.option("--backup", "place", metavar="DIR", type=click.Path(path_type=Path), help="Check the backup in DIR.")
@click.option("--reindex", is_flag=True, help="Instead: make the search index anew (hatoba must be stopped).")
@click.option("--tidy", is_flag=True, help="Instead: remove halves of letters (hatoba must be stopped).")
@show.json_option
@click.pass_obj
def verify(
    options: dict[str, str | None], place: Path | None, reindex: bool, tidy: bool, as_json: bool, kept: Path | None,
    head_key: Path | None,
) -> int:  # fmt: skip
    """Check every row, body and reference; say what is wrong, where, and what to do. Exit status 1 if anything is.

    Reads only, so it may run beside hatoba; SQLite's own check of every page is part of it.
    """
    settings = settings_file.load(options["config"]).settings
    if reindex or tidy:
        return _mend(settings, tidy, as_json)
    reports: list[Report] = []
    with show.declined(StoreTrouble, heads.BadHeads, OSError):
        found: Iterable[Report] = (_backup(place),) if place else verification.reports(settings, show.progress())
        if kept:
            found = [*found, heads.compare(settings, heads.read(kept.read_text(encoding="utf-8"), head_key))]
        for report in found:
            reports.append(report)
            if not as_json:
                _print(report)
    good = all(report.ok for report in reports)
    if as_json:
        show.as_json({"ok": good, "parts": msgspec.to_builtins(reports)})
    return 0 if good else 1

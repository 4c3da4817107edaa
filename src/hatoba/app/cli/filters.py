"""hatoba filter: the checks as they are in force: in their order, where each is asked, what it is worth. Reads only."""

import click

from hatoba.app import certificate
from hatoba.app import config as settings_file
from hatoba.app import filtertable as table_
from hatoba.app.cli import show
from hatoba.intake import ruling


@click.command("filter")
@show.json_option
@click.pass_obj
def filter_(options: dict[str, str | None], as_json: bool) -> None:
    """Show which checks are asked, where, in which order, what each finding is worth, and the thresholds."""
    settings = settings_file.load(options["config"]).settings
    with show.declined(ValueError):
        told = table_.told(settings, certificate.hostname(settings.hostname))
    show.either(as_json, told, lambda: _print(told))


def _print(told: table_.Table) -> None:
    whom = {(True, True): "all", (True, False): "strangers", (False, True): "our own", (False, False): ""}
    rows = [(one.stages, one.phase, one.check, whom[one.outside, one.inside], one.worth) for one in told.checks]
    columns = ("asked at", "phase#", "check", "letters of", "what it is worth")
    show.table("Checks, in the order in which they are asked", columns, rows, empty="No check is asked.")
    show.table(
        "What a score comes to (0: never)",
        ("recipients in", "tag_at#", "junk_at#", "quarantine_at#", "reject_at#"),
        [(one.domain, *(f"{value:g}" for value in one.at)) for one in told.thresholds],
        empty="",
    )
    click.echo("The strongest action counts: " + " < ".join(ruling.ORDER) + "; allow ends the discussion.")

"""hatoba mailbox import, export: an account's letters from Maildirs and mbox files, and into them. Called by people.

Works while hatoba runs. Never removes a letter anywhere.
"""

from pathlib import Path

import click

from hatoba.app import config as settings_file
from hatoba.app import offline
from hatoba.app.cli import show
from hatoba.app.cli.migrate import key_of
from hatoba.app.migrating import files, giving, keeping, reel, roll, taking
from hatoba.model.address import BadAddress
from hatoba.store.trouble import StoreTrouble


@click.group()
def mailbox() -> None:
    """The letters that accounts have."""


@mailbox.command("import")
@click.argument("address")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--into", default="", metavar="MAILBOX", help="Where it goes: an mbox file's box, above a Maildir's.")
@show.json_option
@click.pass_obj
def import_(options: dict[str, str | None], address: str, path: Path, into: str, as_json: bool) -> int:
    """Take the letters at PATH over into the account ADDRESS: a Maildir, an mbox file, or a folder of *.mbox files.

    Flags, keywords and dates come along. A letter that an earlier import put into the same mailbox is not put in
    again, so it may be run again. Exit status 1 when something was left out.
    """
    settings = settings_file.load(options["config"]).settings
    meter = reel.Meter()
    with (
        show.declined(roll.BadRoll, BadAddress, StoreTrouble, ValueError, OSError),
        offline.directory(settings) as directory,
        offline.mailboxes(settings, directory) as post,
    ):
        sink = keeping.Keeping(post, key_of(directory, address))
        report = taking.take(address, files.found(path, into), sink, meter)
    meter.end()

    def people() -> None:
        known = f", {report.known} were here" if report.known else ""
        click.echo(
            f"{show.count(report.letters, 'letter')} taken into {address}, of {report.mailboxes} mailboxes{known}."
        )
        for problem in report.problems:
            click.echo(f"hatoba: {problem}", err=True)

    show.either(as_json, report, people)
    return 0 if report.ok else 1


@mailbox.command()
@click.argument("address")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--form", type=click.Choice(giving.FORMS), default="maildir", show_default=True, help="Of the files.")
@click.option("--only", multiple=True, metavar="MAILBOX", help="Only this mailbox and those below it (repeatable).")
@show.json_option
@click.pass_obj
def export(
    options: dict[str, str | None], address: str, folder: Path, form: str, only: tuple[str, ...], as_json: bool
) -> None:
    """Write the letters of the account ADDRESS into FOLDER, which is new or empty: a Maildir++, or *.mbox files."""
    settings = settings_file.load(options["config"]).settings
    meter = reel.Meter()
    with (
        show.declined(roll.BadRoll, BadAddress, StoreTrouble, ValueError, OSError),
        offline.directory(settings) as directory,
        offline.mailboxes(settings, directory) as post,
    ):
        written = giving.give(post, key_of(directory, address), folder, form, only, meter)
    meter.end()
    total = sum(written.values())
    show.either(
        as_json,
        {"letters": total, "mailboxes": written},
        lambda: click.echo(f"{show.count(total, 'letter')} of {len(written)} mailboxes written to {folder}."),
    )

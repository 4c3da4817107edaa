"""hatoba list allow add, remove, show; hatoba list deny …: who is always let in, who is kept out.

Called by people and scripts. A running hatoba takes a change over within a second; lists of the settings file stay.
"""

from pathlib import Path

import click

from hatoba.app import config as settings_file
from hatoba.app import offline
from hatoba.app.cli import show
from hatoba.directory import listing, listings
from hatoba.directory.entries import BadEntry
from hatoba.directory.listing import Entry

_VALUES = """VALUE is a network or address of a client, a sender ("a@example.org", "example.org", ".example.org" for it
and all below, "<>"), "helo:NAME", or "recipient:ADDRESS or domain"."""

_scope = click.option("--for", "scope", default="", metavar="DOMAIN", help="Only for recipients in this domain.")
_file = click.option(
    "--file",
    "file",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="One VALUE a line, # begins a comment; - reads standard input.",
)


def _row(entry: Entry) -> dict[str, str]:
    return {
        "list": entry.verdict,
        "what": entry.subject,
        "value": entry.value,
        "for": entry.scope,
        "since": show.moment(entry.created),
        "note": entry.note,
    }


def _entries(verdict: str, values: tuple[str, ...], file: Path | None, scope: str, note: str) -> list[Entry]:
    written = [*values]
    if file is not None:
        with click.open_file(str(file), encoding="utf-8") as lines:
            written += [word for line in lines if (word := line.partition("#")[0].strip())]
    if not written:
        show.fail(f"nothing to do: give values, or --file. {' '.join(_VALUES.split())}")
    now = offline.now()
    return [listing.parse(verdict, value, scope, now, note) for value in written]


def _add(verdict: str, options: dict[str, str | None], entries: list[Entry], as_json: bool) -> None:
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(BadEntry):
        fresh = listings.add(directory, entries)

    def say() -> None:
        for entry in entries if len(entries) <= 10 else ():
            click.echo(f"{entry}" + ("" if entry in fresh else " (was there)"))
        click.echo(f"{show.count(len(fresh), 'entry').replace('entrys', 'entries')} new in the {verdict} list.")

    show.either(as_json, [_row(entry) for entry in entries], say)


def _remove(verdict: str, options: dict[str, str | None], entries: list[Entry], as_json: bool) -> None:
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(BadEntry):
        listings.remove(directory, entries)
    show.either(as_json, [_row(entry) for entry in entries], lambda: click.echo(f"{len(entries)} removed."))


def _show(verdict: str, options: dict[str, str | None], scope: str, as_json: bool) -> None:
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(BadEntry):
        entries = [entry for entry in directory.lists.entries if entry.verdict == verdict]
    own = settings.filter.lists.allow if verdict == listing.ALLOW else settings.filter.lists.deny
    entries += [listing.parse(verdict, written, note="in the settings file") for written in own]
    rows = [_row(entry) for entry in entries if scope in ("", entry.scope)]
    columns = ("what", "value", "for", "since", "note")
    cells = [tuple(row[column] for column in columns) for row in rows]
    empty = f"The {verdict} list is empty. Put something in: hatoba list {verdict} add VALUE"
    show.either(as_json, rows, lambda: show.table(f"{verdict} list", columns, cells, empty=empty))


def _group(verdict: str, about: str) -> click.Group:
    @click.group(verdict, help=about)
    def group() -> None: ...

    @group.command("add", help=f"Put entries into the {verdict} list.\n\n{_VALUES}")
    @click.argument("values", nargs=-1, metavar="VALUE...")
    @_scope
    @click.option("--note", default="", help="Why; stands in verdicts and in `hatoba trace`.")
    @_file
    @show.json_option
    @click.pass_obj
    def add(
        options: dict[str, str | None], values: tuple[str, ...], scope: str, note: str, file: Path | None, as_json: bool
    ) -> None:
        with show.declined(BadEntry):
            entries = _entries(verdict, values, file, scope, note)
        _add(verdict, options, entries, as_json)

    @group.command("remove", help=f"Take entries out of the {verdict} list.\n\n{_VALUES}")
    @click.argument("values", nargs=-1, metavar="VALUE...")
    @_scope
    @_file
    @show.json_option
    @click.pass_obj
    def remove(
        options: dict[str, str | None], values: tuple[str, ...], scope: str, file: Path | None, as_json: bool
    ) -> None:
        with show.declined(BadEntry):
            entries = _entries(verdict, values, file, scope, "")
        _remove(verdict, options, entries, as_json)

    @group.command("show", help=f"Show the {verdict} list, the settings file's part too.")
    @_scope
    @show.json_option
    @click.pass_obj
    def show_(options: dict[str, str | None], scope: str, as_json: bool) -> None:
        _show(verdict, options, scope, as_json)

    return group


@click.group("list")
def list_() -> None:
    """Allow and deny lists: clients, senders, recipients; in force within a second."""


list_.add_command(_group(listing.ALLOW, "Who is always let in: nothing but viruses is asked about them."))
list_.add_command(_group(listing.DENY, "Who is kept out with 550 5.7.1."))

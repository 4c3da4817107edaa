"""hatoba domain add, list, remove. Called by people; never touches DNS."""

import click

from hatoba.app import config as settings_file
from hatoba.app import keyring, offline
from hatoba.app.cli import show
from hatoba.app.settings import Settings
from hatoba.directory import changes
from hatoba.directory.directory import Directory
from hatoba.directory.entries import LOCAL, RELAY, BadEntry
from hatoba.store.trouble import StoreTrouble


@click.group()
def domain() -> None:
    """Domains whose mail is taken here from everybody."""


@domain.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--relay", is_flag=True, help="Pass its mail on instead of keeping mailboxes here.")
@show.json_option
@click.pass_obj
def add(options: dict[str, str | None], names: tuple[str, ...], relay: bool, as_json: bool) -> None:
    """Take mail for domains: local mailboxes, or --relay to pass it on."""
    settings = settings_file.load(options["config"]).settings
    made = []
    with offline.directory(settings) as directory, show.declined(BadEntry):
        for name in names:
            made.append(changes.add_domain(directory, name, RELAY if relay else LOCAL, offline.now()))
            if not as_json:
                click.echo(f"{made[-1].name} added ({made[-1].kind}).")
        if settings.dkim.new_domains and not relay:
            _keys(settings, directory, [one.name for one in made], as_json)
    if as_json:
        show.as_json([{"name": one.name, "kind": one.kind} for one in made])


def _keys(settings: Settings, directory: Directory, names: list[str], as_json: bool) -> None:
    """DKIM keys for new domains; a domain is there without them, too."""
    for name in names:
        try:
            keys = keyring.new(settings, directory, name) if name not in directory.snapshot().dkim else []
        except (BadEntry, StoreTrouble, ValueError) as error:
            click.echo(f"No DKIM keys were made for {name}: {error}", err=True)
            continue
        if keys and not as_json:
            listed = " and ".join(key.selector for key in keys)
            click.echo(
                f"DKIM keys {listed} made; they sign once they are published. What to publish: hatoba dns {name}"
            )


@domain.command("list")
@show.json_option
@click.pass_obj
def list_(options: dict[str, str | None], as_json: bool) -> None:
    """List the domains."""
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory:
        rows = [
            {"name": found.name, "kind": found.kind, "created": show.moment(found.created)}
            for found in changes.domains(directory)
        ]
    empty = "No domain yet. Add one: hatoba domain add your.domain"
    cells = [tuple(row.values()) for row in rows]
    show.either(as_json, rows, lambda: show.table("Domains", ("name", "kind", "created"), cells, empty=empty))


@domain.command()
@click.argument("name")
@click.pass_obj
def remove(options: dict[str, str | None], name: str) -> None:
    """Take no more mail for a domain; refused while it has accounts."""
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(BadEntry):
        changes.remove_domain(directory, name)
        keys = directory.snapshot().dkim.get(changes.domain_name(name), ())
    click.echo(f"{name} removed.")
    if keys:
        click.echo(f"Its DKIM keys stay, for letters it may still send: hatoba dkim list {name}")

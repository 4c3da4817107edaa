"""hatoba srs show, rotate, reverse: the return addresses of forwarded letters. Called by people.

Never prints a secret.
"""

import secrets

import click

from hatoba.app import config as settings_file
from hatoba.app import offline
from hatoba.app.cli import show
from hatoba.directory import returns
from hatoba.intake.rewriting import srs as srs_
from hatoba.model.address import Address, BadAddress

_OCTETS = 32


@click.group()
def srs() -> None:
    """Return addresses (SRS) of letters that are forwarded to the outside."""


@srs.command("show")
@show.json_option
@click.pass_obj
def show_(options: dict[str, str | None], as_json: bool) -> None:
    """List the secrets: the one in use, and those that addresses on their way may still be signed with."""
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory:
        rows = [
            {"created": show.moment(row.created), "use": "believed" if number else "in use"}
            for number, row in enumerate(returns.listed(directory))
        ]
    cells = [tuple(row.values()) for row in rows]
    empty = "No secret yet: the first start makes one, and so does: hatoba srs rotate"
    show.either(as_json, rows, lambda: show.table("Secrets", ("created", "use"), cells, empty=empty))


@srs.command()
@click.pass_obj
def rotate(options: dict[str, str | None]) -> None:
    """Sign with a new secret from now on; what the old ones have signed stays good for its time."""
    settings = settings_file.load(options["config"]).settings
    days = settings.rewrite.srs.age
    with offline.directory(settings) as directory:
        kept = returns.rotate(directory, secrets.token_bytes(_OCTETS), offline.now(), days)
    click.echo(f"A new secret is in use; {show.count(kept, 'old one')} believed for up to {days} days.")


@srs.command()
@click.argument("address")
@show.json_option
@click.pass_obj
def reverse(options: dict[str, str | None], address: str, as_json: bool) -> None:
    """Show the sender behind a return address. Exit status 1 when it is none of ours, or too old."""
    settings = settings_file.load(options["config"]).settings
    chosen = settings.rewrite.srs
    with offline.directory(settings) as directory, show.declined(ValueError, BadAddress):
        made = srs_.Srs(directory.snapshot().secrets, width=chosen.hash, age=chosen.age)
        back = made.reverse(Address.parse(address.strip("<>")), offline.now())
    show.either(as_json, {"address": address, "sender": str(back)}, lambda: click.echo(str(back)))

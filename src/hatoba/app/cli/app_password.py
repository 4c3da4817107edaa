"""hatoba app-password add, list, revoke. Called by people: a password for each program or device of an account.

Never shows one twice and never takes one as an argument: it is made here, of chance.
"""

import secrets

import click

from hatoba.app import config as settings_file
from hatoba.app import offline
from hatoba.app.cli import show
from hatoba.directory import allowing, app_passwords
from hatoba.directory.access import AppPassword
from hatoba.directory.entries import BadEntry


def _row(made: AppPassword, used: dict[str, int]) -> dict[str, object]:
    return {
        "id": made.id,
        "label": made.label,
        "protocols": list(made.protocols),
        "created": show.moment(made.created),
        "last_used": show.moment(used.get(made.id, 0)),
    }


@click.group("app-password")
def app_password() -> None:
    """App passwords: one for each program or device, so that each can be taken back alone."""


@app_password.command()
@click.argument("address")
@click.argument("label")
@click.option(
    "--for", "protocols", multiple=True, metavar="PROTOCOL",
    help="Only for this protocol: smtp, imap, pop3 or sieve; may be repeated. Default: all.",
)  # fmt: skip
@show.json_option
@click.pass_obj
def add(options: dict[str, str | None], address: str, label: str, protocols: tuple[str, ...], as_json: bool) -> None:
    """Make an app password for ADDRESS and show it once. LABEL says what it is for: "phone", "web shop"."""
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(BadEntry):
        made, text = app_passwords.add(
            directory, address, label, protocols, secrets.token_bytes(app_passwords.CHANCE), offline.now()
        )
    scope = f" for {', '.join(made.protocols)}" if made.protocols else ""
    line = f"App password {made.id} ({made.label}){scope}: {text} (shown once)"
    show.either(as_json, _row(made, {}) | {"password": text}, lambda: click.echo(line))


@app_password.command("list")
@click.argument("address")
@show.json_option
@click.pass_obj
def list_(options: dict[str, str | None], address: str, as_json: bool) -> None:
    """List the app passwords of ADDRESS and when each was last used (to the hour)."""
    settings = settings_file.load(options["config"]).settings
    used: dict[str, int] = {}
    with offline.directory(settings) as directory, show.declined(BadEntry):
        found = app_passwords.of(directory, address)
        for rows in allowing.logins(directory).values():
            for row in rows:
                used[row.password] = max(row.at, used.get(row.password, 0))
    listed = [_row(one, used) for one in found]
    cells = [
        (row["id"], row["label"], ", ".join(one.protocols) or "all", row["created"], row["last_used"] or "never")
        for row, one in zip(listed, found, strict=True)
    ]
    empty = f'No app password yet. Make one: hatoba app-password add {address} "phone"'
    columns = ("id", "label", "for", "created", "last used")
    show.either(as_json, listed, lambda: show.table("App passwords", columns, cells, empty=empty))


@app_password.command()
@click.argument("address")
@click.argument("which", nargs=-1, metavar="[ID or LABEL]...")
@click.option("--all", "every", is_flag=True, help="All of them.")
@click.pass_obj
def revoke(options: dict[str, str | None], address: str, which: tuple[str, ...], every: bool) -> None:
    """Take app passwords back: no new login with them from the next second on."""
    if bool(which) == every:
        show.fail(f"name those to take back, or --all; which there are: hatoba app-password list {address}")
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(BadEntry):
        gone = app_passwords.revoke(directory, address, which)
    for one in gone:
        click.echo(f"App password {one.id} ({one.label}) revoked.")
    if not gone:
        click.echo(f"{address} has no app password.")

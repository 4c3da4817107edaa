"""hatoba account add, passwd, list, disable, enable, remove. Called by people; passwords are asked, piped or generated.

Never takes a password as an argument: arguments stand in the process list.
"""

import secrets
import sys

import click

from hatoba.app import config as settings_file
from hatoba.app import offline
from hatoba.app.cli import show
from hatoba.directory import changes, passwords
from hatoba.directory.entries import Account, BadEntry

generate_option = click.option("--generate", is_flag=True, help="Make a password and print it once.")


def _password(generate: bool) -> str:
    """Generated, read from a pipe's first line, or asked twice."""
    if generate:
        return passwords.generate_password(secrets.token_bytes(32))
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


def _row(account: Account) -> dict[str, object]:
    return {
        "address": str(account.address),
        "enabled": account.enabled,
        "created": show.moment(account.created),
        "last_login": show.moment(account.last_login),
    }


def _say(account: Account, password: str, generated: bool, as_json: bool, verb: str) -> None:
    facts = _row(account) | ({"password": password} if generated else {})
    line = f"{account.address} {verb}." + (f" Password: {password} (shown once)" if generated else "")
    show.either(as_json, facts, lambda: click.echo(line))


@click.group()
def account() -> None:
    """Accounts: who may log in and has a mailbox here."""


@account.command()
@click.argument("address")
@generate_option
@show.json_option
@click.pass_obj
def add(options: dict[str, str | None], address: str, generate: bool, as_json: bool) -> None:
    """Add an account; the password is asked, or read from a pipe's first line."""
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(BadEntry, passwords.BadPassword):
        password = _password(generate)
        salt = secrets.token_bytes(16)
        made = changes.add_account(directory, address, password, salt, offline.now(), generated=generate)
    _say(made, password, generate, as_json, "added")


@account.command()
@click.argument("address")
@generate_option
@show.json_option
@click.pass_obj
def passwd(options: dict[str, str | None], address: str, generate: bool, as_json: bool) -> None:
    """Set a new password."""
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(BadEntry, passwords.BadPassword):
        password = _password(generate)
        salt = secrets.token_bytes(16)
        made = changes.passwd(directory, address, password, salt, offline.now(), generated=generate)
    _say(made, password, generate, as_json, "has a new password")


@account.command("list")
@click.argument("domain", required=False, default="")
@show.json_option
@click.pass_obj
def list_(options: dict[str, str | None], domain: str, as_json: bool) -> None:
    """List the accounts, of DOMAIN or all."""
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(BadEntry):
        rows = [_row(found) for found in changes.accounts(directory, domain)]
    columns = ("address", "enabled", "created", "last login")
    empty = "No account yet. Add one: hatoba account add user@your.domain"
    cells = [tuple(row.values()) for row in rows]
    show.either(as_json, rows, lambda: show.table("Accounts", columns, cells, empty=empty))


def _switch(options: dict[str, str | None], address: str, enabled: bool) -> None:
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(BadEntry):
        changes.enable(directory, address, enabled, offline.now())
    click.echo(f"{address} is {'enabled' if enabled else 'disabled'}.")


@account.command()
@click.argument("address")
@click.pass_obj
def disable(options: dict[str, str | None], address: str) -> None:
    """No login and no new mail for this account; what it has stays."""
    _switch(options, address, False)


@account.command()
@click.argument("address")
@click.pass_obj
def enable(options: dict[str, str | None], address: str) -> None:
    """Undo disable."""
    _switch(options, address, True)


@account.command()
@click.argument("address")
@click.pass_obj
def remove(options: dict[str, str | None], address: str) -> None:
    """Remove an account; its delivered mail stays on disk."""
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(BadEntry):
        changes.remove_account(directory, address)
    click.echo(f"{address} removed.")

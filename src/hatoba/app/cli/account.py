"""hatoba account add, passwd, list, show, allow, deny, quota, disable, enable, remove. Called by people; passwords are
asked, piped or generated.

Never takes a password as an argument: arguments stand in the process list.
"""

import secrets
import sys
from collections.abc import Sequence
from typing import Any

import click

from hatoba.app import config as settings_file
from hatoba.app import offline
from hatoba.app.cli import show
from hatoba.directory import access, allowing, changes, passwords, roster
from hatoba.directory.directory import Directory
from hatoba.directory.entries import Account, BadEntry
from hatoba.kit import units
from hatoba.store.access import LoginRow

generate_option = click.option("--generate", is_flag=True, help="Make a password and print it once.")


def _password(generate: bool) -> str:
    """Generated, read from a pipe's first line, or asked twice."""
    if generate:
        return passwords.generate_password(secrets.token_bytes(32))
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


def _row(account: Account, logins: Sequence[LoginRow] = ()) -> dict[str, object]:
    last = max((row.at for row in logins), default=0)
    return {
        "address": str(account.address),
        "enabled": account.enabled,
        "created": show.moment(account.created),
        "last_login": show.moment(max(last, account.last_login)),
        "off": list(account.off),
        "app_passwords": len(account.passwords),
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
    if made.passwords and not as_json:
        left = show.count(len(made.passwords), "app password")
        click.echo(f"Its {left} go on working; to take them back: hatoba app-password revoke {made.address} --all")


@account.command("list")
@click.argument("domain", required=False, default="")
@show.json_option
@click.pass_obj
def list_(options: dict[str, str | None], domain: str, as_json: bool) -> None:
    """List the accounts, of DOMAIN or all."""
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(BadEntry):
        logins = allowing.logins(directory)
        rows = [_row(found, logins.get(found.key, ())) for found in changes.accounts(directory, domain)]
    columns = ("address", "enabled", "created", "last login", "off", "app passwords#")
    empty = "No account yet. Add one: hatoba account add user@your.domain"
    cells = [[", ".join(cell) if isinstance(cell, list) else cell for cell in row.values()] for row in rows]
    show.either(as_json, rows, lambda: show.table("Accounts", columns, cells, empty=empty))


@account.command("show")
@click.argument("address")
@show.json_option
@click.pass_obj
def show_(options: dict[str, str | None], address: str, as_json: bool) -> None:
    """Show one account: its addresses, protocols, quota, last logins."""
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(BadEntry):
        facts = _facts(directory, address)
    show.either(as_json, facts, lambda: _people(facts))


def _facts(directory: Directory, written: str) -> dict[str, Any]:
    found = directory.login(str(changes.address(written)))
    if found is None:
        raise changes.unknown(written)
    logins = allowing.logins(directory, found.key).get(found.key, ())
    quota = directory.quota(found)
    labels = {one.id: one.label for one in found.passwords} | {"": ""}
    return _row(found, logins) | {
        "aliases": [alias.key for alias in roster.listed(directory) if found.key in map(str.casefold, alias.to)],
        "quota": {"octets": quota.octets, "letters": quota.letters, "own": found.quota != (None, None)},
        "logins": [
            {
                "protocol": row.protocol,
                "app_password": labels.get(row.password, row.password),
                "at": show.moment(row.at),
            }
            for row in logins
        ],
    }


def _people(facts: dict[str, Any]) -> None:
    octets, letters = facts["quota"]["octets"], facts["quota"]["letters"]
    held = [units.show_bytes(octets)] if octets else []
    held += [show.count(letters, "letter")] if letters else []
    allowed = [word for word in access.PROTOCOLS if word not in facts["off"]]
    lines = [
        ("address", facts["address"] + ("" if facts["enabled"] else " (disabled)")),
        ("aliases", ", ".join(facts["aliases"]) or "none"),
        ("may use", ", ".join(allowed) or "nothing"),
        ("quota", (", ".join(held) or "no limit") + ("" if facts["quota"]["own"] else " (as the settings say)")),
        ("app passwords", str(facts["app_passwords"])),
        ("created", facts["created"]),
    ]
    for row in facts["logins"]:
        by = f" with {row['app_password']!r}" if row["app_password"] else ""
        lines.append((f"last {row['protocol']}", row["at"] + by))
    for name, text in lines:
        click.echo(f"{name:14} {text}")


def _allow(options: dict[str, str | None], address: str, protocols: tuple[str, ...], on: bool) -> None:
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(BadEntry):
        made = allowing.switch(directory, address, protocols, on, offline.now())
    allowed = [word for word in access.PROTOCOLS if word not in made.off]
    click.echo(f"{made.address} may use {', '.join(allowed) or 'nothing'}.")


@account.command()
@click.argument("address")
@click.argument("protocols", nargs=-1, required=True, metavar="PROTOCOL...")
@click.pass_obj
def allow(options: dict[str, str | None], address: str, protocols: tuple[str, ...]) -> None:
    """Let ADDRESS log in over smtp, imap, pop3 or sieve again."""
    _allow(options, address, protocols, True)


@account.command()
@click.argument("address")
@click.argument("protocols", nargs=-1, required=True, metavar="PROTOCOL...")
@click.pass_obj
def deny(options: dict[str, str | None], address: str, protocols: tuple[str, ...]) -> None:
    """No login over smtp (sending), imap, pop3 or sieve (filters) for ADDRESS; its mail still arrives."""
    _allow(options, address, protocols, False)


@account.command()
@click.argument("address")
@click.option("--size", default="", metavar="SIZE", help='Most it may hold: "5GB"; 0: no limit.')
@click.option("--letters", type=click.IntRange(min=0), default=None, help="Most letters it may hold; 0: no limit.")
@click.option("--default", "default", is_flag=True, help="As the settings say, but for what else is given here.")
@click.pass_obj
def quota(options: dict[str, str | None], address: str, size: str, letters: int | None, default: bool) -> None:
    """Set how much the mailbox of ADDRESS may hold."""
    settings = settings_file.load(options["config"]).settings
    if not size and letters is None and not default:
        show.fail(f"give --size, --letters or --default; what is in force: hatoba account show {address}")
    with offline.directory(settings) as directory, show.declined(BadEntry, ValueError):
        octets = units.bytes_(size) if size else None
        made = allowing.quota(directory, address, octets, letters, offline.now(), keep=not default)
        found = directory.quota(made)
    held = [units.show_bytes(found.octets) if found.octets else "any size"]
    held.append(show.count(found.letters, "letter") if found.letters else "any number of letters")
    click.echo(f"{made.address} may hold {' and '.join(held)}.")


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
    """Remove an account with its mailboxes; nobody who gets the address later finds them."""
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(BadEntry):
        found = directory.login(address)
        changes.remove_account(directory, address)
        if found is not None:
            offline.forget_mail(settings, found.key)
    click.echo(f"{address} removed.")

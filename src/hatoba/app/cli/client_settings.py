"""hatoba client-settings ADDRESS: what to enter in mail programs, and settings to paste for programs that send.

Called by people, who hand it on to the owner of the account; never prints a password.
"""

import click

from hatoba.app import client_settings as client_settings_
from hatoba.app import config as settings_file
from hatoba.app import offline, snippets
from hatoba.app.cli import show
from hatoba.directory import changes
from hatoba.directory.entries import BadEntry

_TITLES = {
    "thunderbird": "Thunderbird", "outlook": "Outlook", "apple": "Apple Mail", "wordpress": "WordPress",
    "django": "Django", "rails": "Rails", "laravel": "Laravel", "node": "Node", "python": "Python",
}  # fmt: skip


def _people(told: client_settings_.Told) -> None:
    click.echo(f"Settings for {told.address}\n")
    click.echo(f"User name   {told.username} (the whole address)")
    click.echo(f'Password    its own, or better one for each program: hatoba app-password add {told.address} "phone"')
    for title, doors in (("Sending", told.sending), ("Reading", told.reading), ("Filters", told.filters)):
        for number, door in enumerate(doors):
            name = title if not number else ""
            protocol = "ManageSieve" if door.protocol == "SIEVE" else door.protocol
            line = f"{name:11} {protocol} {door.host} port {door.port}, {door.security}"
            click.echo(line + (f"; {door.why}" if door.why else ""))
    if not told.reading:
        click.echo("Reading     no door for it: neither IMAP nor POP3 listens here for this account")
    click.echo(f"\n{told.not_25}")
    for name, text in told.programs.items():
        click.echo(f"\n-- {_TITLES[name]} --\n{text.rstrip()}")


@click.command("client-settings")
@click.argument("address")
@click.option("--for", "program", type=click.Choice(snippets.PROGRAMS), default=None, help="Only what this one needs.")
@show.json_option
@click.pass_obj
def client_settings(options: dict[str, str | None], address: str, program: str | None, as_json: bool) -> None:
    """What to enter in mail programs, and what to paste into programs that send, for the account ADDRESS."""
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(BadEntry):
        account = directory.login(str(changes.address(address)))
        if account is None:
            raise changes.unknown(address)
    told = client_settings_.told(settings, account.address, account.off)
    if program and program not in told.programs:
        show.fail(f"{_TITLES[program]} cannot be set up: a door it needs does not listen here for {address}")
    if as_json:
        found = client_settings_.as_values(told)
        show.as_json(found["programs"][program] if program else found)
    elif program:
        click.echo(told.programs[program], nl=False)
    else:
        _people(told)

"""hatoba migrate imap: pulls accounts' mail from another IMAP server. Called by people; works while hatoba runs.

Never takes a password as an argument: arguments stand in the process list.
"""

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple, get_args

import click

from hatoba.app import config as settings_file
from hatoba.app import offline
from hatoba.app.cli import show
from hatoba.app.migrating import keeping, pull, reel, roll, source
from hatoba.directory.directory import Directory
from hatoba.mailboxes.post import Post
from hatoba.model.address import Address, BadAddress

VARIABLE = "HATOBA_MIGRATE_PASSWORD"
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_Work = Callable[[roll.Entry], pull.Report]


class Asked(NamedTuple):
    """What the verb was told of the source."""

    server: source.Server
    wishes: pull.Wishes
    jobs: int


@click.group()
def migrate() -> None:
    """Accounts that move here from other servers."""


@migrate.command("imap")
@click.argument("host")
@click.argument("address", required=False, default="")
@click.option("--user", default="", help="Name to log in with there. Default: ADDRESS.")
@click.option("--password-file", type=_FILE, help=f"File whose first line is the password (or ${VARIABLE}).")
@click.option("--accounts", type=_FILE, help="CSV file of many accounts: account,user,password or password_file.")
@click.option("--jobs", default=4, type=click.IntRange(1, 64), show_default=True, help="Accounts pulled at once.")
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="Default: 993, without implicit TLS 143.")
@click.option(
    "--tls",
    default="implicit",
    type=click.Choice(get_args(source.Tls)),
    show_default=True,
    help="How passwords are protected on their way; none: not at all.",
)
@click.option("--ca", type=_FILE, help="File of certificate authorities to trust, besides this machine's.")
@click.option("--insecure", is_flag=True, help="Take any certificate. Whoever sits between may read the passwords.")
@click.option("--token", is_flag=True, help="The password is an OAuth 2 access token (XOAUTH2).")
@click.option("--only", multiple=True, metavar="MAILBOX", help="Only this mailbox and those below it (repeatable).")
@click.option("--without", multiple=True, metavar="MAILBOX", help="Leave it and those below it (repeatable).")
@click.option("--flags", is_flag=True, help="Letters pulled before get the flags they have there now.")
@click.option("--dry-run", is_flag=True, help="Only count what would be pulled.")
@show.json_option
@click.pass_obj
def imap(
    options: dict[str, str | None],
    host: str,
    address: str,
    user: str,
    password_file: Path | None,
    accounts: Path | None,
    jobs: int,
    port: int,
    tls: source.Tls,
    ca: Path | None,
    insecure: bool,
    token: bool,
    only: tuple[str, ...],
    without: tuple[str, ...],
    flags: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Pull all mail of the account ADDRESS from the IMAP server HOST: mailboxes, flags, keywords, dates, subscriptions.

    The source is not changed. Run it again as often as you like: what is here already is not asked for again, so a
    first run may be made days before the move, and a last one, with --flags, after it. The password is asked, or read
    from --password-file, from $HATOBA_MIGRATE_PASSWORD, or from a pipe's first line. Exit status 1 when something was
    left out.
    """
    settings = settings_file.load(options["config"]).settings
    asked = Asked(source.Server(host, port, tls, ca, insecure), pull.Wishes(only, without, flags, dry_run), jobs)
    meter = reel.Meter()
    with offline.directory(settings) as directory, show.declined(roll.BadRoll, BadAddress, OSError):
        entries = _entries(address, user, password_file, accounts, token)
        keys = {entry.account: key_of(directory, entry.account) for entry in entries}
        with offline.mailboxes(settings, directory) as post:
            reports = roll.run(entries, partial(_pulled, asked, meter, post, keys), asked.jobs)
    meter.end()
    show.either(as_json, reports, lambda: _print(reports, dry_run))
    return 0 if all(report.ok for report in reports) else 1


def _pulled(asked: Asked, meter: reel.Meter, post: Post, keys: dict[str, str], entry: roll.Entry) -> pull.Report:
    sink = keeping.Keeping(post, keys[entry.account])
    connect = partial(source.Source, asked.server, entry.who)
    report = pull.Pull(entry.account, connect, sink, asked.wishes, meter).run()
    meter.say(f"{entry.account}: {'done' if report.ok else 'ended with problems'}")
    return report


def _entries(
    address: str, user: str, password_file: Path | None, accounts: Path | None, token: bool
) -> list[roll.Entry]:
    if accounts is not None:
        if address or user or password_file:
            raise click.UsageError("--accounts names the accounts: leave ADDRESS, --user and --password-file away")
        return roll.read(accounts, token=token)
    if not address:
        raise click.UsageError("name the ADDRESS of the account here, or a file of many with --accounts")
    password = _password(password_file, user or address)
    return [roll.Entry(address, source.Who(user or address, password, token))]


def _password(file: Path | None, user: str) -> str:
    """Of a file, the environment, a pipe's first line, or asked."""
    if file is not None:
        return roll.secret(file)
    known = os.environ.get(VARIABLE, "")
    if known:
        return known
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    return str(click.prompt(f"Password of {user} there", hide_input=True))


def key_of(directory: Directory, written: str) -> str:
    """The key of an account that is here. BadRoll, BadAddress."""
    found = directory.account(Address.parse(written))
    if found is None or str(found.address.domain) != Address.parse(written).domain:
        raise roll.BadRoll(f"there is no account {written} here. Add it first: hatoba account add {written}")
    return found.key


def _print(reports: list[pull.Report], dry: bool) -> None:
    rows = [
        (
            report.account, report.mailboxes, report.letters, report.known, report.flagged,
            f"{report.octets / 1_000_000:,.1f}", f"{report.seconds:,.1f}", "yes" if report.ok else "no",
        )
        for report in reports
    ]  # fmt: skip
    columns = ("account", "mailboxes#", "letters#", "known#", "flags#", "MB#", "seconds#", "all")
    show.table("Looked at" if dry else "Pulled", columns, rows, empty="The file names no account.")
    for report in reports:
        for problem in report.problems:
            click.echo(f"{report.account}: {problem}", err=True)

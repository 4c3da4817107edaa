"""hatoba dkim new, list, show, rotate, start, retire, remove, import, export, reseal. Called by people and scripts.

Never prints a private key but for `export`, which is asked to; never asks the DNS (that is `hatoba dns`).
"""

import sys
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import click

from hatoba.app import config as settings_file
from hatoba.app import keyring, offline
from hatoba.app.cli import show
from hatoba.directory import changes as domains
from hatoba.directory import dkim_key
from hatoba.directory.directory import Directory
from hatoba.directory.dkim import changes, making
from hatoba.directory.dkim_key import Key
from hatoba.directory.entries import BadEntry
from hatoba.kit import sealing, units
from hatoba.store import exports, master_key
from hatoba.store.trouble import StoreTrouble

_ALGORITHM = click.Choice([*making.ALGORITHMS, "both"])
_NO = (BadEntry, StoreTrouble, sealing.BadSeal)


def _moment(context: click.Context, parameter: click.Parameter, value: str | None) -> int:
    """A date, or a date and time in this machine's zone, as ms; 0 for none."""
    if not value:
        return 0
    try:
        return round(datetime.fromisoformat(value).astimezone().timestamp() * 1000)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no date; write 2026-12-01 or 2026-12-01T08:00") from None


def _duration(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    try:
        return units.seconds(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


now_option = click.option("--now", "at_once", is_flag=True, help="Sign at once, published or not.")
at_option = click.option(
    "--at", "at", callback=_moment, metavar="DATE", help="Sign from this date on, published or not."
)
overlap_option = click.option(
    "--overlap", callback=_duration, metavar="TIME", help="How long records of old keys must stay (dkim.overlap)."
)
algorithm_option = click.option("--algorithm", type=_ALGORITHM, default=None, help="Kind of key (dkim.algorithms).")
selector_option = click.option("--selector", default="", help="Name of the key; without it the date and the kind.")


def _row(key: Key, now: int) -> dict[str, object]:
    return {
        "domain": key.domain, "selector": key.selector, "algorithm": key.algorithm, "state": key.state(now),
        "created": show.moment(key.created), "signs": show.moment(key.signs), "stops": show.moment(key.stops),
        "retires": show.moment(key.retires), "replaces": list(key.replaces), "record": key.record, "name": key.name,
    }  # fmt: skip


def _told(keys: list[Key], as_json: bool, verb: str) -> None:
    """What was made, and the next step."""
    now = offline.now()
    if as_json:
        show.as_json([_row(key, now) for key in keys])
        return
    for key in keys:
        click.echo(f"{key.domain}: {key.algorithm} key {key.selector} {verb}; it {dkim_key.MEANINGS[key.state(now)]}.")
    if keys:
        click.echo(f"Publish it (records ready to paste): hatoba dns {keys[0].domain}")


@click.group()
def dkim() -> None:
    """DKIM keys: made, rotated, retired; letters are signed with those in use."""


@dkim.command()
@click.argument("domain")
@selector_option
@algorithm_option
@now_option
@at_option
@show.json_option
@click.pass_obj
def new(
    options: dict[str, str | None],
    domain: str,
    selector: str,
    algorithm: str | None,
    at_once: bool,
    at: int,
    as_json: bool,
) -> None:
    """Make keys for a domain; they sign as soon as their records are seen in the DNS."""
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(*_NO):
        signs = offline.now() if at_once else at
        made = keyring.new(settings, directory, domain, selector=selector, algorithm=algorithm or "", signs=signs)
    _told(made, as_json, "made")


@dkim.command()
@click.argument("domain")
@selector_option
@algorithm_option
@now_option
@at_option
@overlap_option
@show.json_option
@click.pass_obj
def rotate(
    options: dict[str, str | None],
    domain: str,
    selector: str,
    algorithm: str | None,
    at_once: bool,
    at: int,
    overlap: float | None,
    as_json: bool,
) -> None:
    """Make new keys beside those in use; each takes over when it is published, the old records stay for a while."""
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(*_NO):
        signs = offline.now() if at_once else at
        made = keyring.rotate(
            settings, directory, domain, selector=selector, algorithm=algorithm or "", signs=signs, overlap=overlap
        )
    _told(made, as_json, f"made, to take the place of {', '.join(name for key in made for name in key.replaces)}")


@dkim.command("list")
@click.argument("domain", required=False, default="")
@show.json_option
@click.pass_obj
def list_(options: dict[str, str | None], domain: str, as_json: bool) -> None:
    """List the keys and what each is doing."""
    settings = settings_file.load(options["config"]).settings
    now = offline.now()
    with offline.directory(settings) as directory, show.declined(*_NO):
        name = domains.domain_name(domain) if domain else ""
        known = directory.snapshot().dkim
        found = [key for owner in sorted(known) if name in ("", owner) for key in known[owner]]
        master = keyring.master(settings)
    rows = [_row(key, now) | {"usable": master is not None and key.mark == master.mark} for key in found]
    columns = ("domain", "selector", "algorithm", "state", "signs", "retires")
    cells = [tuple(str(row[column] or "") for column in columns) for row in rows]
    empty = f"No key yet. Make some: hatoba dkim new {name or 'your.domain'}"

    def people() -> None:
        show.table("DKIM keys", columns, cells, empty=empty)
        for state in dict.fromkeys(key.state(now) for key in found):
            click.echo(f"{state}: {dkim_key.MEANINGS[state]}")
        if not all(row["usable"] for row in rows):
            click.echo("Some keys are sealed under another master key than this node's: nothing is signed with them.")

    show.either(as_json, rows, people)


def _find(directory: Directory, domain: str, selector: str) -> Key:
    name = domains.domain_name(domain)
    for key in directory.snapshot().dkim.get(name, ()):
        if key.selector == selector:
            return key
    raise BadEntry(f"{name} has no key with the selector {selector}; see: hatoba dkim list {name}")


@dkim.command("show")
@click.argument("domain")
@click.argument("selector")
@show.json_option
@click.pass_obj
def show_(options: dict[str, str | None], domain: str, selector: str, as_json: bool) -> None:
    """Show one key: its life, and its record to paste."""
    settings = settings_file.load(options["config"]).settings
    now = offline.now()
    with offline.directory(settings) as directory, show.declined(*_NO):
        key = _find(directory, domain, selector)
    row = _row(key, now)

    def people() -> None:
        for name, value in row.items():
            if name not in ("record", "name") and value:
                click.echo(f"{name:10} {', '.join(value) if isinstance(value, list) else value}")
        click.echo(f"meaning    {dkim_key.MEANINGS[key.state(now)]}\n\n{keyring.zone_line(key)}")

    show.either(as_json, row, people)


@dkim.command()
@click.argument("domain")
@click.argument("selector")
@click.pass_obj
def start(options: dict[str, str | None], domain: str, selector: str) -> None:
    """Sign with a key from now on, without waiting to see its record; those it replaces stop."""
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(*_NO):
        key = _find(directory, domain, selector)
        if changes.begin(directory, key.domain, selector, offline.now()) is None:
            raise BadEntry(f"{selector} of {key.domain} does not wait for anything: it is {key.state(offline.now())}")
    click.echo(f"{selector} signs for {key.domain} from now on.")


@dkim.command()
@click.argument("domain")
@click.argument("selector")
@overlap_option
@click.option("--force", is_flag=True, help="Even if it is the last key that signs.")
@click.pass_obj
def retire(options: dict[str, str | None], domain: str, selector: str, overlap: float | None, force: bool) -> None:
    """Sign with a key no more; its record must stay until letters under way have arrived."""
    settings = settings_file.load(options["config"]).settings
    left = round((settings.dkim.overlap if overlap is None else overlap) * 1000)
    with offline.directory(settings) as directory, show.declined(*_NO):
        name = domains.domain_name(domain)
        key = changes.retire(directory, name, selector, offline.now(), left, force=force)
    click.echo(f"{selector} of {name} signs no more. Leave its record in the DNS until {show.moment(key.retires)}.")


@dkim.command()
@click.argument("domain")
@click.argument("selector")
@click.option("--force", is_flag=True, help="Even if it signs, or its record must still stand.")
@click.pass_obj
def remove(options: dict[str, str | None], domain: str, selector: str, force: bool) -> None:
    """Remove a key for good, once it is retired."""
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(*_NO):
        name = domains.domain_name(domain)
        changes.remove(directory, name, selector, offline.now(), force=force)
    click.echo(f"{selector} of {name} removed. Remove its record from the DNS too: {selector}._domainkey.{name}")


@dkim.command("import")
@click.argument("domain")
@click.argument("selector")
@click.argument("file", type=click.File("rb"))
@now_option
@at_option
@show.json_option
@click.pass_obj
def import_(
    options: dict[str, str | None],
    domain: str,
    selector: str,
    file: BinaryIO,
    at_once: bool,
    at: int,
    as_json: bool,
) -> None:
    """Bring a private key from elsewhere (PEM, as OpenDKIM has it, or Ed25519 in base64); - reads standard input."""
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(*_NO):
        one = making.Made(making.selector(selector), making.read(file.read()))
        signs = offline.now() if at_once else at
        made = keyring.keep(settings, directory, domains.domain_name(domain), [one], signs=signs)
    _told(made, as_json, "imported")


@dkim.command()
@click.argument("domain")
@click.argument("selector")
@click.option(
    "--out", type=click.Path(path_type=Path), help="File to write, for its owner alone; else standard output."
)
@click.pass_obj
def export(options: dict[str, str | None], domain: str, selector: str, out: Path | None) -> None:
    """Write a private key as PEM, not encrypted: for another program. Whoever has it can sign as the domain."""
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(*_NO):
        key = _find(directory, domain, selector)
        master = keyring.master(settings)
        if master is None:
            raise BadEntry("this node has no master key, so no key can be opened")
        text = making.pem(changes.opened(master, key))
        if out is not None:
            with exports.writing(out) as file:
                file.write(text)
            click.echo(f"{out} holds the private key of {key.selector}, {key.domain}.", err=True)
        else:
            sys.stdout.write(text.decode())


@dkim.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def reseal(options: dict[str, str | None], file: Path) -> None:
    """Seal every key under the new master key in FILE (made if it is not there); then give it to every node."""
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(*_NO):
        count = keyring.reseal(settings, directory, file)
    place = master_key.path(offline.places(settings).data)
    click.echo(f"{show.count(count, 'key')} sealed under the master key in {file}.")
    if settings.master_key or settings.master_key_file:
        named = "master_key (HATOBA_MASTER_KEY)" if settings.master_key else settings.master_key_file
        click.echo(f"Put it in place of the old one now, on every node: {named}")
    else:
        click.echo(f"It is in use here: {place}. Give it to every other node that shares the database.")

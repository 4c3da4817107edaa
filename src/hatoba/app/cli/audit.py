"""hatoba audit log, head, content: who changed what; where the hash chains stand; what a letter held.

Called by people. Reads only; that somebody read a content is written into the admin log like a change.
"""

import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from hatoba.app import config as settings_file
from hatoba.app import heads as heads_
from hatoba.app import keyring, moments, offline
from hatoba.app.cli import show
from hatoba.journal import contents
from hatoba.kit import ids
from hatoba.store import admin
from hatoba.store import contents as rows
from hatoba.store.admin import Entry
from hatoba.store.sql import Reader
from hatoba.store.trouble import StoreTrouble

_PAGE = 500


@click.group()
def audit() -> None:
    """What was changed by whom, the heads of the hash chains, and contents that were kept."""


def _told(entry: Entry) -> dict[str, Any]:
    """An entry as JSON types."""
    try:
        data = msgspec.json.decode(entry.data)
    except msgspec.DecodeError:
        data = {}
    facts = data if isinstance(data, dict) else {}
    return {
        "seq": entry.seq, "at": entry.at, "who": entry.who, "verb": entry.verb, **facts, "hash": entry.hash.hex(),
    }  # fmt: skip


def _newest(reader: Reader, limit: int, since: int, until: int, who: str, verb: str) -> list[Entry]:
    """Entries that fit, newest first. `who` and `verb` may be a part of the name."""
    found: list[Entry] = []
    below = 0
    while page := admin.newest(reader, below, _PAGE):
        below = page[-1].seq
        for entry in page:
            if since <= entry.at < until and who in entry.who and verb in entry.verb:
                found.append(entry)
                if len(found) == limit:
                    return found
    return found


@audit.command()
@click.option("--since", default="", metavar="TIME", help="Then or later: 2h, 3d, 2026-11-24T09:00.")
@click.option("--until", default="", metavar="TIME", help="Before: 2h, 3d, 2026-11-24.")
@click.option("--who", default="", help="A person or key, or a part of the name.")
@click.option("--verb", default="", help="A verb, or a part of it: domain, queue drop.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1), help="Most entries shown.")
@show.json_option
@click.pass_obj
def log(options: dict[str, str | None], since: str, until: str, who: str, verb: str, limit: int, as_json: bool) -> None:
    """Show what people changed by the command line, newest first: who, what, when, from where, with what result."""
    settings = settings_file.load(options["config"]).settings
    now = offline.now()
    with show.declined(StoreTrouble, ValueError):
        begin = moments.read(since, now) if since else 0
        end = moments.read(until, now) if until else 1 << 62
        register = offline.home(settings).register()
        try:
            found = [_told(one) for one in _newest(register.reader, limit, begin, end, who, verb)]
        finally:
            register.close()
    cells = [
        (
            one["seq"],
            show.moment(one["at"]),
            one["who"],
            one["verb"],
            " ".join(f"{key}={_shown(value)}" for key, value in one.get("arguments", {}).items()),
            " ".join(one.get("origin", {}).values()),
            one.get("outcome", ""),
        )
        for one in found
    ]
    columns = ("seq#", "at", "who", "verb", "with", "from", "outcome")
    show.either(as_json, found, lambda: show.table("Admin log", columns, cells, empty="Nothing was changed yet."))


def _shown(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


@audit.command()
@click.option("--key", type=click.Path(path_type=Path), metavar="FILE", help="Sign with this Ed25519 key (PEM).")
@show.json_option
@click.pass_obj
def head(options: dict[str, str | None], key: Path | None, as_json: bool) -> None:
    """Print where the hash chains stand: keep it elsewhere, and compare with `hatoba verify --head FILE`.

    Who can write the databases can make a chain anew, but not one that goes through a head that somebody else has.
    """
    settings = settings_file.load(options["config"]).settings
    with show.declined(StoreTrouble, heads_.BadHeads):
        found = heads_.gather(settings)
        text = heads_.write(found, show.moment(offline.now()), key)
    show.either(as_json, found, lambda: click.echo(text, nl=False))


@audit.command()
@click.argument("letter")
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write it there, readable by you alone."
)
@show.json_option
@click.pass_obj
def content(options: dict[str, str | None], letter: str, output: Path | None, as_json: bool) -> None:
    """Show what was kept of a letter's content (see the settings of [audit]); octet by octet as it was queued."""
    settings = settings_file.load(options["config"]).settings
    with show.declined(StoreTrouble, ValueError, contents.BadContent, OSError):
        number = ids.number(letter)
        with offline.readers(settings) as opened:
            reader = opened.get(ids.part(number))
            kept = rows.find(reader, number) if reader is not None else None
        if kept is None:
            show.fail(f"nothing is kept of {letter}: [audit] content says what is kept, and for how long.")
        key = keyring.master(settings) if contents.sealed(kept.data) else None
        octets = contents.opened(number, kept.data, key)
        if output is not None:
            with output.open("xb") as file:
                output.chmod(0o600)
                file.write(octets)
    whole = kept.kind == rows.WHOLE and len(octets) == kept.size
    facts = {
        "id": letter, "at": kept.at, "kept": kept.kind, "size": kept.size, "octets": len(octets), "whole": whole,
        "encrypted": contents.sealed(kept.data), "content": octets.decode("utf-8", "backslashreplace"),
    }  # fmt: skip
    if as_json:
        show.as_json(facts)
    elif output is None:
        click.echo(octets, nl=False, file=sys.stdout.buffer)
    cut = "" if whole else f" of {kept.size}"
    click.echo(f"{letter}: {len(octets)}{cut} octets ({kept.kind}).", err=True)

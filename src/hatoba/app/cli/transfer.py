"""hatoba export, hatoba import: a node's databases as one file, to carry it between SQLite and PostgreSQL.

Never touches Maildirs and keys: they are files, and stay or are copied as such.
"""

import sys
from pathlib import Path
from typing import Any

import click

import hatoba
from hatoba.app import config as settings_file
from hatoba.app import lock, offline
from hatoba.app.cli import show
from hatoba.app.settings import Settings
from hatoba.store import export as store_export
from hatoba.store import exports, fill
from hatoba.store.trouble import StoreTrouble


def _facts(counts: dict[str, int], missing: list[str]) -> dict[str, Any]:
    return {"rows": counts, "missing_bodies": missing}


def _words(counts: dict[str, int]) -> str:
    return ", ".join(
        show.count(counts[table], noun)
        for table, noun in (("letter", "letter"), ("event", "event"), ("domain", "domain"), ("account", "account"))
    )


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, allow_dash=True))
@show.json_option
@click.pass_obj
def export(options: dict[str, str | None], file: Path, as_json: bool) -> int:
    """Write everything in the databases to FILE: directory, queue with bodies, journal. "-": standard output.

    Works while hatoba runs, but a node that is to move should be stopped first, or what it sends meanwhile is sent
    twice. A name that ends in .gz is packed. Read it with `hatoba import` under settings that name the other engine.
    """
    settings = settings_file.load(options["config"]).settings
    with show.declined(StoreTrouble):
        if str(file) == "-":
            written = _write(settings, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        else:
            with exports.writing(file.absolute()) as opened:
                written = _write(settings, opened)
    for missing in written.missing:
        click.echo(f"hatoba: {missing}: this body is missing; see `hatoba verify`", err=True)
    if str(file) != "-":
        facts = _facts(written.counts, written.missing)
        show.either(as_json, facts, lambda: click.echo(f"Exported to {file}: {_words(written.counts)}."))
    return 1 if written.missing else 0


def _write(settings: Settings, out: Any) -> store_export.Written:
    return store_export.write(offline.home(settings), out.write, hatoba.__version__, show.progress())


@click.command("import")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, allow_dash=True))
@show.json_option
@click.pass_obj
def import_(options: dict[str, str | None], file: Path, as_json: bool) -> None:
    """Read an export into a node that has nothing yet; everything keeps its id. "-": standard input.

    The databases are those that the settings name: files, or the server of `database.url`. No node may run on them.
    Letters stay in the shard whose number their ids hold, so there are at least as many shards as there were.
    """
    settings = settings_file.load(options["config"]).settings
    places = offline.places(settings)
    with show.declined(StoreTrouble, lock.Taken), lock.held(places):
        places.prepare()
        if str(file) == "-":
            counts = fill.fill(offline.home(settings), exports.lines(sys.stdin.buffer), show.progress())
        else:
            with exports.reading(file) as lines:
                counts = fill.fill(offline.home(settings), lines, show.progress())
    show.either(as_json, _facts(counts, []), lambda: click.echo(f"Imported {_words(counts)}."))

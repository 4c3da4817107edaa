"""hatoba search: which letters were these? Called by people and scripts; reads only, beside running workers.

Asks the databases of all shards, on a server those of all nodes; no node need be running.
"""

import csv
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click
import msgspec

from hatoba.app import config as settings_file
from hatoba.app import moments, offline, stories
from hatoba.app.cli import show
from hatoba.journal.facts import STATUSES, Hit
from hatoba.journal.query import BadQuery, Query
from hatoba.kit import ids
from hatoba.store.sql import Reader
from hatoba.store.trouble import StoreTrouble

PAGE = 500  # letters read at once for a file
_COLUMNS = tuple(field.name for field in msgspec.structs.fields(Hit))
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would carry out


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What can be looked for."""
    options = (
        click.option("--from", "sender", default="", metavar="WHO", help='Sender or From: address or domain; "<>".'),
        click.option("--to", "recipient", default="", metavar="WHO", help="Recipient: address or domain."),
        click.option("--domain", default="", help="Domain of the sender or of a recipient."),
        click.option("--subject", default="", metavar="WORDS", help="Words of the subject, all of them."),
        click.option("--message-id", default="", metavar="ID", help="Message-ID, with or without <>."),
        click.option("--ip", default="", metavar="ADDRESS", help="The client's address."),
        click.option("--account", default="", metavar="WHO", help="Who logged in: address or domain."),
        click.option("--status", default="", type=click.Choice(("", *STATUSES)), metavar="STATUS", help=_STATUS),
        click.option("--hit", default="", metavar="WORD", help="A check that spoke, or what it said: spf, reject …"),
        click.option("--since", default="", metavar="TIME", help="Accepted then or later: 2h, 3d, 2026-11-24T09:00."),
        click.option("--until", default="", metavar="TIME", help="Accepted before: 2h, 3d, 2026-11-24."),
        click.option("--below", default="", metavar="LETTER", help="The next page: letters older than this one."),
        click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="Most letters shown."),
        click.option("--csv", "csv_file", metavar="FILE", help='All that match into FILE; "-": standard output.'),
        click.option("--ndjson", "ndjson_file", metavar="FILE", help='The same, a JSON object a line; "-".'),
    )
    for option in reversed(options):
        command = option(command)
    return command


_STATUS = f"Where a recipient of it stands: {', '.join(STATUSES)}."


def _query(words: dict[str, Any]) -> Query:
    """The query of the options. BadQuery, ValueError."""
    now = offline.now()
    return Query(
        words=tuple(words["words"]),
        sender=words["sender"],
        recipient=words["recipient"],
        domain=words["domain"],
        subject=words["subject"],
        message_id=words["message_id"],
        ip=words["ip"],
        account=words["account"],
        status=words["status"],
        verdict=words["hit"],
        since=moments.read(words["since"], now) if words["since"] else 0,
        until=moments.read(words["until"], now) if words["until"] else 0,
        below=ids.number(words["below"]) if words["below"] else 0,
    )


def _all(readers: list[Reader], query: Query) -> Iterator[Hit]:
    """Every letter that matches, page by page."""
    while page := stories.search(readers, query, PAGE):
        yield from page
        query = msgspec.structs.replace(query, below=ids.number(page[-1].id))


@contextmanager
def _writing(name: str) -> Iterator[IO[str]]:
    if name == "-":
        yield sys.stdout
        return
    with Path(name).open("x", encoding="utf-8", newline="") as file:
        Path(name).chmod(0o600)
        yield file


def _csv(file: IO[str], found: Iterable[Hit]) -> int:
    """A line of names first; what a spreadsheet would take for a formula begins with an apostrophe."""
    writer = csv.writer(file)
    writer.writerow(_COLUMNS)
    count = 0
    for hit in found:
        row = [_cell(getattr(hit, name)) for name in _COLUMNS]
        row[_COLUMNS.index("at")] = show.moment(hit.at)
        writer.writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in row])
        count += 1
    return count


def _cell(value: object) -> str:
    return " ".join(value) if isinstance(value, tuple) else str(value)


def _ndjson(file: IO[str], found: Iterable[Hit]) -> int:
    count = 0
    for hit in found:
        file.write(msgspec.json.encode(hit).decode() + "\n")
        count += 1
    return count


def _table(found: list[Hit], limit: int, took: float) -> None:
    cells = [
        (hit.id, show.moment(hit.at), " ".join(hit.status), hit.sender or "<>", " ".join(hit.to), hit.subject)
        for hit in found
    ]
    columns = ("id", "accepted", "status", "from", "to", "subject")
    show.table(f"Letters ({took * 1000:.0f} ms)", columns, cells, empty="No letter matches.")
    if len(found) == limit:
        click.echo(f"There may be more: --below {found[-1].id}")


@click.command()
@click.argument("words", nargs=-1)
@_options
@show.json_option
@click.pass_obj
def search(
    options: dict[str, str | None],
    /, limit: int, csv_file: str | None, ndjson_file: str | None, as_json: bool,
    **words: Any,
) -> None:  # fmt: skip
    """Find letters, newest first, in all shards: by WORDS (address, domain, Message-ID, client address, account, words
    of the subject) and by options; all must match. Without any: the newest letters.

    Japanese is found by any two characters or more that stand together. A letter is found from its 250 on. Its whole
    story: hatoba trace ID.
    """
    settings = settings_file.load(options["config"]).settings
    with show.declined(BadQuery, ValueError, StoreTrouble, OSError), offline.readers(settings) as opened:
        query, readers = _query(words), list(opened.values())
        for name, write in ((csv_file, _csv), (ndjson_file, _ndjson)):
            if name:
                with _writing(name) as file:
                    count = write(file, _all(readers, query))
                click.echo(f"{show.count(count, 'letter')} written to {name}.", err=name == "-")
        if csv_file or ndjson_file:
            return
        begun = time.perf_counter()
        found = stories.search(readers, query, limit)
        took = time.perf_counter() - begun
    show.either(as_json, found, lambda: _table(found, limit, took))

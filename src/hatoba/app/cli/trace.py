"""hatoba trace: where is my letter, and why? Called by people and scripts; reads only."""

import time

import click
import msgspec

from hatoba.app import config as settings_file
from hatoba.app import offline, stories
from hatoba.app.cli import show
from hatoba.app.places import Places
from hatoba.store.sql import Reader

FOLLOW_EVERY = 0.5  # seconds between two looks at the journal


def _print(told: stories.Told) -> None:
    moment = stories.Moment()
    for line in stories.heading(told.story):
        click.echo(line)
    for entry in told.story.entries:
        for line in stories.lines_of(entry, moment):
            click.echo(f"  {line}")
    for line in stories.standing(told.story, moment):
        click.echo(line)


def _follow(readers: list[Reader], places: Places, number: int, as_json: bool) -> None:
    """Prints events as they come, until the letter has left the queue."""
    moment, seen = stories.Moment(), 0
    while True:
        told = stories.tell(readers, places, number)
        if told is None:
            return
        for entry in told.story.entries:
            if entry.seq > seen:
                seen = entry.seq
                if as_json:
                    click.echo(msgspec.json.encode(entry).decode())
                else:
                    for line in stories.lines_of(entry, moment):
                        click.echo(line)
        if not told.story.queued:
            return
        time.sleep(FOLLOW_EVERY)


@click.command()
@click.argument("query", nargs=-1, required=True)
@click.option("--limit", default=5, show_default=True, help="Most letters shown, newest first.")
@click.option("--follow", is_flag=True, help="Go on with the newest match until it has left the queue.")
@show.json_option
@click.pass_obj
def trace(options: dict[str, str | None], query: tuple[str, ...], limit: int, follow: bool, as_json: bool) -> int:
    """Show the whole timeline of letters: by id, address, domain, Message-ID, account, client address or words
    of the subject; all words must match."""
    settings = settings_file.load(options["config"]).settings
    places = offline.places(settings)
    with offline.readers(settings) as opened:
        readers = list(opened.values())
        found = stories.find(readers, " ".join(query), limit)
        if not found:
            show.fail(f"no letter matches {' '.join(query)!r}. Search by id, address, domain or Message-ID.")
        if follow:
            _follow(readers, places, found[0], as_json)
            return 0
        told = [tale for number in found if (tale := stories.tell(readers, places, number))]
    if as_json:
        show.as_json(told)
        return 0
    for index, tale in enumerate(told):
        if index:
            click.echo()
        _print(tale)
    return 0

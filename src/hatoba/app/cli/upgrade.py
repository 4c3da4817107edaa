"""hatoba upgrade, hatoba upgrade --back: `hatoba run` upgrades by itself, these are for who wants to see or undo it.

Never touches a database of a running node, and none without a copy of it first.
"""

import click
import msgspec

from hatoba import store
from hatoba.app import config as settings_file
from hatoba.app import lock, offline
from hatoba.app.cli import show
from hatoba.app.places import Places
from hatoba.store.trouble import StoreTrouble


def _back(places: Places, as_json: bool) -> None:
    from hatoba.store import wayback

    steps = wayback.back(places.data, show.progress())

    def people() -> None:
        for step in steps:
            rows = ", ".join(f"{count} of {table}" for table, count in sorted(step.carried.items()))
            click.echo(f"{step.name} is at {step.now} again, with all that came since ({rows}).")
            if step.left:
                click.echo(f"  {step.now} has no {', '.join(step.left)}: they are kept in {step.kept}")
        click.echo("Start the older hatoba now: this one would upgrade again.")

    show.either(as_json, msgspec.to_builtins(steps), people)


@click.command()
@click.option("--back", is_flag=True, help="Undo the last upgrade; letters taken in since are kept.")
@show.json_option
@click.pass_obj
def upgrade(options: dict[str, str | None], back: bool, as_json: bool) -> None:
    """Bring the databases to this program's revision, each after a snapshot; what `hatoba run` does at its start.

    With --back the other way round, before an older hatoba is installed again. hatoba must be stopped. On a server
    (`database.url`) there is no --back: make a backup before, and restore it.
    """
    from hatoba.store import wayback

    settings = settings_file.load(options["config"]).settings
    places = offline.places(settings)
    with show.declined(StoreTrouble, lock.Taken), lock.held(places):
        if back:
            if settings.database.url:
                show.fail("On a server there is no --back: `hatoba restore` the backup made before the upgrade.")
            _back(places, as_json)
            return
        places.prepare()
        store.prepare(places.data, 0, settings.store, show.progress(), settings.database)
    if settings.database.url:
        show.either(as_json, {}, lambda: click.echo("The server's schemas are at this program's revision."))
        return
    found = wayback.revisions(places.data)
    words = ", ".join(f"{name} {revision}" for name, revision in found.items())
    show.either(as_json, found, lambda: click.echo(f"At this program's revision: {words}."))

"""hatoba upgrade, hatoba upgrade --back: `hatoba run` upgrades by itself, these are for who wants to see or undo it.

Never touches a database of a running node, and none without a copy of it first.
"""

import click
import msgspec

from hatoba import store
from hatoba.app import config as settings_file
from hatoba.app import lock, offline
from hatoba.app.cli import show
from hatoba.app.settings import Settings
from hatoba.store import base
from hatoba.store.trouble import StoreTrouble


def _back(settings: Settings, as_json: bool) -> None:
    from hatoba.store import wayback

    home = offline.home(settings)
    if isinstance(home, base.Files):
        steps = wayback.back(home.data, show.progress())
    else:
        from hatoba.store import server, server_wayback

        assert isinstance(home, server.Server)  # noqa: S101  # there are two kinds of home
        steps = server_wayback.back(home, show.progress())

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

    With --back the other way round, before an older hatoba is installed again. hatoba must be stopped, on a server
    (`database.url`) on every node.
    """
    from hatoba.store import wayback

    settings = settings_file.load(options["config"]).settings
    places = offline.places(settings)
    with show.declined(StoreTrouble, lock.Taken), lock.held(places):
        if back:
            _back(settings, as_json)
            return
        places.prepare()
        store.prepare(places.data, 0, settings.store, show.progress(), settings.database, mailboxes=settings.mailboxes)
    if settings.database.server:
        show.either(as_json, {}, lambda: click.echo("The server's schemas are at this program's revision."))
        return
    found = wayback.revisions(settings.database.folder(places.data))
    words = ", ".join(f"{name} {revision}" for name, revision in found.items())
    show.either(as_json, found, lambda: click.echo(f"At this program's revision: {words}."))

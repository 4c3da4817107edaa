"""hatoba cluster status: the workers of all nodes that share a server, and who works which shard.

Reads the server; needs no running worker here. Exit status 1 when letters wait in a shard that nobody works, or a
server is away.
"""

import click

from hatoba.app import config as settings_file
from hatoba.app import offline
from hatoba.app.cli import show
from hatoba.store.trouble import StoreTrouble


@click.group()
def cluster() -> None:
    """The nodes that share a PostgreSQL server."""


@cluster.command()
@show.json_option
@click.pass_obj
def status(options: dict[str, str | None], as_json: bool) -> None:
    """Members, and every shard with the worker that has it and the age of its lease."""
    settings = settings_file.load(options["config"]).settings
    if not settings.database.server:
        show.fail(
            "This node keeps its letters in its own data directory and shares them with nobody. "
            "To run several nodes set database.url to a PostgreSQL server."
        )
    with show.declined(StoreTrouble):
        seen = offline.cluster(settings)

    def people() -> None:
        members = [(one.name, f"{one.silent:.1f} s", len(one.shards)) for one in seen.members]
        show.table("Workers", ("node/worker", "last beat", "shards#"), members, empty="No worker runs on any node.")
        shards = [(one.shard, one.server, one.owner or "-", one.state, one.epoch, one.letters) for one in seen.shards]
        columns = ("shard#", "server#", "worker", "state", "epoch#", "recipients queued#")
        show.table("Shards", columns, shards, empty="No shard yet: start a node with `hatoba run`.")

    show.either(as_json, seen, people)
    for place, why in seen.away.items():
        click.echo(f"Server {place} is away: {why}", err=True)
    if seen.away or any(one.state != "worked" and one.letters for one in seen.shards):
        raise SystemExit(1)

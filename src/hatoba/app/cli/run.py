"""hatoba run: the server. Called by unit files, containers and people; ends on SIGTERM or Ctrl-C after draining."""

import click

from hatoba.app import config as settings_file
from hatoba.app import handover, listeners
from hatoba.app.supervisor import Supervisor, Unstartable
from hatoba.net.listen import notify
from hatoba.store.trouble import StoreTrouble


def say_ports(node: Supervisor) -> None:
    """One line for each listener: what it is for and where it is."""
    for bound in node.bound:
        click.echo(f"  {listeners.describe(node.settings, bound)}: {bound.where}")
    if node.settings.http.port:
        click.echo(f"  metrics and health: http://{node.settings.http.address}:{node.settings.http.port}/metrics")


@click.command()
@click.pass_obj
def run(options: dict[str, str | None]) -> None:
    """Run the server: all listeners, the queue, delivery. SIGTERM drains, SIGHUP reloads the settings, SIGUSR2
    restarts as `hatoba restart` does."""
    node = Supervisor(settings_file.load(options["config"]), options["config"])
    node.command = handover.command()
    try:
        node.start(progress=lambda text: click.echo(f"hatoba: {text}"))
    except (Unstartable, StoreTrouble, OSError) as error:
        notify(f"STATUS={error}")
        handover.failed(node.places, str(error))
        raise click.ClickException(str(error)) from error

    def ready() -> None:
        click.echo(f"hatoba takes mail as {node.settings.hostname}; data in {node.places.data}")
        say_ports(node)

    node.run(ready)

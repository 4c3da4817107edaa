"""hatoba restart: the running server restarts itself without a refused connection. Called by people and scripts.

Signals the supervisor and waits until it takes mail again; exit status 1 with the reason when it refused.
"""

import os
import signal
import time

import click

from hatoba.app import config as settings_file
from hatoba.app import handover, offline
from hatoba.app.cli import show

_STEP = 0.05


@click.command()
@click.option("--timeout", default=180.0, show_default=True, help="Seconds to wait until it takes mail again.")
@click.pass_obj
def restart(options: dict[str, str | None], timeout: float) -> None:
    """Restart the running server with new settings and a new version of the program, and wait for it.

    Nothing stops before the new program has agreed to the settings. Then transactions and deliveries in progress end,
    clients that connect wait, and none is refused. With several nodes on one database: one node after the other.
    """
    places = offline.places(settings_file.load(options["config"]).settings)
    pid = handover.runs(places)
    if not pid:
        show.fail(f"hatoba does not run on {places.data}. Start it with `hatoba run`.")
    try:
        handover.outcome_file(places).unlink(missing_ok=True)
        os.kill(pid, signal.SIGUSR2)
    except PermissionError:
        show.fail(f"process {pid} is another user's: run `hatoba restart` as that user.")
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        ended = handover.runs(places) == 0  # looked at first: what it said last counts
        found = handover.said(places)
        if found is not None and found.state == handover.DONE:
            click.echo("hatoba has restarted and takes mail.")
            return
        if found is not None and found.state in (handover.REFUSED, handover.FAILED):
            show.fail(f"restart {found.state}: " + "\n".join(found.problems))
        if ended:
            show.fail("hatoba ended instead of restarting: its log says why. Start it with `hatoba run`.")
        time.sleep(_STEP)
    show.fail(f"after {timeout:g} s it does not take mail yet: its log says what it waits for.")

"""hatoba backup, hatoba restore. Called by people and timers; a backup needs neither a stopped node nor its help.

Never leaves half a backup under the name asked for, and never restores over anything.
"""

from pathlib import Path
from typing import Any

import click

import hatoba
from hatoba.app import config as settings_file
from hatoba.app import keyring, lock, offline
from hatoba.app.cli import show
from hatoba.kit import units
from hatoba.store import backup as store_backup
from hatoba.store import master_key
from hatoba.store import restore as store_restore
from hatoba.store.bundle import Manifest
from hatoba.store.trouble import StoreTrouble

_COUNTED = ("letter", "domain", "account", "dkim_key")


def _summary(manifest: Manifest, place: Path) -> dict[str, Any]:
    """What a backup holds, in figures."""
    total = {name: sum(part.counts.get(name, 0) for part in manifest.parts) for name in _COUNTED}
    return {
        "place": str(place),
        "made_by": manifest.hatoba,
        "made_at": manifest.finished,
        "letters": total["letter"],
        "domains": total["domain"],
        "accounts": total["account"],
        "dkim_keys": total["dkim_key"],
        "large_bodies": sum(part.bodies for part in manifest.parts),
        "missing_bodies": [f"{part.name}: {name}" for part in manifest.parts for name in part.missing],
        "files": manifest.files,
        "octets": manifest.octets,
    }


def _words(facts: dict[str, Any]) -> str:
    return (
        f"{show.count(facts['letters'], 'letter')} in the queue, {show.count(facts['domains'], 'domain')}, "
        f"{show.count(facts['accounts'], 'account')}; {show.count(facts['files'], 'file')}, "
        f"{units.show_bytes(facts['octets'])}"
    )


def _tell(manifest: Manifest, place: Path, as_json: bool, sentence: str) -> int:
    facts = _summary(manifest, place)
    for missing in facts["missing_bodies"]:
        click.echo(f"hatoba: {missing}: this body is missing in the data directory; see `hatoba verify`", err=True)
    show.either(as_json, facts, lambda: click.echo(f"{sentence}: {_words(facts)}."))
    return 1 if facts["missing_bodies"] else 0


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@show.json_option
@click.pass_obj
def backup(options: dict[str, str | None], folder: Path, as_json: bool) -> int:
    """Back the whole node up to DIR while it runs: queue, journal, directory, large bodies, mailboxes, keys.

    DIR must not exist or be empty. Each database is one snapshot, with every body that it names. The settings file
    is not in it. Check a backup with `hatoba verify --backup DIR`.
    """
    settings = settings_file.load(options["config"]).settings
    place, node = folder.absolute(), offline.places(settings).data
    with show.declined(StoreTrouble):
        manifest = store_backup.take(offline.home(settings), place, hatoba.__version__, show.progress(), node)
    status = _tell(manifest, place, as_json, f"Backed up to {place}")
    if any(part.counts.get("dkim_key") for part in manifest.parts):
        key = "the master key" if settings.master_key else settings.master_key_file or str(master_key.path(node))
        click.echo(f"hatoba: DKIM keys are in it sealed, {key} is not: keep a copy of that apart.", err=True)
    return status


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--hold", is_flag=True, help="Hold the whole queue: nothing is sent before `hatoba queue release --all`.")
@show.json_option
@click.pass_obj
def restore(options: dict[str, str | None], folder: Path, hold: bool, as_json: bool) -> int:
    """Make the backup in DIR the data of a node that has none, after checking every file of it.

    Letters that were delivered after the backup was made are in its queue and would be sent again: with --hold you
    look at them first. A letter that was going out as the backup was made counts as interrupted and is tried again.
    """
    settings = settings_file.load(options["config"]).settings
    places = offline.places(settings)
    with show.declined(StoreTrouble, lock.Taken), lock.held(places):
        manifest = store_restore.restore(offline.home(settings), folder.absolute(), hold, show.progress(), places.data)
    status = _tell(manifest, folder.absolute(), as_json, f"Restored to {places.data}")
    with show.declined(StoreTrouble):
        if any(part.counts.get("dkim_key") for part in manifest.parts) and keyring.master(settings) is None:
            place = master_key.path(places.data)
            click.echo(
                f"hatoba: DKIM keys were restored sealed; put the master key to {place}, or none signs.", err=True
            )
    return status

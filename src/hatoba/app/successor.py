"""The program that would follow, asked before anything stops: python -m hatoba.app.successor [FILE].

Started by restart with what would be left to it in the environment; it is the new version's own code that answers.
Never binds for good, never changes a file and never touches the descriptors.
Exit status 3 and a line for each objection on standard output; 0 without any.
"""

import os
import sys
from collections.abc import Iterator

import msgspec

from hatoba.app import checks, config, handover, listeners, offline
from hatoba.app.problems import BadSettings
from hatoba.app.settings import Settings
from hatoba.net import listen
from hatoba.store.trouble import StoreTrouble


def objections(given: handover.Handover, explicit: str | None) -> Iterator[str]:
    """Why this program, with the settings as they are now, could not follow; nothing when it can."""
    try:
        loaded = config.load(explicit)
        problems = checks.problems(loaded)
    except BadSettings as error:
        problems = error.problems
    if problems:
        yield from map(str, problems)
        return
    settings = loaded.settings
    if str(offline.places(settings).data) != given.data:
        yield f"data: it is {given.data} now and a restart cannot leave its letters behind. Stop and start instead."
    settings = msgspec.structs.replace(settings, listener=settings.listener or listeners.default(given.places))
    for index, why in listeners.unbindable(settings, given.places):
        yield f"{'mta_sts.port' if index == listeners.POLICY else f'listener[{index}]'}: {why}"
    yield from _others(settings, given)


def _others(settings: Settings, given: handover.Handover) -> Iterator[str]:
    """The port of the metrics, the database server."""
    web = (settings.http.address, settings.http.port)
    if settings.http.port and web != given.http:
        try:
            listen.may_bind(*web)
        except OSError as error:
            yield f"http.port: {error.strerror}. Set another port in [http]."
    if settings.database.url:
        try:
            offline.home(settings).numbers()
        except StoreTrouble as error:
            yield f"database.url: {error}"


def main(arguments: list[str]) -> int:
    """Exit status 3 and a line for each objection; 0 without any."""
    given = msgspec.json.decode(os.environ[handover.VARIABLE], type=handover.Handover)
    found = list(objections(given, arguments[0] if arguments else None))
    for line in found:
        sys.stdout.write(line + "\n")
    return 3 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Listings: entries of the allow and deny lists put in and taken out by a person, at the command line or a door.

Called by app and the HTTP doors.
Never asks back and never prints.
Fails with BadEntry when declined, StoreTrouble when the disk fails; then nothing has changed.
"""

from hatoba.directory.directory import Directory
from hatoba.directory.entries import BadEntry
from hatoba.directory.listing import ALLOW, DENY, Entry
from hatoba.store import listings as rows
from hatoba.store.listings import ListingRow
from hatoba.store.sql import Tx


def add(directory: Directory, entries: list[Entry]) -> list[Entry]:
    """Puts them in, all or none; what said the opposite of the same value is taken out. Those that were new."""

    def put(tx: Tx) -> list[Entry]:
        fresh = []
        for entry in entries:
            rows.remove(tx, _row(entry, ALLOW if entry.verdict == DENY else DENY))
            if rows.put(tx, _row(entry)):
                fresh.append(entry)
        return fresh

    return directory.write(put)


def remove(directory: Directory, entries: list[Entry]) -> None:
    """Takes them out, all or none. BadEntry when one is not there."""

    def take(tx: Tx) -> None:
        for entry in entries:
            if not rows.remove(tx, _row(entry)):
                raise BadEntry(f"{entry} is not in the list; see: hatoba list {entry.verdict} show")

    directory.write(take)


def _row(entry: Entry, verdict: str = "") -> ListingRow:
    return ListingRow(verdict or entry.verdict, entry.subject, entry.value, entry.scope, entry.created, entry.note)

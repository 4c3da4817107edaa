"""Reporting: which addresses here take reports about our domains, changed by a person.

Called by the command line and the doors for people.
Never makes a mailbox: the address must have one, so that what cannot be read as a report is read by somebody.
Fails with BadEntry when declined, StoreTrouble when the disk fails; then nothing has changed.
"""

from hatoba.directory import changes, marks
from hatoba.directory.directory import Directory
from hatoba.directory.entries import BadEntry, key
from hatoba.store import directory as rows
from hatoba.store.sql import Tx


def mark(directory: Directory, written: str) -> str:
    """From now on letters to the address are read as reports; its key. BadEntry when it has no mailbox here."""
    address = changes.address(written)
    if not directory.local(address):
        raise BadEntry(f"{address} has no mailbox here; make one: hatoba account add {address}")
    _change(directory, key(address), wanted=True)
    return key(address)


def unmark(directory: Directory, written: str) -> str:
    """Letters to the address are letters again; its key. BadEntry when it was not marked."""
    name = key(changes.address(written))
    if name not in directory.report_addresses():
        raise BadEntry(f"{name} is not marked; see: hatoba report address")
    _change(directory, name, wanted=False)
    return name


def _change(directory: Directory, name: str, *, wanted: bool) -> None:
    domain = name.rpartition("@")[2]

    def put(tx: Tx) -> None:
        row = rows.domain(tx, domain)
        if row is None:
            raise BadEntry(f"{domain} is no domain of this node; run: hatoba domain add {domain}")
        held = {*marks.of(row), name} if wanted else {*marks.of(row)} - {name}
        rows.put_domain(tx, marks.marked(row, held))

    directory.write(put)

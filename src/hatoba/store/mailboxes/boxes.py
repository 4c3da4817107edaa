"""Boxes: an account's mailboxes, their names, numbers and counts.

Called by the room above inside a transaction or with a reader.
Never knows who may see a box; names are NFC with "/" between levels, INBOX in capitals.
Fails with the refusals NoBox and BoxExists, with StoreTrouble.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hatoba.store.mailboxes import numbering, tables
from hatoba.store.mailboxes.flags import Names, split
from hatoba.store.mailboxes.refusals import BoxExists, NoBox
from hatoba.store.sql import Multi, Reader, Tx, text

_COLUMNS = ", ".join(column.name for column in tables.box.columns)
INBOX = "INBOX"
# ruff: noqa: S608  # constants in constants
_BY_NAME = f"SELECT {_COLUMNS} FROM box WHERE account = ? AND name = ?"
_BY_ID = f"SELECT {_COLUMNS} FROM box WHERE id = ?"
_ALL = f"SELECT {_COLUMNS} FROM box WHERE account = ? ORDER BY name"
_ADD = text(tables.box.insert())
_SUBSCRIBE = text(tables.subscription.insert()) + " ON CONFLICT DO NOTHING"
_UNSUBSCRIBE = "DELETE FROM subscription WHERE account = ? AND name = ?"
_SUBSCRIBED = "SELECT name FROM subscription WHERE account = ? ORDER BY name"
_SPECIAL = "UPDATE box SET special = ? WHERE id = ?"
_MODSEQS = Multi("SELECT id, modseq FROM box WHERE id {among}", "i")
_TOLD = "UPDATE box SET told = ? WHERE id = ? AND told < ?"


class Box(msgspec.Struct, frozen=True, gc=False):
    r"""A mailbox. `uidnext` and `modseq` (the highest) as STATUS says them; `deleted` counts \Deleted, `special` is
    "" or a use such as "\Sent" (several by spaces), UIDs above `told` are \Recent to the next session. `lost`: what
    vanished up to this MODSEQ is not remembered one by one."""

    id: int
    account: int
    name: str
    uidvalidity: int
    uidnext: int
    modseq: int
    letters: int
    unseen: int
    deleted: int
    bytes: int
    told: int
    lost: int
    created: int
    special: str
    keywords: str

    @property
    def objectid(self) -> str:
        """MAILBOXID  # RFC 8474 §4.1"""
        return f"F{self.id:x}"

    @property
    def names(self) -> Names:
        """Of its flags' bits."""
        return Names(split(self.keywords))


def find(reader: Reader, account: int, name: str) -> Box | None:
    """A box by its name."""
    found = reader.rows(_BY_NAME, (account, name))
    return Box(*found[0]) if found else None


def get(reader: Reader, number: int) -> Box:
    """A box by its id; NoBox."""
    found = reader.rows(_BY_ID, (number,))
    if not found:
        raise NoBox(f"box {number}")
    return Box(*found[0])


def all_of(reader: Reader, account: int) -> list[Box]:
    """Every box of an account, by name."""
    return [Box(*row) for row in reader.rows(_ALL, (account,))]


def modseqs(reader: Reader, numbers: Sequence[int]) -> dict[int, int]:
    """The MODSEQs of boxes by their ids; one that is not there has none."""
    found: dict[int, int] = {}
    for statement, parameters in reader.parts(_MODSEQS, numbers):
        found.update(dict(reader.rows(statement, parameters)))
    return found


def create(tx: Tx, account: int, name: str, now: int, special: str = "") -> Box:
    """A new box; its parents are not made. BoxExists."""
    if find(tx, account, name) is not None:
        raise BoxExists(name)
    number = numbering.identify(tx)
    box = Box(number, account, name, numbering.validity(tx, account, now), 1, 1, 0, 0, 0, 0, 0, 0, now, special, "")
    tx.run(_ADD, msgspec.structs.astuple(box))
    return box


def subscribe(tx: Tx, account: int, name: str) -> None:
    """The name is among the subscribed ones, whether there is such a box or not."""
    tx.run(_SUBSCRIBE, (account, name))


def unsubscribe(tx: Tx, account: int, name: str) -> None:
    """It is not any more."""
    tx.run(_UNSUBSCRIBE, (account, name))


def subscribed(reader: Reader, account: int) -> list[str]:
    """The names subscribed to."""
    return [name for (name,) in reader.rows(_SUBSCRIBED, (account,))]


def assign(tx: Tx, box: int, special: str) -> None:
    r"""Its special use, "" for none."""
    tx.run(_SPECIAL, (special, box))


def tell(tx: Tx, box: int, uid: int) -> int:
    r"""A session takes what is \Recent up to `uid`: the highest UID that was told before."""
    found = tx.rows("SELECT told FROM box WHERE id = ?", (box,))
    if not found:
        raise NoBox(f"box {box}")
    tx.run(_TOLD, (uid, box, uid))
    return int(found[0][0])

"""Rights: the access control lists of boxes.

Called by the room above, which knows what a letter allows and which identifiers a person has.
Never decides anything; the owner's own rights are not in the list.
Fails with StoreTrouble.  # RFC 4314
"""

from __future__ import annotations

from collections.abc import Sequence

from hatoba.store.sql import Reader, Tx

_ALL = 'SELECT who, rights FROM "right" WHERE box = ? ORDER BY who'
_PUT = (
    'INSERT INTO "right" (box, who, owner, rights) SELECT id, ?, account, ? FROM box WHERE id = ?'
    " ON CONFLICT (box, who) DO UPDATE SET rights = excluded.rights"
)
_DELETE = 'DELETE FROM "right" WHERE box = ? AND who = ?'
_SHARED = (
    'SELECT a.key, b.name, b.id, r.who, r.rights FROM "right" AS r JOIN box AS b ON b.id = r.box'
    " JOIN account AS a ON a.id = b.account WHERE r.who IN ({}) ORDER BY a.key, b.name, r.who"
)


def all_of(reader: Reader, box: int) -> dict[str, str]:
    """The list of a box: rights by identifier."""
    return dict(reader.rows(_ALL, (box,)))


def put(tx: Tx, box: int, who: str, rights: str) -> None:
    """Sets what an identifier may do with a box; "" takes it off the list."""
    if rights:
        tx.run(_PUT, (who, rights, box))
    else:
        tx.run(_DELETE, (box, who))


def shared(reader: Reader, whos: Sequence[str]) -> list[tuple[str, str, int, str, str]]:
    """Boxes of this shard on whose lists one of these identifiers is: (account's key, name, box, who, rights)."""
    marks = ", ".join("?" * len(whos))
    return [(*row,) for row in reader.rows(_SHARED.format(marks), tuple(whos))] if whos else []

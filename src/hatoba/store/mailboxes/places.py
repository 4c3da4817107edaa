"""Places: where mail shards are and which one an account's mailboxes live in.

Called by shards, server, upgrade, backup and verify.
Never opens anything for writing.
Fails with WrongVersion before `store.prepare`, with StoreTrouble.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from hatoba.store import sql, sqlite, trouble
from hatoba.store.mailboxes import tables

FOLDER = "mailboxes"
BITS = 40  # of an id of an account, a box, a content that count inside a shard; above them stands the shard's number
_COUNT = "SELECT count FROM shard"
_SEED = sql.text(tables.shard.insert()) + " ON CONFLICT DO NOTHING"
_FIRST = sql.text(tables.cursor.insert()) + " ON CONFLICT DO NOTHING"


def database(data: Path, number: int) -> Path:
    """DATA/mailboxes/NNNN.db"""
    return data / FOLDER / f"{number:04d}.db"


def schema(number: int) -> str:
    """The schema of a mail shard on a PostgreSQL server: mail_0003."""
    return f"mail_{number:04d}"


def numbers(data: Path) -> list[int]:
    """The mail shards that exist as files."""
    return sorted(int(path.stem) for path in (data / FOLDER).glob("[0-9][0-9][0-9][0-9].db"))


def of(account: str, count: int) -> int:
    """The shard of an account, of `count`: the same for ever, in every process."""
    digest = hashlib.blake2b(account.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % count


def holder(number: int) -> int:
    """The shard that gave an account, a box or a content its id."""
    return number >> BITS


def count(opened: sql.Reader) -> int:
    """Over how many shards the accounts are spread, as this shard remembers it; 0 when it does not."""
    found = opened.rows(_COUNT)
    return int(found[0][0]) if found else 0


def record(tx: sql.Tx, number: int, many: int, now: int) -> None:
    """A new shard learns which one it is; an old one keeps what it knows."""
    tx.run(_SEED, (number, many, now))
    tx.run(_FIRST, ("id", number << BITS))


def check(opened: sqlite.Reader, path: Path) -> None:
    """WrongVersion unless the file is at this program's revision."""
    found = sqlite.revision(opened)
    if found != tables.MAIL_REVISION:
        wanted = tables.MAIL_REVISION
        raise trouble.WrongVersion(f"{path} is at revision {found or 'none'}, this program needs {wanted}")


def refuse(known: int, wanted: int) -> None:
    """StoreTrouble when the settings ask for another number of shards than there are accounts spread over."""
    if known != wanted:
        raise trouble.StoreTrouble(
            f"the mailboxes were spread over {known} shards, mailboxes.shards is {wanted}: set it back to {known}."
            " To spread them anew, export them and import them into a new installation"
        )

"""Returns: the secrets that return addresses of ours (SRS) are signed with: made once, replaced now and then.

Called by app: at the start of each worker, and by the command line to replace the one in use.
Never draws chance: the new secret is an argument. Never forgets one whose addresses may still come back.
Fails with StoreTrouble.
"""

from hatoba.directory.directory import SIGNING, Directory
from hatoba.store import secrets as rows
from hatoba.store.rows import SecretRow
from hatoba.store.sql import Tx

_DAY = 86_400_000  # ms


def ensure(directory: Directory, secret: bytes, now: int) -> bool:
    """Makes `secret` (32 random octets) the one in use if there is none yet; True if it was taken."""
    if directory.snapshot().secrets:
        return False

    def first(tx: Tx) -> bool:
        if rows.of(tx, SIGNING):
            return False  # another process was faster
        rows.put(tx, SecretRow(SIGNING, now, secret))
        return True

    return directory.write(first)


def rotate(directory: Directory, secret: bytes, now: int, days: int) -> int:
    """Signs with `secret` from now on; those before are believed for `days` more. How many are kept beside it."""

    def replace(tx: Tx) -> int:
        stand = rows.of(tx, SIGNING)
        # One was in use until its successor was made: only addresses of that last day must still be believed.
        ended = [row for row, successor in zip(stand[1:], stand, strict=False) if successor.created < now - days * _DAY]
        if ended:
            rows.remove(tx, SIGNING, max(row.created for row in ended) + 1)
        rows.put(tx, SecretRow(SIGNING, now, secret))
        return len(stand) - len(ended)

    return directory.write(replace)


def listed(directory: Directory) -> list[SecretRow]:
    """All of them, the one in use first."""
    return rows.of(directory.reader(), SIGNING)

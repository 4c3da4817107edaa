"""StoreTrouble and its kin: what can go wrong with the disk or the database, in one vocabulary.

Raised by every module of store; caught by queue (the mail stays), doors (451 to the peer) and app (messages).
Never raised for a mistake in the caller's code: that stays ValueError or TypeError.
Fails with nothing of its own.
"""

import errno
import sqlite3
from typing import Any

FULL, IO, LOCKED, READONLY, CORRUPT, CLOSED, OTHER = "full", "io", "locked", "readonly", "corrupt", "closed", "other"
LOST, TAKEN = "lost", "taken"  # the database's server does not answer; the shard is another's

_KINDS = {  # primary result codes of SQLite  # https://www.sqlite.org/rescode.html
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_IOERR: IO,
    sqlite3.SQLITE_CANTOPEN: IO,
    sqlite3.SQLITE_NOMEM: IO,
    sqlite3.SQLITE_BUSY: LOCKED,
    sqlite3.SQLITE_LOCKED: LOCKED,
    sqlite3.SQLITE_PROTOCOL: LOCKED,
    sqlite3.SQLITE_READONLY: READONLY,
    sqlite3.SQLITE_PERM: READONLY,
    sqlite3.SQLITE_AUTH: READONLY,
    sqlite3.SQLITE_CORRUPT: CORRUPT,
    sqlite3.SQLITE_NOTADB: CORRUPT,
}
_ERRNOS = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: FULL,
    errno.EFBIG: FULL,
    errno.EROFS: READONLY,
    errno.EACCES: READONLY,
    errno.EPERM: READONLY,
}
_STATES = {  # of PostgreSQL: codes, and classes of two letters
    "53100": FULL,
    "53": IO,
    "58": IO,
    "08": LOST,
    "57014": LOCKED,
    "57": LOST,
    "25006": READONLY,
    "42501": READONLY,
    "40": LOCKED,
    "55": LOCKED,
    "XX": CORRUPT,
}


class StoreTrouble(Exception):
    """The store could not do it now. `kind` is one of this module's words; nothing was acknowledged.

    Always temporary towards a peer. `disk` says that the medium is at fault rather than one row.
    """

    def __init__(self, text: str, kind: str = OTHER) -> None:
        super().__init__(text)
        self.kind = kind

    @property
    def disk(self) -> bool:
        return self.kind in (FULL, IO, LOCKED, READONLY, LOST, TAKEN)


class BadRow(StoreTrouble):
    """One row cannot be read; `id` is the letter's. Other rows are not concerned."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(f"letter {number}: {text}", CORRUPT)
        self.id = number


class Gone(StoreTrouble):
    """There is no such letter (any more); `id` is the one asked for."""

    def __init__(self, number: int) -> None:
        super().__init__(f"letter {number} is not in the store", OTHER)
        self.id = number


class ShardTaken(StoreTrouble):
    """Another process owns the shard; `pid` is its process id here, 0 if it left none or is elsewhere: `owner`."""

    def __init__(self, number: int, pid: int, owner: str = "") -> None:
        super().__init__(f"shard {number:04d} is owned by {owner or 'process ' + str(pid or 'unknown')}", LOCKED)
        self.number = number
        self.pid = pid


class ShardLost(StoreTrouble):
    """The shard was ours and is another's by now: nothing of this commit was written, and nothing ever will be."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} was taken by another worker", TAKEN)


class Doubt(StoreTrouble):
    """The connection broke before a commit was answered. `mark` is what `Link.happened` needs to find out."""

    def __init__(self, text: str, mark: tuple[Any, ...]) -> None:
        super().__init__(text, LOST)
        self.mark = mark


class WrongVersion(StoreTrouble):
    """The database is not at the revision this code was written for: `store.prepare` must run first."""


def of(error: BaseException, doing: str) -> StoreTrouble:
    """The StoreTrouble that says what `error` means; `doing` names what was tried."""
    return known(error, doing) or StoreTrouble(f"{doing}: {error!r}")


def known(error: BaseException, doing: str) -> StoreTrouble | None:
    """The same, None for what neither a driver nor the system raised: a bug, or the caller's own."""
    if isinstance(error, StoreTrouble):
        return error
    if isinstance(error, OSError):
        return StoreTrouble(f"{doing}: {error}", _ERRNOS.get(error.errno or 0, IO))
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)
        return StoreTrouble(f"{doing}: {error}", OTHER if code is None else _KINDS.get(code & 0xFF, OTHER))
    if hasattr(error, "sqlstate"):  # psycopg's, which is not imported where there is no PostgreSQL
        return StoreTrouble(f"{doing}: {error}", _of_state(error.sqlstate))
    return None


def _of_state(state: str | None) -> str:
    """# https://www.postgresql.org/docs/current/errcodes-appendix.html"""
    if state is None:  # the connection itself: nothing came back
        return LOST
    return _STATES.get(state) or _STATES.get(state[:2], OTHER)

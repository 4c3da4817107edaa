"""The directory's rows: domains and accounts, in DATA/hatoba.db, shared by every process of the node.

Called by the directory room: `attach` once, reads from its `reader`, writes through `write`.
Never caches, never hashes a password, never decides what is local.
Fails with StoreTrouble; with WrongVersion when `store.prepare` has not run.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import astuple
from sqlalchemy import bindparam, select, update

from hatoba.store import sql, sqlite, trouble
from hatoba.store.rows import AccountRow, DomainRow
from hatoba.store.settings import Settings
from hatoba.store.sql import Reader, Tx
from hatoba.store.tables import DIRECTORY_REVISION
from hatoba.store.tables import account as _account
from hatoba.store.tables import change as _change
from hatoba.store.tables import domain as _domain

T = TypeVar("T")
NAME = "hatoba.db"


class Register:
    """The directory database, open. Threads may share it if they take turns.

    `write` is for changes that every process must see: `version()` moves with each. `note` is for what machines
    remember (greylisting, policies, counts): nobody loads the directory anew for it.
    """

    def __init__(self, path: Path, settings: Settings) -> None:
        self._path = path
        self._settings = settings
        self.reader = sqlite.reader(path, busy=settings.busy_timeout)
        self._seen = -1
        self._count = -1

    def version(self) -> int:
        """Another number after each change by any process, this one included. Cheap while nothing was written."""
        seen = self.reader.version()  # moves with a commit on any other connection: so ours writes on one of its own
        if seen != self._seen:
            self._count = int(self.reader.rows(_COUNT)[0][0])
            self._seen = seen
        return self._count

    def write(self, function: Callable[[Tx], T]) -> T:
        """Runs `function` in a transaction of its own and returns what it does; rolled back if it raises."""

        def counted(tx: Tx) -> T:
            done = function(tx)
            tx.run(_CHANGED)
            return done

        return self.note(counted)

    def note(self, function: Callable[[Tx], T]) -> T:
        """As `write`, but no process loads the directory anew for it.

        Both are rare, so the writing connection lives no longer than one of them.
        """
        connection = sqlite.connect(self._path, busy=self._settings.busy_timeout)
        try:
            with sqlite.transaction(connection) as tx:
                return function(tx)
        finally:
            connection.close()

    def close(self) -> None:
        self.reader.close()


def attach(data: Path, settings: Settings) -> Register:
    """Opens DATA/hatoba.db. WrongVersion if it is missing or not at this code's revision."""
    path = data / NAME
    if not path.exists():
        raise trouble.WrongVersion(f"{path} does not exist yet")
    register = Register(path, settings)
    found = sqlite.revision(register.reader)
    if found != DIRECTORY_REVISION:
        register.close()
        raise trouble.WrongVersion(f"{path} is at revision {found or 'none'}, this program needs {DIRECTORY_REVISION}")
    return register


_COUNT = sql.text(select(_change.c.n))
_CHANGED = "UPDATE change SET n = n + 1"
_DOMAINS = sql.text(select(*_domain.c).order_by(_domain.c.name))
_DOMAIN = sql.text(select(*_domain.c).where(_domain.c.name == bindparam("name")))
_ACCOUNTS = sql.text(select(*_account.c).order_by(_account.c.key))
_ACCOUNT = sql.text(select(*_account.c).where(_account.c.key == bindparam("key")))
_PUT_DOMAIN, _PUT_ACCOUNT = sql.put(_domain), sql.put(_account)
_LOGIN = sql.text(
    update(_account).where(_account.c.key == bindparam("which")).values(last_login=bindparam("last_login"))
)


def domains(reader: Reader) -> list[DomainRow]:
    """All domains, by name."""
    return [DomainRow(*row) for row in reader.rows(_DOMAINS)]


def domain(reader: Reader, name: str) -> DomainRow | None:
    """The domain of that name (lower case A-labels)."""
    found = reader.rows(_DOMAIN, (name,))
    return DomainRow(*found[0]) if found else None


def put_domain(tx: Tx, row: DomainRow) -> bool:
    """Adds the domain or overwrites it; True if it was new."""
    new = domain(tx, row.name) is None
    tx.run(_PUT_DOMAIN, astuple(row))
    return new


def remove_domain(tx: Tx, name: str) -> bool:
    """True if there was one. Accounts of the domain stay: the caller decides."""
    return tx.run(_domain.delete().where(_domain.c.name == name)) > 0


def accounts(reader: Reader) -> list[AccountRow]:
    """All accounts, by key."""
    return [_made(row) for row in reader.rows(_ACCOUNTS)]


def account(reader: Reader, key: str) -> AccountRow | None:
    """The account with that key."""
    found = reader.rows(_ACCOUNT, (key,))
    return _made(found[0]) if found else None


def put_account(tx: Tx, row: AccountRow) -> bool:
    """Adds the account or overwrites it; True if it was new."""
    new = account(tx, row.key) is None
    *rest, enabled = astuple(row)
    tx.run(_PUT_ACCOUNT, (*rest, int(enabled)))
    return new


def remove_account(tx: Tx, key: str) -> bool:
    """True if there was one."""
    return tx.run(_account.delete().where(_account.c.key == key)) > 0


def logged_in(tx: Tx, key: str, at: int) -> None:
    """Notes the last login (ms)."""
    tx.run(_LOGIN, (at, key))


def _made(row: tuple[Any, ...]) -> AccountRow:
    """SQLite has no booleans: the last column comes back as 0 or 1."""
    return AccountRow(*(*row[:-1], bool(row[-1])))

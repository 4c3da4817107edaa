"""The directory's rows: domains and accounts, in DATA/hatoba.db, shared by every process of the node.

Called by the directory room: `open` once, reads from its `reader`, writes through `write`.
Never caches, never hashes a password, never decides what is local.
Fails with StoreTrouble; with WrongVersion at open when `store.prepare` has not run.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hatoba.store.rows import AccountRow, DomainRow
from hatoba.store.settings import Settings
from hatoba.store.sqlite import Reader, Tx

T = TypeVar("T")
NAME = "hatoba.db"


class Register:
    """The directory database, open. One thread at a time.

    `reader` reads; `reader.version()` moves whenever a write by any process (this one included) was committed.
    """

    reader: Reader

    def write(self, function: Callable[[Tx], T]) -> T:
        """Runs `function` in a transaction of its own and returns what it does; rolled back if it raises."""

    def close(self) -> None: ...


def attach(data: Path, settings: Settings) -> Register:
    """Opens DATA/hatoba.db. WrongVersion if it is missing or not at this code's revision."""


def domains(reader: Reader) -> list[DomainRow]:
    """All domains, by name."""


def domain(reader: Reader, name: str) -> DomainRow | None: ...


def put_domain(tx: Tx, row: DomainRow) -> bool:
    """Adds the domain or overwrites it; True if it was new."""


def remove_domain(tx: Tx, name: str) -> bool:
    """True if there was one. Accounts of the domain stay: the caller decides."""


def accounts(reader: Reader) -> list[AccountRow]:
    """All accounts, by key."""


def account(reader: Reader, key: str) -> AccountRow | None: ...


def put_account(tx: Tx, row: AccountRow) -> bool:
    """Adds the account or overwrites it; True if it was new."""


def remove_account(tx: Tx, key: str) -> bool:
    """True if there was one."""


def logged_in(tx: Tx, key: str, at: int) -> None:
    """Notes the last login (ms)."""

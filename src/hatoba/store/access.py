"""The rows that go with an account: what it may, its app passwords, and when it last came in.

Called by the directory room, in its transactions and from its reader.
Never sees a password: `data` are JSON objects whose keys belong to directory, a hash among them.
Fails with StoreTrouble.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import astuple
from sqlalchemy import and_, bindparam, select

from hatoba.store import sql
from hatoba.store.sql import Reader, Tx
from hatoba.store.tables import allowance as _allowance
from hatoba.store.tables import app_password as _password
from hatoba.store.tables import login as _login


class AllowanceRow(msgspec.Struct, frozen=True, gc=False):
    """What an account (its key) may, where that is not what the settings say. `changed` in ms."""

    account: str
    changed: int
    data: bytes


class AppPasswordRow(msgspec.Struct, frozen=True, gc=False):
    """An app password of an account (its key); `id` tells it from the account's others. `created` in ms."""

    account: str
    id: str
    created: int
    data: bytes


class LoginRow(msgspec.Struct, frozen=True, gc=False):
    """When an account last came in over a protocol with a password: the id of an app password, "" its own. ms."""

    account: str
    protocol: str
    password: str
    at: int


_ALLOWANCES = sql.text(select(*_allowance.c))
_ALLOWANCE_OF = sql.text(select(*_allowance.c).where(_allowance.c.account == bindparam("account")))
_PASSWORDS = sql.text(select(*_password.c).order_by(_password.c.account, _password.c.created, _password.c.id))
_LOGINS = sql.text(select(*_login.c).order_by(_login.c.account, _login.c.protocol, _login.c.password))
_LOGINS_OF = sql.text(select(*_login.c).where(_login.c.account == bindparam("account")))
_PUT_ALLOWANCE, _PUT_PASSWORD, _PUT_LOGIN = sql.put(_allowance), sql.put(_password), sql.put(_login)


def allowances(reader: Reader) -> list[AllowanceRow]:
    """All, in no order."""
    return [AllowanceRow(*row) for row in reader.rows(_ALLOWANCES)]


def allowance_of(reader: Reader, account: str) -> AllowanceRow | None:
    """The account's, None where it is as the settings say."""
    found = reader.rows(_ALLOWANCE_OF, (account,))
    return AllowanceRow(*found[0]) if found else None


def put_allowance(tx: Tx, row: AllowanceRow) -> None:
    """Adds it or overwrites what the account had."""
    tx.run(_PUT_ALLOWANCE, astuple(row))


def passwords(reader: Reader) -> list[AppPasswordRow]:
    """All app passwords, by account, the oldest first."""
    return [AppPasswordRow(*row) for row in reader.rows(_PASSWORDS)]


def passwords_of(reader: Reader, account: str) -> list[AppPasswordRow]:
    """The app passwords of an account, the oldest first."""
    chosen = select(*_password.c).where(_password.c.account == account).order_by(_password.c.created, _password.c.id)
    return [AppPasswordRow(*row) for row in reader.rows(*sql.bound(chosen))]


def put_password(tx: Tx, row: AppPasswordRow) -> None:
    """Adds the app password or overwrites it."""
    tx.run(_PUT_PASSWORD, astuple(row))


def remove_password(tx: Tx, account: str, identity: str) -> bool:
    """True if there was one; when it was last used is forgotten with it."""
    tx.run(_login.delete().where(and_(_login.c.account == account, _login.c.password == identity)))
    return tx.run(_password.delete().where(and_(_password.c.account == account, _password.c.id == identity))) > 0


def logins(reader: Reader, account: str = "") -> list[LoginRow]:
    """Of an account, or of all."""
    found = reader.rows(_LOGINS_OF, (account,)) if account else reader.rows(_LOGINS)
    return [LoginRow(*row) for row in found]


def came_in(tx: Tx, row: LoginRow) -> None:
    """Notes a login, instead of the last one of its kind."""
    tx.run(_PUT_LOGIN, astuple(row))


def remove_all(tx: Tx, account: str) -> None:
    """Everything that goes with an account that is being removed."""
    for table in (_allowance, _password, _login):
        tx.run(table.delete().where(table.c.account == account))

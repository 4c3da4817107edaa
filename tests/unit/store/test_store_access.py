"""What goes with an account, as rows, on both engines."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from hatoba.store import access, base
from hatoba.store import directory as files
from hatoba.store.access import AllowanceRow, AppPasswordRow, LoginRow
from hatoba.store.settings import Settings

ALICE, BOB = "alice@example.org", "bob@example.org"


@pytest.fixture
def register(engine: str, request: pytest.FixtureRequest, settings: Settings) -> Iterator[base.Register]:
    if engine == "sqlite":
        data: Path = request.getfixturevalue("data")
        opened: base.Register = files.attach(data, settings)
    else:
        opened = request.getfixturevalue("postgres").register()
    yield opened
    opened.close()


def test_allowances(register: base.Register) -> None:
    old, new, other = AllowanceRow(ALICE, 1, b"{}"), AllowanceRow(ALICE, 2, b'{"x":1}'), AllowanceRow(BOB, 3, b"\xff")
    for row in (old, other, new):
        register.write(partial(access.put_allowance, row=row))
    assert sorted(access.allowances(register.reader), key=lambda row: row.account) == [new, other]
    assert access.allowance_of(register.reader, ALICE) == new
    assert access.allowance_of(register.reader, "nobody") is None


def test_app_passwords(register: base.Register) -> None:
    late, early, other = (
        AppPasswordRow(ALICE, "aa", 2, b"\0"), AppPasswordRow(ALICE, "bb", 1, b""), AppPasswordRow(BOB, "aa", 1, b"x"),
    )  # fmt: skip
    for row in (late, early, other):
        register.write(partial(access.put_password, row=row))
    assert access.passwords(register.reader) == [early, late, other]
    assert access.passwords_of(register.reader, ALICE) == [early, late]
    for protocol, used in (("imap", "aa"), ("imap", "bb"), ("imap", "")):
        register.note(partial(access.came_in, row=LoginRow(ALICE, protocol, used, 5)))
    assert register.write(lambda tx: access.remove_password(tx, ALICE, "aa"))
    assert not register.write(lambda tx: access.remove_password(tx, ALICE, "aa"))
    assert access.passwords(register.reader) == [early, other]
    assert [row.password for row in access.logins(register.reader)] == ["", "bb"]


def test_logins_are_noted_and_nobody_loads_the_directory_anew(register: base.Register) -> None:
    before = register.version()
    for at in (1, 2):
        register.note(partial(access.came_in, row=LoginRow(ALICE, "smtp", "", at)))
    register.note(partial(access.came_in, row=LoginRow(BOB, "imap", "aa", 3)))
    assert register.version() == before
    assert access.logins(register.reader) == [LoginRow(ALICE, "smtp", "", 2), LoginRow(BOB, "imap", "aa", 3)]
    assert access.logins(register.reader, BOB) == [LoginRow(BOB, "imap", "aa", 3)]


def test_with_the_account_all_goes(register: base.Register) -> None:
    for name in (ALICE, BOB):
        register.write(partial(access.put_allowance, row=AllowanceRow(name, 1, b"{}")))
        register.write(partial(access.put_password, row=AppPasswordRow(name, "aa", 1, b"{}")))
        register.note(partial(access.came_in, row=LoginRow(name, "imap", "aa", 1)))
    register.write(lambda tx: access.remove_all(tx, ALICE))
    assert [row.account for row in access.allowances(register.reader)] == [BOB]
    assert [row.account for row in access.passwords(register.reader)] == [BOB]
    assert [row.account for row in access.logins(register.reader)] == [BOB]

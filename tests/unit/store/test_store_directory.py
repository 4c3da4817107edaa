"""The directory's rows, and the version that moves with every commit, whoever made it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hatoba.store import directory, trouble
from hatoba.store.rows import AccountRow, DomainRow
from hatoba.store.settings import Settings
from hatoba.store.sql import Tx


@pytest.fixture
def register(data: Path, settings: Settings) -> Iterator[directory.Register]:
    opened = directory.attach(data, settings)
    yield opened
    opened.close()


def test_domains(register: directory.Register) -> None:
    local, relay = DomainRow("b.example", "local", 1), DomainRow("a.example", "relay", 2, b'{"x":1}')
    assert register.write(lambda tx: directory.put_domain(tx, local))
    assert register.write(lambda tx: directory.put_domain(tx, relay))
    assert not register.write(lambda tx: directory.put_domain(tx, DomainRow("b.example", "relay", 3)))
    assert directory.domains(register.reader) == [relay, DomainRow("b.example", "relay", 3)]
    assert directory.domain(register.reader, "a.example") == relay
    assert directory.domain(register.reader, "c.example") is None
    assert register.write(lambda tx: directory.remove_domain(tx, "a.example"))
    assert not register.write(lambda tx: directory.remove_domain(tx, "a.example"))


def test_accounts(register: directory.Register) -> None:
    row = AccountRow("bob@b.example", "Bob@b.example", "$argon2id$…", b"\x00scram", 1, 2)
    assert register.write(lambda tx: directory.put_account(tx, row))
    assert directory.account(register.reader, row.key) == row
    assert directory.account(register.reader, row.key).enabled is True  # type: ignore[union-attr]  # just compared
    off = AccountRow(row.key, row.address, "new", b"", 1, 5, 0, False)
    assert not register.write(lambda tx: directory.put_account(tx, off))
    register.write(lambda tx: directory.logged_in(tx, row.key, 99))
    assert directory.accounts(register.reader) == [AccountRow(row.key, row.address, "new", b"", 1, 5, 99, False)]
    assert directory.account(register.reader, "x@y") is None
    assert register.write(lambda tx: directory.remove_account(tx, row.key))
    assert not register.write(lambda tx: directory.remove_account(tx, row.key))


def test_the_version_moves(register: directory.Register, data: Path, settings: Settings) -> None:
    before = register.reader.version()
    assert register.reader.version() == before
    register.write(lambda tx: directory.put_domain(tx, DomainRow("a", "local", 1)))
    mine = register.reader.version()
    assert mine != before
    other = directory.attach(data, settings)
    other.write(lambda tx: directory.remove_domain(tx, "a"))
    other.close()
    assert register.reader.version() != mine


def test_a_change_that_fails_leaves_nothing(register: directory.Register) -> None:
    def half(tx: Tx) -> None:
        directory.put_domain(tx, DomainRow("a", "local", 1))
        raise KeyError("no")

    with pytest.raises(KeyError):
        register.write(half)
    assert directory.domains(register.reader) == []
    with pytest.raises(trouble.StoreTrouble):
        register.reader.rows("DELETE FROM domain")  # readers only read


def test_not_prepared(tmp_path: Path, settings: Settings, data: Path) -> None:
    with pytest.raises(trouble.WrongVersion, match="does not exist"):
        directory.attach(tmp_path, settings)
    register = directory.attach(data, settings)
    register.write(lambda tx: tx.run("UPDATE alembic_version SET version_num = '9999'"))
    register.close()
    with pytest.raises(trouble.WrongVersion, match="9999"):
        directory.attach(data, settings)


def test_a_note_moves_nothing(data: Path, settings: Settings) -> None:
    """What machines remember makes no process load the directory anew; what people change does."""
    ours = directory.attach(data, settings)
    other = directory.attach(data, settings)
    before = ours.version()
    other.note(lambda tx: tx.run("INSERT INTO greylist VALUES ('k', 1, 2, 0)"))
    assert ours.version() == before
    assert ours.reader.rows("SELECT key FROM greylist") == [("k",)]
    other.write(lambda tx: directory.put_domain(tx, DomainRow("a.example", "local", 1)))
    assert ours.version() != before
    ours.close()
    other.close()

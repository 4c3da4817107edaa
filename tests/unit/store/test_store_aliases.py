"""Rows of aliases and secrets on both engines; the stamp that tells whether aliases must be read again."""

from collections.abc import Iterator

import pytest

from hatoba.store import aliases, base, directory, secrets
from hatoba.store.rows import AliasRow, DomainRow, SecretRow
from hatoba.store.server import Server
from hatoba.store.settings import Settings


@pytest.fixture
def register(engine: str, request: pytest.FixtureRequest, settings: Settings) -> Iterator[base.Register]:
    opened: base.Register
    if engine == "sqlite":
        opened = directory.attach(request.getfixturevalue("data"), settings)
    else:
        home: Server = request.getfixturevalue("postgres")
        opened = home.register()
    yield opened
    opened.close()


def test_rows_come_and_go(register: base.Register) -> None:
    one = AliasRow("info@b.example", "b.example", 5, b'{"to":["x@y.example"]}')
    rest = AliasRow("@a.example", "a.example", 6, b'{"to":["discard"]}')
    register.write(lambda tx: aliases.put(tx, [one, rest]))
    assert aliases.rows(register.reader) == [rest, one]
    assert aliases.row(register.reader, "info@b.example") == one
    assert aliases.row(register.reader, "") is None
    assert aliases.table(register.reader) == {row.key: row.data for row in (one, rest)}
    assert [aliases.count(register.reader, name) for name in ("a.example", "b.example", "c.example", "")] == [
        1,
        1,
        0,
        1,
    ]
    other = AliasRow("info@b.example", "b.example", 5, b"{}")
    register.write(lambda tx: aliases.put(tx, [other]))
    assert aliases.row(register.reader, one.key) == other
    assert register.write(lambda tx: aliases.remove(tx, one.key))
    assert not register.write(lambda tx: aliases.remove(tx, one.key))
    assert not register.write(lambda tx: aliases.remove(tx, ""))
    assert aliases.rows(register.reader) == [rest]


def test_the_stamp_moves_with_aliases_only(register: base.Register) -> None:
    before = aliases.stamp(register.reader)
    register.write(lambda tx: directory.put_domain(tx, DomainRow("a.example", "local", 1)))
    assert aliases.stamp(register.reader) == before
    register.write(lambda tx: aliases.put(tx, [AliasRow("x@a.example", "a.example", 1)]))
    put = aliases.stamp(register.reader)
    register.write(lambda tx: aliases.remove(tx, "x@a.example"))
    assert len({before, put, aliases.stamp(register.reader)}) == 3


def test_many_in_one_change(register: base.Register) -> None:
    many = [AliasRow(f"u{n:04}@a.example", "a.example", n, b"{}") for n in range(1000)]
    register.write(lambda tx: aliases.put(tx, many))
    assert aliases.rows(register.reader) == many


def test_secrets_newest_first(register: base.Register) -> None:
    for created in (10, 30, 20):
        register.write(lambda tx, created=created: secrets.put(tx, SecretRow("srs", created, bytes([created]))))  # type: ignore[misc] # a default is bound
    register.write(lambda tx: secrets.put(tx, SecretRow("other", 40, b"o")))
    assert [row.created for row in secrets.of(register.reader, "srs")] == [30, 20, 10]
    assert register.write(lambda tx: secrets.remove(tx, "srs", 20)) == 1
    assert [row.data for row in secrets.of(register.reader, "srs")] == [bytes([30]), bytes([20])]
    assert [row.data for row in secrets.of(register.reader, "other")] == [b"o"]

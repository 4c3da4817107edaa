"""The rows of DKIM keys, on both engines."""

from collections.abc import Iterator
from functools import partial

import pytest

from hatoba.store import base, dkim_keys
from hatoba.store.directory import attach
from hatoba.store.dkim_keys import DkimKeyRow
from hatoba.store.settings import Settings
from hatoba.store.sql import Tx


@pytest.fixture
def register(engine: str, request: pytest.FixtureRequest, settings: Settings) -> Iterator[base.Register]:
    opened: base.Register = (
        attach(request.getfixturevalue("data"), settings)
        if engine == "sqlite"
        else request.getfixturevalue("postgres").register()
    )
    yield opened
    opened.close()


def _put(row: DkimKeyRow, tx: Tx) -> None:
    dkim_keys.put(tx, row)


def test_keys_come_and_go(register: base.Register) -> None:
    rows = [
        DkimKeyRow("b.example", "2-rsa", 2, 0, b'{"x":1}'),
        DkimKeyRow("b.example", "1-rsa", 1, 0, b"{}"),
        DkimKeyRow("a.example", "1-rsa", 9, 0, b"{}"),
    ]
    for row in rows:
        register.write(partial(_put, row))
    assert dkim_keys.keys(register.reader) == [rows[2], rows[1], rows[0]]
    assert dkim_keys.of_domain(register.reader, "b.example") == [rows[1], rows[0]]
    changed = DkimKeyRow("b.example", "1-rsa", 1, 77, b"\x00\xff")
    register.write(lambda tx: dkim_keys.put(tx, changed))
    assert dkim_keys.of_domain(register.reader, "b.example") == [changed, rows[0]]
    assert register.write(lambda tx: dkim_keys.remove(tx, "b.example", "1-rsa"))
    assert not register.write(lambda tx: dkim_keys.remove(tx, "b.example", "1-rsa"))
    assert dkim_keys.of_domain(register.reader, "b.example") == [rows[0]]


def test_everybody_sees_a_change(register: base.Register) -> None:
    before = register.version()
    register.write(lambda tx: dkim_keys.put(tx, DkimKeyRow("b.example", "s", 1, 0, b"{}")))
    assert register.version() != before

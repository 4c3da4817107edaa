"""Policies and tallies as rows, on both engines."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from hatoba.store import base, policies, tallies
from hatoba.store import directory as files
from hatoba.store.rows import PolicyRow, TallyRow
from hatoba.store.settings import Settings


@pytest.fixture
def register(engine: str, request: pytest.FixtureRequest, settings: Settings) -> Iterator[base.Register]:
    if engine == "sqlite":
        data: Path = request.getfixturevalue("data")
        opened: base.Register = files.attach(data, settings)
    else:
        opened = request.getfixturevalue("postgres").register()
    yield opened
    opened.close()


def test_a_policy_is_kept_and_replaced(register: base.Register) -> None:
    old = PolicyRow("example.org", "sts", 10, 1000, b'{"id":"1"}')
    other = PolicyRow("example.net", "sts", 20, 500, b"{}")
    before = register.version()
    for row in (old, other):
        register.note(partial(policies.put, row=row))
    assert register.version() == before  # nobody loads the directory anew
    assert policies.get(register.reader, "example.org", "sts") == old
    assert policies.get(register.reader, "example.org", "x") is None
    new = PolicyRow("example.org", "sts", 30, 2000, b'{"id":"2"}')
    register.note(lambda tx: policies.put(tx, new))
    assert policies.since(register.reader, "sts", 0, 10) == [new, other]
    assert policies.since(register.reader, "sts", 20, 10) == [new]
    assert policies.since(register.reader, "sts", 0, 1) == [new]
    assert register.note(lambda tx: policies.forget(tx, "sts", 501)) == 1
    assert register.note(lambda tx: policies.remove(tx, "example.org", "sts"))
    assert not register.note(lambda tx: policies.remove(tx, "example.org", "sts"))


def test_counts_are_added_up(register: base.Register) -> None:
    def row(day: int, domain: str, key: str, count: int) -> TallyRow:
        return TallyRow("tls", day, domain, key, count, b'{"k":"' + key.encode() + b'"}')

    many = [row(1, "example.org", f"{n:04}", 1) for n in range(150)]
    register.note(lambda tx: tallies.add(tx, many))
    register.note(lambda tx: tallies.add(tx, [row(1, "example.org", "0007", 41), row(2, "a.example", "x", 2)]))
    found = {each.key: each.count for each in tallies.of(register.reader, "tls", 1, "example.org")}
    assert len(found) == 150
    assert (found["0007"], found["0008"]) == (42, 1)
    assert tallies.days(register.reader, "tls") == [1, 2]
    assert tallies.days(register.reader, "dmarc") == []
    assert tallies.domains(register.reader, "tls", 2) == ["a.example"]
    assert tallies.of(register.reader, "tls", 2, "a.example") == [row(2, "a.example", "x", 2)]
    assert register.note(lambda tx: tallies.forget(tx, "tls", 2)) == 150
    assert tallies.days(register.reader, "tls") == [2]

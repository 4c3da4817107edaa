"""Changes to aliases: what is declined and why, limits, circles that are there all the same, who may send as what."""

from collections.abc import Callable

import pytest

from hatoba.directory import aliases, changes, resolve, returns, roster
from hatoba.directory.aliases import Alias, Roll
from hatoba.directory.directory import Directory
from hatoba.directory.entries import BadEntry
from hatoba.directory.resolve import Found
from hatoba.directory.snapshot import Aliases, Snapshot
from hatoba.model.address import Address
from hatoba.store import aliases as rows
from hatoba.store.rows import AliasRow, DomainRow

NOW = 1_700_000_000_000
SALT = b"0123456789abcdef"
Open = Callable[..., Directory]


def add(directory: Directory, address: str, *targets: str, roll: Roll | None = None, keep: bool = False) -> Alias:
    return roster.add(directory, roster.shaped(directory, address, targets, NOW, roll=roll, keep=keep))


def to(directory: Directory, address: str, *, bounce: bool = False) -> list[str]:
    """The recipients behind an address."""
    return [str(leaf.address) for leaf in directory.expand(Address.parse(address), bounce=bounce).leaves]


def found(directory: Directory, address: str) -> Found:
    return directory.expand(Address.parse(address))


def said(directory: Directory, address: str) -> list[str]:
    return [status.code for status in found(directory, address).said]


def test_circles_are_not_added(opened: Open) -> None:
    directory = opened()
    add(directory, "b@example.org", "alice@example.org")
    add(directory, "a@example.org", "b@example.org")
    with pytest.raises(BadEntry, match="circle"):
        roster.join(directory, "b@example.org", ["a@example.org"])
    with pytest.raises(BadEntry, match="circle"):
        add(directory, "alice@example.org", "a@example.org", "x@y.example")
    changes.add_domain(directory, "one.example", "local", NOW)
    changes.add_domain(directory, "two.example", "local", NOW)
    add(directory, "@one.example", "@two.example")
    with pytest.raises(BadEntry, match="circle"):
        add(directory, "@two.example", "@one.example")
    with pytest.raises(BadEntry, match="circle"):
        add(directory, "@two.example", "someone@one.example")


def test_a_circle_that_is_there_all_the_same_loses_nobody(opened: Open) -> None:
    directory = opened()

    def wild(name: str, *targets: str) -> AliasRow:
        return aliases.row(Alias(name, targets))

    directory.write(
        lambda tx: rows.put(
            tx,
            [
                wild("a@example.org", "b@example.org", "x@y.example"),
                wild("b@example.org", "a@example.org", "bob@example.org"),
                wild("c@example.org", "d@example.org"),
                wild("d@example.org", "c@example.org"),
                wild("alice@example.org", "a@example.org", "e@example.org"),
                wild("e@example.org", "alice@example.org"),
            ],
        )
    )
    assert to(directory, "a@example.org") == ["bob@example.org", "x@y.example"]
    assert found(directory, "a@example.org").circular == ["a@example.org"]
    assert to(directory, "c@example.org") == []
    assert found(directory, "c@example.org").circular == ["c@example.org"]
    assert to(directory, "alice@example.org") == ["bob@example.org", "x@y.example", "alice@example.org"]


def test_limits(opened: Open) -> None:
    directory = opened(alias_targets=3, alias_depth=2, alias_expansion=4)
    with pytest.raises(BadEntry, match="alias_targets"):
        add(directory, "a@example.org", *(f"u{n}@x.example" for n in range(4)))
    add(directory, "a@example.org", *(f"u{n}@x.example" for n in range(3)))
    with pytest.raises(BadEntry, match="alias_targets"):
        roster.join(directory, "a@example.org", ["u3@x.example"])
    add(directory, "b@example.org", "a@example.org", "u3@x.example")
    with pytest.raises(BadEntry, match="alias_depth"):
        add(directory, "c@example.org", "b@example.org")
    with pytest.raises(BadEntry, match="alias_expansion"):
        add(directory, "d@example.org", "a@example.org", "u3@x.example", "u4@x.example")
    narrow = opened(alias_expansion=2)
    with pytest.raises(resolve.TooMany):
        narrow.expand(Address.parse("a@example.org"))
    with pytest.raises(BadEntry, match="more than 2 recipients"):
        roster.trial(narrow, "a@example.org")
    with pytest.raises(resolve.TooDeep):
        opened(alias_depth=1).expand(Address.parse("b@example.org"))
    with pytest.raises(BadEntry, match="more than 1 aliases"):
        roster.trial(opened(alias_depth=1), "b@example.org")


def test_a_bomb_ends_within_its_bound() -> None:
    """Thirty aliases of two targets each, all meeting again: two to the thirtieth ways, thirty steps."""
    table = {
        f"{side}{n}@x.example": aliases.row(
            Alias(f"{side}{n}@x.example", (f"a{n + 1}@x.example", f"b{n + 1}@x.example"))
        ).data
        for n in range(30)
        for side in "ab"
    }
    table["a30@x.example"] = aliases.row(Alias("a30@x.example", ("in@y.example",))).data
    table["b30@x.example"] = table["a30@x.example"]
    snapshot = Snapshot([DomainRow("x.example", "local", 1)], (), "+", Aliases(table))
    reached = resolve.expand(snapshot, Address("a0", "x.example"), most=100, deep=50)
    assert [str(leaf.address) for leaf in reached.leaves] == ["in@y.example"]
    wide = {"w@x.example": aliases.row(Alias("w@x.example", tuple(f"u{n}@y.example" for n in range(1000)))).data}
    with pytest.raises(resolve.TooMany):
        resolve.expand(
            Snapshot([DomainRow("x.example", "local", 1)], (), "+", Aliases(wide)),
            Address("w", "x.example"),
            most=999,
            deep=5,
        )


@pytest.mark.parametrize(
    ("address", "targets"),
    [
        ("x@nowhere.example", ["bob@example.org"]),
        ("no address", ["bob@example.org"]),
        ('""@example.org', ["bob@example.org"]),
        ("x@example.org", []),
        ("x@example.org", ["not an address"]),
        ("x@example.org", ["nobody@example.org"]),
        ("x@[192.0.2.1]", ["bob@example.org"]),
        ("@[192.0.2.1]", ["bob@example.org"]),
    ],
)
def test_what_is_not_added(opened: Open, address: str, targets: list[str]) -> None:
    directory = opened()
    with pytest.raises(BadEntry):
        add(directory, address, *targets)
    assert roster.listed(directory) == []


def test_the_rest_of_the_directory_knows_of_aliases(opened: Open) -> None:
    directory = opened()
    add(directory, "x@empty.example", "bob@example.org")
    with pytest.raises(BadEntry, match="alias"):
        changes.remove_domain(directory, "empty.example")
    with pytest.raises(BadEntry, match="is an alias"):
        changes.add_account(directory, "x@empty.example", "correct horse", SALT, NOW)
    roster.remove(directory, "x@empty.example")
    changes.remove_domain(directory, "empty.example")
    add(directory, "y@example.org", "bob@example.org")
    with pytest.raises(BadEntry, match="already"):
        add(directory, "y@example.org", "alice@example.org")
    alias = roster.shaped(directory, "y@example.org", ["alice@example.org"], NOW)
    roster.add(directory, alias, replace=True)
    assert [one.to for one in roster.listed(directory, "example.org")] == [("alice@example.org",)]
    assert roster.listed(directory, "example.net") == []


def test_who_may_send_as_an_alias(opened: Open) -> None:
    directory = opened()
    add(directory, "info@example.org", "bob@example.org", "x@y.example")
    add(directory, "office@example.org", "info@example.org")
    add(directory, "team@example.org", "bob@example.org", roll=Roll("alice@example.org"))
    add(directory, "@example.org", "bob@example.org")
    allowed = [
        name
        for name in ("info", "office", "info+tag", "team", "anybody", "alice", "postmaster")
        if directory.may_send_as("bob@example.org", Address(name, "example.org"))
    ]
    assert allowed == ["info", "office", "info+tag"]
    assert not directory.may_send_as("alice@example.org", Address("info", "example.org"))
    strict = opened(alias_senders=False)
    assert not strict.may_send_as("bob@example.org", Address("info", "example.org"))
    changes.enable(directory, "bob@example.org", False, NOW)
    assert not directory.may_send_as("bob@example.org", Address("info", "example.org"))


def test_another_process_sees_a_new_alias(opened: Open) -> None:
    here, there = opened(), opened()
    kept = here.snapshot().aliases
    changes.enable(there, "bob@example.org", False, NOW)
    here.refresh(NOW)
    assert here.snapshot().aliases is kept  # nothing about aliases has changed: they are not read again
    add(there, "new@example.org", "alice@example.org")
    assert to(here, "new@example.org") == ["alice@example.org"]


def test_an_unreadable_row_is_nobody(opened: Open) -> None:
    directory = opened()
    directory.write(lambda tx: rows.put(tx, [AliasRow("odd@example.org", "example.org", 1, b'{"to": 5}')]))
    directory.write(
        lambda tx: rows.put(tx, [AliasRow("old@example.org", "example.org", 1, b'{"to": ["from the future"]}')])
    )
    assert to(directory, "odd@example.org") == []
    assert to(directory, "old@example.org") == []
    assert said(directory, "old@example.org") == ["5.3.5"]
    assert [(one.key, one.to) for one in roster.listed(directory)] == [
        ("odd@example.org", ()),
        ("old@example.org", ("from the future",)),
    ]


def test_secrets_are_made_once_and_replaced(opened: Open) -> None:
    directory, other = opened(), opened()
    day = 86_400_000
    assert returns.ensure(directory, b"a" * 32, NOW)
    assert not returns.ensure(other, b"b" * 32, NOW + 1)
    other.refresh(NOW)
    assert other.snapshot().secrets == (b"a" * 32,)
    assert returns.rotate(directory, b"c" * 32, NOW + day, 21) == 1
    assert directory.snapshot().secrets == (b"c" * 32, b"a" * 32)
    assert returns.rotate(directory, b"d" * 32, NOW + 20 * day, 21) == 2
    # "a" was in use until the second day: nothing it has signed is younger than that
    assert returns.rotate(directory, b"e" * 32, NOW + 23 * day, 21) == 2
    assert directory.snapshot().secrets == (b"e" * 32, b"d" * 32, b"c" * 32)
    assert [row.created for row in returns.listed(directory)] == [NOW + 23 * day, NOW + 20 * day, NOW + day]

"""Aliases: what an address stands for, what cannot be added, and that nothing circles, explodes or gets lost."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.directory import aliases, changes, resolve, roster, signing
from hatoba.directory.aliases import Alias, Roll
from hatoba.directory.directory import Directory
from hatoba.directory.entries import BadEntry, key
from hatoba.directory.resolve import Found
from hatoba.directory.snapshot import Aliases, Snapshot
from hatoba.model.address import Address
from hatoba.store import aliases as rows
from hatoba.store.rows import AccountRow, AliasRow, DomainRow

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


def test_accounts_aliases_and_the_outside(opened: Open) -> None:
    directory = opened()
    add(directory, "info@example.org", "alice@example.org", "bob@example.org", "x@elsewhere.example")
    add(directory, "Office@example.org", "info@example.org")
    leaves = found(directory, "OFFICE@Example.ORG").leaves
    assert [(str(leaf.address), leaf.kind) for leaf in leaves] == [
        ("alice@example.org", resolve.MAILBOX),
        ("bob@example.org", resolve.MAILBOX),
        ("x@elsewhere.example", resolve.OUTSIDE),
    ]
    assert {leaf.through for leaf in leaves} == {("office@example.org", "info@example.org")}
    assert not found(directory, "alice@example.org").aliased
    assert not found(directory, "carol@example.org").leaves


def test_each_recipient_once(opened: Open) -> None:
    directory = opened()
    add(directory, "a@example.org", "alice@example.org", "ALICE@example.org", "bob@example.org")
    add(directory, "b@example.org", "a@example.org", "bob@example.org", "a@example.org")
    assert to(directory, "b@example.org") == ["alice@example.org", "bob@example.org"]


def test_an_account_forwards_and_keeps_a_copy(opened: Open) -> None:
    directory = opened()
    add(directory, "alice@example.org", "alice@phone.example", keep=True)
    add(directory, "bob@example.org", "bob@phone.example")
    assert to(directory, "alice@example.org") == ["alice@example.org", "alice@phone.example"]
    assert to(directory, "alice+news@example.org") == ["alice+news@example.org", "alice@phone.example"]
    assert to(directory, "bob@example.org") == ["bob@phone.example"]
    with pytest.raises(BadEntry, match="no account"):
        add(directory, "carol@example.org", "x@phone.example", keep=True)
    with pytest.raises(BadEntry, match="no account of that name"):
        add(directory, "carol@example.org", "carol@example.org", "x@phone.example")


def test_subaddresses_go_along_to_mailboxes_here_alone(opened: Open) -> None:
    directory = opened()
    add(directory, "info@example.org", "alice@example.org", "x@elsewhere.example", "y@example.net")
    assert to(directory, "info+shop@example.org") == ["alice+shop@example.org", "x@elsewhere.example", "y@example.net"]
    add(directory, "desk@example.org", "bob+desk@example.org")
    assert to(directory, "desk+x@example.org") == ["bob+desk@example.org"]
    add(directory, "info+shop@example.org", "bob@example.org")
    assert to(directory, "info+shop@example.org") == ["bob@example.org"]
    assert opened(separator="").expand(Address.parse("info+other@example.org")).leaves == []


def test_catch_all_takes_what_nobody_else_does(opened: Open) -> None:
    directory = opened()
    add(directory, "@example.org", "bob@example.org")
    add(directory, "info@example.org", "alice@example.org")
    assert to(directory, "nobody@example.org") == ["bob@example.org"]
    assert to(directory, '"a b"@example.org') == ["bob@example.org"]
    assert to(directory, "info@example.org") == ["alice@example.org"]
    assert to(directory, "alice+x@example.org") == ["alice+x@example.org"]
    assert to(directory, "postmaster@example.org") == ["postmaster@example.org"]
    with pytest.raises(BadEntry, match="relay domain"):
        add(directory, "@example.net", "bob@example.org")


def test_a_domain_stands_for_another(opened: Open) -> None:
    directory = opened()
    changes.add_domain(directory, "new.example", "local", NOW)
    add(directory, "@new.example", "@example.org")
    add(directory, "info@example.org", "bob@example.org")
    assert to(directory, "alice+x@new.example") == ["alice+x@example.org"]
    assert to(directory, "info@new.example") == ["bob@example.org"]
    assert to(directory, "postmaster@new.example") == ["postmaster@example.org"]
    assert not found(directory, "nobody@new.example").leaves
    assert said(directory, "nobody@new.example") == ["5.1.1"]
    for address, target in (("x@new.example", "@example.org"), ("@empty.example", "@elsewhere.example")):
        with pytest.raises(BadEntry):
            add(directory, address, target)
    with pytest.raises(BadEntry, match="nothing can stand beside"):
        add(directory, "@empty.example", "@example.org", "alice@example.org")


def test_roles_of_a_domain_of_nothing_but_aliases(opened: Open) -> None:
    directory = opened()
    assert directory.account(Address.parse("postmaster@empty.example")) is None
    add(directory, "info@empty.example", "bob@example.org")
    owner = directory.account(Address.parse("abuse@empty.example"))
    assert owner is not None
    assert owner.key == "alice@example.org"
    add(directory, "@empty.example", "bob@example.org")
    assert to(directory, "postmaster@empty.example") == ["bob@example.org"]
    add(directory, "postmaster@empty.example", "alice@example.org")
    assert to(directory, "postmaster@empty.example") == ["alice@example.org"]


def test_ends(opened: Open) -> None:
    directory = opened()
    add(directory, "null@example.org", "discard")
    add(directory, "moved@example.org", "reject 5.1.6 Moved to x@y.example")
    add(directory, "closed@example.org", "REJECT")
    (leaf,) = found(directory, "null@example.org").leaves
    assert (str(leaf.address), leaf.kind) == ("null@example.org", resolve.DISCARDED)
    refused = found(directory, "moved@example.org")
    assert not refused.leaves
    assert [str(status) for status in refused.said] == ["5.1.6 Moved to x@y.example"]
    assert said(directory, "closed@example.org") == ["5.1.1"]
    for targets in (("discard", "bob@example.org"), ("reject x", "discard"), ("reject a\nb",), ("reject é",)):
        with pytest.raises(BadEntry):
            add(directory, "other@example.org", *targets)


def test_lists(opened: Open) -> None:
    directory = opened()
    with pytest.raises(BadEntry, match="own itself"):
        add(directory, "team@example.org", "bob@example.org", roll=Roll("team@example.org"))
    with pytest.raises(BadEntry, match="addresses"):
        add(directory, "team@example.org", "discard", roll=Roll(""))
    add(directory, "sub@example.org", "x@elsewhere.example", "alice@example.org", roll=Roll("bob@example.org"))
    made = add(directory, "team@example.org", "sub@example.org", "bob@example.org", roll=Roll("", True, "The team"))
    assert made.list == Roll("postmaster@example.org", True, "The team")
    reached = found(directory, "team@example.org")
    assert [roll.key for roll in reached.lists] == ["team@example.org", "sub@example.org"]
    lists = [leaf.list.key if leaf.list is not None else "" for leaf in reached.leaves]
    assert lists == ["sub@example.org", "sub@example.org", "team@example.org"]
    assert to(directory, "team+x@example.org") == ["x@elsewhere.example", "alice@example.org", "bob@example.org"]
    assert to(directory, "sub@example.org", bounce=True) == ["bob@example.org"]
    assert to(directory, "team@example.org", bounce=True) == ["postmaster@example.org"]
    posts = [
        name
        for name in (
            "bob@example.org",
            "Bob+x@example.org",
            "x@elsewhere.example",
            "alice@example.org",
            "sub@example.org",
            "postmaster@example.org",
            "carol@example.org",
            "y@elsewhere.example",
            "team@example.org",
        )
        if directory.posts(made, Address.parse(name))
    ]
    assert posts == [
        "bob@example.org", "Bob+x@example.org", "x@elsewhere.example", "alice@example.org", "sub@example.org",
        "postmaster@example.org",
    ]  # fmt: skip


def test_members_pause_and_leave(opened: Open) -> None:
    directory = opened()
    roll = add(directory, "team@example.org", "alice@example.org", "bob@example.org", roll=Roll(""))
    roster.pause(directory, "team@example.org", ["bob@example.org"], True)
    assert to(directory, "team@example.org") == ["alice@example.org"]
    assert directory.posts(roster.show(directory, roll.key), Address.parse("bob@example.org"))
    roster.pause(directory, "team@example.org", ["bob@example.org"], False)
    assert to(directory, "team@example.org") == ["alice@example.org", "bob@example.org"]
    changes.enable(directory, "alice@example.org", False, NOW)
    assert to(directory, "team@example.org") == ["bob@example.org"]
    assert said(directory, "team@example.org") == ["5.2.1"]
    roster.join(directory, "team@example.org", ["x@elsewhere.example", "bob@example.org"])
    assert to(directory, "team@example.org") == ["bob@example.org", "x@elsewhere.example"]
    for wrong in ("nobody@example.org", "x@y.example"):
        with pytest.raises(BadEntry, match="no target"):
            roster.pause(directory, "team@example.org", [wrong], True)
        with pytest.raises(BadEntry, match="no target"):
            roster.remove(directory, "team@example.org", [wrong])
    left = roster.remove(directory, "team@example.org", ["alice@example.org", "bob@example.org"])
    assert left is not None
    assert left.to == ("x@elsewhere.example",)
    assert roster.remove(directory, "team@example.org", ["x@elsewhere.example"]) is None
    with pytest.raises(BadEntry, match="no alias"):
        roster.show(directory, "team@example.org")


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
    assert signing.ensure(directory, b"a" * 32, NOW)
    assert not signing.ensure(other, b"b" * 32, NOW + 1)
    other.refresh(NOW)
    assert other.snapshot().secrets == (b"a" * 32,)
    assert signing.rotate(directory, b"c" * 32, NOW + day, 21) == 1
    assert directory.snapshot().secrets == (b"c" * 32, b"a" * 32)
    assert signing.rotate(directory, b"d" * 32, NOW + 20 * day, 21) == 2
    # "a" was in use until the second day: nothing it has signed is younger than that
    assert signing.rotate(directory, b"e" * 32, NOW + 23 * day, 21) == 2
    assert directory.snapshot().secrets == (b"e" * 32, b"d" * 32, b"c" * 32)
    assert [row.created for row in signing.listed(directory)] == [NOW + 23 * day, NOW + 20 * day, NOW + day]


# Properties

NAMES = [f"n{number}" for number in range(8)]
PEOPLE = ["n0", "n1", "n2"]  # these have mailboxes, too
TARGETS = st.sampled_from([f"{name}@x.example" for name in [*NAMES, "ghost"]] + ["out1@y.example", "out2@y.example"])
GRAPHS = st.dictionaries(st.sampled_from(NAMES), st.lists(TARGETS, min_size=1, max_size=5), max_size=8)


def world(graph: dict[str, list[str]]) -> Snapshot:
    table = {
        f"{name}@x.example": aliases.row(Alias(f"{name}@x.example", tuple(dict.fromkeys(targets)))).data
        for name, targets in graph.items()
    }
    people = [AccountRow(f"{name}@x.example", f"{name}@x.example", "", b"", 1, 1) for name in PEOPLE]
    return Snapshot([DomainRow("x.example", "local", 1)], people, "+", Aliases(table))


def reachable(graph: dict[str, list[str]], start: str) -> set[str]:
    """Everybody at an end of the graph, and every mailbox whose own alias leads back to it: by the book."""
    ends: set[str] = set()

    def walk(name: str, path: tuple[str, ...]) -> None:
        if name.endswith("@y.example"):
            ends.add(name)
            return
        local = name.partition("@")[0]
        if local in graph and local not in path:
            for target in graph[local]:
                walk(target, (*path, local))
        elif local in PEOPLE:
            ends.add(name)

    walk(start, ())
    return ends


@given(GRAPHS, st.sampled_from(NAMES))
def test_expansion_never_loops_and_loses_no_target(graph: dict[str, list[str]], start: str) -> None:
    reached = resolve.expand(world(graph), Address(start, "x.example"), most=1000, deep=20)
    names = [str(leaf.address) for leaf in reached.leaves]
    assert len(names) == len(set(names))
    expected = reachable(graph, f"{start}@x.example")
    outside = {name for name in expected if name.endswith("@y.example")}
    assert outside <= set(names) <= expected
    if not any(_round(graph, name) for name in graph):
        assert set(names) == expected


def _round(graph: dict[str, list[str]], start: str) -> bool:
    """Whether an alias leads back to itself by way of another one."""
    seen: set[str] = set()
    open_: Sequence[str] = [target.partition("@")[0] for target in graph[start] if target != f"{start}@x.example"]
    while open_:
        name, *rest = open_
        if name == start:
            return True
        if name in graph and name not in seen:
            rest += [target.partition("@")[0] for target in graph[name]]
        seen.add(name)
        open_ = rest
    return False


@given(st.sampled_from(["alice@example.org", "x@y.example", "discard", "reject", "@example.org", "reject 5.1.6 a b"]))
def test_a_target_is_written_as_it_is_read(written: str) -> None:
    assert aliases.canonical(aliases.canonical(written)) == aliases.canonical(written)
    alias = Alias("k@x.example", (aliases.canonical(written),), (), Roll("o@x.example", True, "n"), 5)
    row = aliases.row(alias)
    assert aliases.made(row.key, row.data, row.created) == alias
    assert (row.key, row.domain) == ("k@x.example", "x.example")


def test_keys_of_both_kinds() -> None:
    assert aliases.source("Info@Example.ORG")[0] == key(Address("info", "example.org"))
    assert aliases.source("@Example.ORG.") == ("@example.org", None)

"""Aliases: what an address stands for, what cannot be added, and that nothing circles, explodes or gets lost."""

from collections.abc import Callable

import pytest

from hatoba.directory import changes, resolve, roster
from hatoba.directory.aliases import Alias, Roll
from hatoba.directory.directory import Directory
from hatoba.directory.entries import BadEntry
from hatoba.directory.resolve import Found
from hatoba.model.address import Address

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

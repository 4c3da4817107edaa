"""Who lives here: look-ups, subaddresses, roles, and what other processes change."""

from collections.abc import Callable

import pytest

from hatoba.directory import changes
from hatoba.directory.directory import Directory
from hatoba.directory.entries import Account, key
from hatoba.directory.snapshot import Snapshot
from hatoba.model.address import Address
from hatoba.store.rows import AccountRow, DomainRow

NOW = 1_700_000_000_000
SALT = b"0123456789abcdef"
Open = Callable[..., Directory]


def found(directory: Directory, text: str) -> str:
    account = directory.account(Address.parse(text))
    return account.key if account is not None else ""


@pytest.mark.parametrize(
    ("text", "account"),
    [
        ("alice@example.org", "alice@example.org"),
        ("ALICE@EXAMPLE.org", "alice@example.org"),
        ("alice+x@example.org", "alice@example.org"),
        ("Alice+x+y@example.org", "alice@example.org"),
        ("alice+@example.org", "alice@example.org"),
        ("+alice@example.org", ""),
        ("alice-x@example.org", ""),
        ("carol@example.org", ""),
        ("alice@example.net", ""),
        ("alice@empty.example", ""),
        ("postmaster@example.org", "alice@example.org"),
        ("POSTMASTER+x@example.org", "alice@example.org"),
        ("abuse@example.org", "alice@example.org"),
        ("webmaster@example.org", ""),
        ("postmaster@empty.example", ""),
        ("postmaster@example.net", ""),
        ("postmaster@example.com", ""),
    ],
)
def test_whose_mailbox(opened: Open, text: str, account: str) -> None:
    directory = opened()
    assert found(directory, text) == account
    assert directory.local(Address.parse(text)) == bool(account)


def test_an_account_of_the_roles_own_name_takes_its_mail(opened: Open) -> None:
    directory = opened()
    changes.add_account(directory, "postmaster@example.org", "correct horse", SALT, NOW + 9)
    assert found(directory, "postmaster@example.org") == "postmaster@example.org"
    assert found(directory, "abuse@example.org") == "alice@example.org"
    changes.enable(directory, "alice@example.org", False, NOW)
    assert found(directory, "abuse@example.org") == "bob@example.org"


def test_domains_and_home(opened: Open) -> None:
    directory = opened()
    domain = directory.domain("example.net")
    assert domain is not None
    assert (domain.name, domain.kind) == ("example.net", "relay")
    assert directory.domain("example.com") is None
    assert [one.name for one in changes.domains(directory)] == ["empty.example", "example.net", "example.org"]
    assert [one.key for one in changes.accounts(directory)] == ["alice@example.org", "bob@example.org"]
    assert changes.accounts(directory, "EMPTY.example.") == []
    homes = {name: directory.home(name) for name in ("mx.example.org", "a.empty.example", "mx.example.net", "")}
    assert homes == {
        "mx.example.org": "example.org",
        "a.empty.example": "empty.example",
        "mx.example.net": "example.org",
        "": "example.org",
    }


@pytest.mark.parametrize(
    ("account", "text", "may"),
    [
        ("alice@example.org", "alice@example.org", True),
        ("alice@example.org", "ALICE+x@example.org", True),
        ("alice@example.org", "bob@example.org", False),
        ("alice@example.org", "postmaster@example.org", False),
        ("alice@example.org", "alice@example.net", False),
        ("Alice@example.org", "alice@example.org", False),  # a key is meant, not an address
        ("", "alice@example.org", False),
        ("carol@example.org", "carol@example.org", False),
    ],
)
def test_who_may_send_as_whom(opened: Open, account: str, text: str, may: bool) -> None:
    assert opened().may_send_as(account, Address.parse(text)) is may


def test_who_is_switched_off_sends_as_nobody(opened: Open) -> None:
    directory = opened()
    changes.enable(directory, "alice@example.org", False, NOW)
    assert not directory.may_send_as("alice@example.org", Address.parse("alice@example.org"))
    account = directory.account(Address.parse("alice@example.org"))
    assert account is not None
    assert not account.enabled


def test_what_another_process_adds_is_found_on_a_miss(opened: Open) -> None:
    here, there = opened(), opened()
    changes.add_domain(there, "new.example", "local", NOW)
    changes.add_account(there, "eve@new.example", "correct horse", SALT, NOW)
    assert here.domain("new.example") is not None
    assert found(here, "eve@new.example") == "eve@new.example"
    changes.add_account(there, "fay@new.example", "correct horse", SALT, NOW)
    assert found(here, "fay@new.example") == "fay@new.example"
    changes.add_account(there, "guy@new.example", "correct horse", SALT, NOW)
    assert here.login("guy@new.example") is not None


def test_what_another_process_removes_goes_with_the_next_refresh(opened: Open) -> None:
    here, there = opened(), opened()
    changes.remove_account(there, "bob@example.org")
    assert found(here, "bob@example.org") == "bob@example.org"
    assert here.refresh(NOW)
    assert found(here, "bob@example.org") == ""
    assert not here.refresh(NOW)


def test_unknown_domains_look_at_the_database_only_so_often(opened: Open) -> None:
    here, there = opened(), opened()
    for n in range(100):
        assert here.domain(f"d{n}.example") is None
    changes.add_domain(there, "late.example", "relay", NOW)
    assert here.domain("late.example") is None
    here.refresh(NOW)
    assert here.domain("late.example") is not None


def test_subaddresses_can_be_switched_off_or_look_otherwise(opened: Open) -> None:
    assert found(opened(separator=""), "alice+x@example.org") == ""
    assert found(opened(separator="-"), "alice-x@example.org") == "alice@example.org"


def test_keys_fold_case_and_composition() -> None:
    composed, decomposed = Address("Jos\u00e9", "example.org"), Address("JOSE\u0301", "example.org")
    assert key(composed) == key(decomposed) == "jos\u00e9@example.org"


def test_a_row_that_cannot_be_read_keeps_nobody_out() -> None:
    def row(name: str) -> AccountRow:
        return AccountRow(name, name, "", b"", NOW, NOW)

    snapshot = Snapshot([DomainRow("x.example", "local", NOW)], [row("a@x.example"), row("not an address")], "+")
    assert list(snapshot.accounts) == ["a@x.example"]
    assert snapshot.unreadable == ["not an address"]


def test_an_account_shows_no_hash(opened: Open) -> None:
    account = opened().account(Address.parse("alice@example.org"))
    assert isinstance(account, Account)
    assert "argon2" not in repr(account)
    assert str(account.address) == "Alice@example.org"

"""Passwords: policy, proof, memory, old parameters, SCRAM verifiers; nobody learns who exists."""

import threading
from collections.abc import Callable

import argon2
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.directory import changes, passwords
from hatoba.directory.directory import Directory
from hatoba.directory.entries import BadEntry
from hatoba.directory.memory import Memory
from hatoba.kit import scram
from hatoba.store import directory as rows
from hatoba.store.sql import Tx

NOW = 1_700_000_000_000
SALT = b"0123456789abcdef"
GOOD = "correct horse"
Open = Callable[..., Directory]


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Counts the slow hashes that were computed; they are still computed."""
    seen: list[str] = []
    real = passwords.matches

    def matches(stored: str, octets: bytes) -> bool:
        seen.append(stored)
        return real(stored, octets)

    monkeypatch.setattr(passwords, "matches", matches)
    return seen


def verified(directory: Directory, name: str, password: str = GOOD, now: int = NOW) -> str:
    account = directory.credentials.verify(name, password, now, "smtp").account
    return account.key if account is not None else ""


def test_the_right_password_and_no_other(opened: Open) -> None:
    directory = opened()
    assert verified(directory, "alice@example.org") == "alice@example.org"
    assert verified(directory, "ALICE@Example.Org") == "alice@example.org"
    for name, password in (
        ("alice@example.org", "Correct horse"),
        ("alice@example.org", ""),
        ("alice@example.org", "correct horse\0"),
        ("alice@example.org", "x" * 2000),
        ("alice+tag@example.org", "correct horse"),
        ("postmaster@example.org", "correct horse"),
        ("alice", "correct horse"),
        ("", "correct horse"),
        ("carol@example.org", "correct horse"),
    ):
        assert verified(directory, name, password) == ""


def test_every_answer_costs_one_slow_hash(opened: Open, slow: list[str]) -> None:
    directory = opened()
    changes.enable(directory, "bob@example.org", False, NOW)
    for name in ("alice@example.org", "carol@example.org", "not an address", "bob@example.org"):
        slow.clear()
        verified(directory, name, "wrong")
        assert len(slow) == 1
    assert not passwords.outdated(passwords.NOBODY)


def test_a_proven_password_is_remembered_for_a_while(opened: Open, slow: list[str]) -> None:
    directory = opened(remember=300.0)
    assert verified(directory, "alice@example.org")
    slow.clear()
    assert verified(directory, "alice@example.org", now=NOW + 299_000)
    assert slow == []
    assert not verified(directory, "alice@example.org", "wrong", NOW + 1)
    assert len(slow) == 1
    assert verified(directory, "alice@example.org", now=NOW + 301_000)
    assert len(slow) == 2


def test_memory_ends_with_the_password_even_in_another_process(opened: Open) -> None:
    here, there = opened(), opened()
    assert verified(here, "alice@example.org")
    changes.passwd(there, "alice@example.org", "another one", SALT, NOW)
    here.refresh(NOW)
    assert not verified(here, "alice@example.org")
    assert verified(here, "alice@example.org", "another one")
    changes.enable(there, "alice@example.org", False, NOW)
    here.refresh(NOW)
    assert not verified(here, "alice@example.org", "another one")
    changes.enable(there, "alice@example.org", True, NOW)
    here.refresh(NOW)
    assert verified(here, "alice@example.org", "another one")
    changes.remove_account(here, "alice@example.org")
    assert not verified(here, "alice@example.org", "another one")


def test_memory_can_be_switched_off_and_is_bounded(opened: Open, slow: list[str]) -> None:
    directory = opened(remember=0.0)
    verified(directory, "alice@example.org")
    verified(directory, "alice@example.org")
    assert len(slow) == 2
    memory = Memory(b"k" * 16, 300.0, 3)
    for n in range(10):
        memory.learn(f"u{n}", "hash", b"secret", NOW)
    assert [memory.knows(f"u{n}", "hash", b"secret", NOW) for n in range(10)] == [False] * 7 + [True] * 3
    assert not memory.knows("u9", "other hash", b"secret", NOW)
    memory.forget("u9")
    assert not memory.knows("u9", "hash", b"secret", NOW)
    with pytest.raises(ValueError, match="16 random octets"):
        Memory(b"short", 300.0, 3)


def test_an_old_hash_is_made_anew(opened: Open) -> None:
    directory = opened()
    old = argon2.PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(b"correct horse")
    account = directory.login("alice@example.org")
    assert account is not None

    def weaken(tx: Tx) -> None:
        row = rows.account(tx, "alice@example.org")
        assert row is not None
        rows.put_account(tx, msgspec.structs.replace(row, hash=old))

    directory.write(weaken)
    assert verified(directory, "alice@example.org")
    renewed = directory.login("alice@example.org")
    assert renewed is not None
    assert renewed.hash != old
    assert not passwords.outdated(renewed.hash)
    assert verified(directory, "alice@example.org")


def test_several_threads_may_verify_at_once(opened: Open) -> None:
    directory = opened()
    answers: list[str] = []
    names = ["alice@example.org", "bob@example.org", "carol@example.org"] * 3
    threads = [threading.Thread(target=lambda name=name: answers.append(verified(directory, name))) for name in names]
    for thread in threads:
        thread.start()
        directory.refresh(NOW)
    for thread in threads:
        thread.join()
    assert sorted(answers) == [""] * 3 + ["alice@example.org"] * 3 + ["bob@example.org"] * 3


def test_scram_verifiers_and_decoys(opened: Open) -> None:
    directory = opened()
    ((_, real),) = directory.credentials.verifiers("Alice@example.org", "imap")
    assert real == scram.make_verifier("correct horse", SALT)
    ((_, decoy),) = directory.credentials.verifiers("carol@example.org", "imap")
    assert [("", decoy)] == directory.credentials.verifiers("carol@example.org", "imap")
    assert (decoy.iterations, len(decoy.salt)) == (real.iterations, len(real.salt))
    changes.enable(directory, "alice@example.org", False, NOW)
    assert directory.credentials.verifiers("alice@example.org", "imap") != [("", real)]


@given(st.binary(min_size=15, max_size=40))
def test_generated_passwords(random_bytes: bytes) -> None:
    password = passwords.generate_password(random_bytes)
    assert len(password) == 29
    assert set(password) <= set("0123456789abcdefghjkmnpqrstvwxyz-")
    assert passwords.check(password, 8) == password.encode()


def test_generated_passwords_differ_and_need_enough_chance() -> None:
    one, two = (passwords.generate_password(bytes([n]) * 15) for n in (0, 255))
    assert one == "0000-0000-0000-0000-0000-0000"
    assert one != two
    with pytest.raises(ValueError, match="15 random octets"):
        passwords.generate_password(b"short")


@pytest.mark.parametrize(
    ("password", "reason"),
    [("", "empty"), ("short", "5 characters"), ("tab\tinside!", "control"), ("x" * 1025, "1024 octets")],
)
def test_passwords_that_may_not_be_set(opened: Open, password: str, reason: str) -> None:
    directory = opened()
    with pytest.raises(passwords.BadPassword, match=reason):
        changes.passwd(directory, "alice@example.org", password, SALT, NOW)
    assert verified(directory, "alice@example.org")


def test_a_composed_password_is_its_decomposed_self(opened: Open) -> None:
    directory = opened()
    changes.passwd(directory, "alice@example.org", "pa\u00dfwo\u0308rter", SALT, NOW)
    assert verified(directory, "alice@example.org", "pa\u00dfw\u00f6rter")


def test_a_stored_hash_that_is_none_lets_nobody_in() -> None:
    assert not passwords.matches("rubbish", b"x")
    assert passwords.outdated("rubbish")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: changes.add_domain(d, "example.org", "local", NOW), "here already, as a local domain"),
        (lambda d: changes.add_domain(d, "x.example", "mx", NOW), "not 'mx'"),
        (lambda d: changes.add_domain(d, "not a domain", "local", NOW), "is no domain name"),
        (lambda d: changes.add_domain(d, "[192.0.2.1]", "local", NOW), "address literal"),
        (lambda d: changes.remove_domain(d, "example.org"), "hatoba account remove alice@example.org"),
        (lambda d: changes.remove_domain(d, "x.example"), "hatoba domain list"),
        (lambda d: changes.add_account(d, "a@x.example", "long enough", SALT, NOW), "run: hatoba domain add x.example"),
        (lambda d: changes.add_account(d, "a@example.net", "long enough", SALT, NOW), "is a relay domain"),
        (
            lambda d: changes.add_account(d, "ALICE@example.org", "long enough", SALT, NOW),
            "account passwd alice",
        ),
        (lambda d: changes.add_account(d, "a+b@example.org", "long enough", SALT, NOW), "cannot hold '\\+'"),
        (lambda d: changes.add_account(d, "alice", "long enough", SALT, NOW), "is no mail address"),
        (lambda d: changes.add_account(d, "new@example.org", "short", SALT, NOW), "5 characters"),
        (lambda d: changes.passwd(d, "carol@example.org", "long enough", SALT, NOW), "hatoba account list"),
        (lambda d: changes.enable(d, "carol@example.org", True, NOW), "hatoba account list"),
        (lambda d: changes.remove_account(d, "carol@example.org"), "hatoba account list"),
    ],
)
def test_a_declined_change_says_what_to_do(opened: Open, change: Callable[[Directory], object], reason: str) -> None:
    directory = opened()
    before = (changes.domains(directory), changes.accounts(directory))
    with pytest.raises(BadEntry, match=reason):
        change(directory)
    assert (changes.domains(directory), changes.accounts(directory)) == before


def test_changes_from_first_to_last(opened: Open) -> None:
    directory = opened()
    assert changes.add_domain(directory, "日本語.jp.", "local", NOW).name == "xn--wgv71a119e.jp"
    account = changes.add_account(directory, "Taro@日本語.jp", "x", SALT, NOW, generated=True)
    assert (account.key, str(account.address)) == ("taro@xn--wgv71a119e.jp", "Taro@xn--wgv71a119e.jp")
    assert verified(directory, "taro@日本語.jp", "x")
    assert changes.passwd(directory, "taro@日本語.jp", "another one", SALT, NOW + 5).changed == NOW + 5
    assert verified(directory, "taro@日本語.jp", "another one")
    changes.remove_account(directory, "taro@日本語.jp")
    changes.remove_domain(directory, "日本語.jp")
    assert directory.domain("xn--wgv71a119e.jp") is None

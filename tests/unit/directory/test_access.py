"""App passwords, protocols switched off, quotas, last logins: made, read by another process, taken back."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.directory import access, allowing, app_passwords, changes, passwords
from hatoba.directory.directory import Directory
from hatoba.directory.entries import BadEntry
from hatoba.kit import scram
from hatoba.store import access as rows
from hatoba.store import directory as people
from hatoba.store.sql import Tx

NOW = 1_700_000_000_000
HOUR = 3_600_000
SALT = b"0123456789abcdef"
OTHER = b"fedcba9876543210"
ALICE = "alice@example.org"
Open = Callable[..., Directory]


def chance(n: int) -> bytes:
    return bytes([n]) * app_passwords.CHANCE


def came(directory: Directory, password: str, protocol: access.Protocol = "imap", name: str = ALICE) -> str | None:
    """The id of the password that was let in, None for none."""
    checked = directory.credentials.verify(name, password, NOW, protocol)
    return checked.password if checked.account is not None else None


def test_several_each_for_its_protocols(opened: Open) -> None:
    here, there = opened(), opened()
    phone, first = app_passwords.add(here, "Alice@example.org", " phone ", ["IMAP", "smtp"], chance(1), NOW)
    shop, second = app_passwords.add(here, ALICE, "web shop", ["smtp"], chance(2), NOW + 1)
    every, third = app_passwords.add(here, ALICE, "laptop", [], chance(3), NOW + 2)
    there.refresh(NOW)
    assert [(one.label, one.protocols) for one in app_passwords.of(there, ALICE)] == [
        ("phone", ("imap", "smtp")), ("web shop", ("smtp",)), ("laptop", ()),
    ]  # fmt: skip
    for directory in (here, there):
        assert [came(directory, text, "imap") for text in (first, second, third)] == [phone.id, None, every.id]
        assert [came(directory, text, "smtp") for text in (first, second, third)] == [phone.id, shop.id, every.id]
        assert came(directory, "correct horse") == ""
        assert came(directory, first, name="bob@example.org") is None
    app_passwords.revoke(here, ALICE, [phone.id, "web shop"])
    there.refresh(NOW)
    assert [came(there, text, "smtp") for text in (first, second, third)] == [None, None, every.id]
    assert app_passwords.revoke(here, ALICE, ()) == [every]
    assert app_passwords.of(here, ALICE) == ()


def test_neither_text_nor_hash_is_shown_or_kept(opened: Open) -> None:
    directory = opened()
    made, text = app_passwords.add(directory, ALICE, "phone", [], chance(9), NOW)
    (row,) = rows.passwords(directory.reader())
    assert text.encode() not in row.data
    assert text.replace("-", "").encode() not in row.data
    assert repr(made) == "<AppPassword 09090909 'phone'>"
    assert len(passwords.generate_password(chance(9))) == len(text) == 29


def test_a_wrong_one_costs_a_slow_hash(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = opened()
    _, text = app_passwords.add(directory, ALICE, "phone", ["imap"], chance(1), NOW)
    slow: list[str] = []
    real = passwords.matches

    def matches(stored: str, octets: bytes) -> bool:
        slow.append(stored)
        return real(stored, octets)

    monkeypatch.setattr(passwords, "matches", matches)
    assert came(directory, text) is not None
    assert slow == []
    allowing.switch(directory, "bob@example.org", ["imap"], False, NOW)
    wrong: list[tuple[str, str, access.Protocol]] = [
        (ALICE, "wrong", "imap"), (ALICE, text, "smtp"), ("bob@example.org", "correct horse", "imap"),
        ("nobody@example.org", text, "imap"),
    ]  # fmt: skip
    for name, password, protocol in wrong:
        slow.clear()
        assert came(directory, password, protocol, name) is None
        assert len(slow) == 1


def test_scram_has_one_salt_for_all(opened: Open) -> None:
    directory = opened()
    made, text = app_passwords.add(directory, ALICE, "phone", ["imap"], chance(1), NOW)
    found = directory.credentials.verifiers(ALICE, "imap")
    assert found == [("", scram.make_verifier("correct horse", SALT)), (made.id, scram.make_verifier(text, SALT))]
    assert [name for name, _ in directory.credentials.verifiers(ALICE, "smtp")] == [""]
    changes.passwd(directory, ALICE, "another one", OTHER, NOW)
    found = directory.credentials.verifiers(ALICE, "imap")
    assert found == [("", scram.make_verifier("another one", SALT)), (made.id, scram.make_verifier(text, SALT))]
    app_passwords.revoke(directory, ALICE, [])
    changes.passwd(directory, ALICE, "a third one", OTHER, NOW)
    assert directory.credentials.verifiers(ALICE, "imap") == [("", scram.make_verifier("a third one", OTHER))]


def test_one_made_for_another_salt_still_opens_plainly(opened: Open) -> None:
    directory = opened()
    made, text = app_passwords.add(directory, ALICE, "phone", [], chance(1), NOW)

    def renew(tx: Tx) -> None:
        stands = people.account(tx, ALICE)
        assert stands is not None
        verifier = str(scram.make_verifier("correct horse", OTHER)).encode()
        people.put_account(tx, msgspec.structs.replace(stands, scram=verifier))

    directory.write(renew)
    assert [name for name, _ in directory.credentials.verifiers(ALICE, "imap")] == [""]
    assert came(directory, text) == made.id


def test_protocols_switched_off_and_on(opened: Open) -> None:
    here, there = opened(), opened()
    account = allowing.switch(here, "Alice@example.org", ["POP3", "imap"], False, NOW)
    assert account.off == ("imap", "pop3")
    there.refresh(NOW)
    assert came(there, "correct horse", "imap") is None
    assert came(there, "correct horse", "sieve") == ""
    checked = there.credentials.verify(ALICE, "correct horse", NOW, "pop3")
    assert (checked.account, checked.reason) == (None, "pop3 is off for the account")
    assert there.credentials.verify(ALICE, "wrong", NOW, "pop3").reason == "wrong password"
    assert there.credentials.admit(ALICE, "imap").reason == "imap is off for the account"
    assert allowing.switch(here, ALICE, ["imap"], True, NOW).off == ("pop3",)
    assert came(here, "correct horse", "imap") == ""
    changes.enable(here, ALICE, False, NOW)
    assert here.credentials.verify(ALICE, "correct horse", NOW, "imap").reason == "the account is disabled"
    changes.enable(here, ALICE, True, NOW)
    stands = here.login(ALICE)
    assert stands is not None
    assert stands.off == ("pop3",), "what is switched off stays so"


def test_quotas(opened: Open) -> None:
    here, there = opened(quota=5_000, quota_letters=10), opened()

    def quota(directory: Directory) -> tuple[int, int]:
        account = directory.login(ALICE)
        assert account is not None
        found = directory.quota(account)
        return found.octets, found.letters

    assert quota(here) == (5_000, 10)
    assert quota(there) == (0, 0)
    allowing.quota(here, ALICE, 7_000, None, NOW)
    assert quota(here) == (7_000, 10)
    allowing.quota(here, ALICE, None, 0, NOW)
    assert quota(here) == (7_000, 0)
    there.refresh(NOW)
    assert quota(there) == (7_000, 0)
    allowing.switch(here, ALICE, ["imap"], False, NOW)
    assert quota(here) == (7_000, 0)
    allowing.quota(here, ALICE, None, None, NOW, keep=False)
    assert quota(here) == (5_000, 10)
    stands = here.login(ALICE)
    assert stands is not None
    assert stands.off == ("imap",)


def test_logins_are_noted_once_an_hour(opened: Open) -> None:
    directory = opened()
    credentials = directory.credentials
    for at, due in ((NOW, True), (NOW + HOUR - 1, False), (NOW + HOUR, True)):
        assert credentials.due(ALICE, "imap", "", at) is due
        if due:
            credentials.note(ALICE, "imap", "", at)
    assert credentials.due(ALICE, "imap", "id", NOW)
    credentials.note(ALICE, "imap", "id", NOW)
    found = allowing.logins(directory, ALICE)[ALICE]
    assert [(row.protocol, row.password, row.at) for row in found] == [("imap", "", NOW + HOUR), ("imap", "id", NOW)]
    assert directory.refresh(NOW) is False
    assert allowing.logins(directory, "bob@example.org") == {}


def test_with_the_account_all_of_it_goes(opened: Open) -> None:
    directory = opened()
    app_passwords.add(directory, ALICE, "phone", [], chance(1), NOW)
    allowing.quota(directory, ALICE, 1, 1, NOW)
    directory.credentials.note(ALICE, "imap", "", NOW)
    changes.remove_account(directory, ALICE)
    changes.add_account(directory, ALICE, "correct horse", SALT, NOW)
    account = directory.login(ALICE)
    assert account is not None
    assert (account.passwords, account.quota, allowing.logins(directory)) == ((), (None, None), {})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: app_passwords.add(d, "no@example.org", "x", [], chance(1), NOW), "hatoba account list"),
        (lambda d: app_passwords.add(d, ALICE, " ", [], chance(1), NOW), "printable characters"),
        (lambda d: app_passwords.add(d, ALICE, "a\nb", [], chance(1), NOW), "printable characters"),
        (lambda d: app_passwords.add(d, ALICE, "x" * 101, [], chance(1), NOW), "1 to 100"),
        (lambda d: app_passwords.add(d, ALICE, "x", ["ftp"], chance(1), NOW), "'ftp' is no protocol"),
        (lambda d: app_passwords.add(d, ALICE, "x", [], b"short", NOW), "random octets"),
        (lambda d: app_passwords.revoke(d, ALICE, ["x"]), "hatoba app-password list alice@example.org"),
        (lambda d: app_passwords.of(d, "no@example.org"), "hatoba account list"),
        (lambda d: allowing.switch(d, "no@example.org", ["imap"], False, NOW), "hatoba account list"),
        (lambda d: allowing.switch(d, ALICE, ["xmpp"], False, NOW), "smtp, imap, pop3, sieve"),
        (lambda d: allowing.quota(d, ALICE, -1, None, NOW), "0 \\(no limit\\) or more"),
        (lambda d: allowing.quota(d, "no@example.org", 1, None, NOW), "hatoba account list"),
    ],
)
def test_what_is_declined(opened: Open, change: Callable[[Directory], object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        change(opened())


def test_not_more_than_the_settings_say(opened: Open) -> None:
    directory = opened(app_passwords=2)
    for n in (1, 2):
        app_passwords.add(directory, ALICE, "one", [], chance(n), NOW)
    with pytest.raises(BadEntry, match="2 app passwords already"):
        app_passwords.add(directory, ALICE, "one", [], chance(3), NOW)
    with pytest.raises(BadEntry, match="by chance"):
        app_passwords.add(opened(), ALICE, "one", [], chance(1), NOW)
    assert len(app_passwords.revoke(directory, ALICE, ["one"])) == 2


def test_rows_that_cannot_be_read(opened: Open) -> None:
    directory = opened()

    def spoil(tx: Tx) -> None:
        rows.put_password(tx, rows.AppPasswordRow(ALICE, "bad", NOW, b"{"))
        rows.put_allowance(tx, rows.AllowanceRow(ALICE, NOW, b"\xff"))

    directory.write(spoil)
    account = directory.login(ALICE)
    assert account is not None
    assert (account.off, account.passwords) == (access.PROTOCOLS, ()), "what cannot be read lets nobody in"
    assert directory.snapshot().unreadable == ["app password bad of alice@example.org"]
    assert allowing.switch(directory, ALICE, access.PROTOCOLS, True, NOW).off == ()
    app_passwords.revoke(directory, ALICE, ())
    assert directory.snapshot().unreadable == []


@given(st.binary(min_size=19, max_size=19))
def test_however_it_is_copied(random: bytes) -> None:
    text = passwords.generate_password(random)
    for spelled in (text, text.upper(), text.replace("-", " "), text.replace("-", "") + " "):
        assert access.digest(spelled) == access.digest(text)
    assert access.digest(text[:-1]) != access.digest(text)

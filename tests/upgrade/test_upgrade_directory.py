"""A directory of an earlier program is the same after the step to this one, works, and the step can be undone."""

import secrets
from pathlib import Path

import pytest
from tests.support import old_data

from hatoba import store
from hatoba.app import offline, verification
from hatoba.app.settings import Settings
from hatoba.directory import allowing, app_passwords, changes
from hatoba.store import directory, tables, wayback

NOW = 1_800_000_000_000
ALICE = "alice@home.example"


def quiet(text: str) -> None:
    """No progress."""


@pytest.fixture(params=old_data.DIRECTORIES)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    old_data.people(str(request.param), tmp_path / "old")
    return tmp_path / "old"


def test_nothing_changes_and_all_of_it_works(old: Path) -> None:
    before = old_data.tables(old / directory.NAME)
    settings = Settings(data=str(old))
    with offline.directory(settings) as opened:
        now = old_data.tables(old / directory.NAME)
        assert {name: now[name] for name in before} == before
        assert {name for name in now.keys() - before.keys() if now[name]} == set()
        verify = opened.credentials.verify
        for protocol in ("smtp", "imap", "pop3", "sieve"):
            assert verify(ALICE, "correct horse", NOW, protocol).account is not None
        assert verify("bob@home.example", "correct horse", NOW, "imap").reason == "the account is disabled"
        assert [account.off for account in changes.accounts(opened)] == [(), ()]
        made, text = app_passwords.add(opened, ALICE, "phone", ["imap"], secrets.token_bytes(app_passwords.CHANCE), NOW)
        assert verify(ALICE, text, NOW, "imap").password == made.id
        assert len(opened.credentials.verifiers(ALICE, "imap")) == 2
    assert [report.findings for report in verification.reports(settings, quiet)] == [[]]


def test_the_way_back_leaves_what_the_earlier_program_knew(old: Path) -> None:
    before = old_data.tables(old / directory.NAME)
    settings = Settings(data=str(old))
    with offline.directory(settings) as opened:
        app_passwords.add(opened, ALICE, "phone", [], bytes(range(app_passwords.CHANCE)), NOW)
        allowing.switch(opened, ALICE, ["imap"], False, NOW)
        changes.add_account(opened, "carol@home.example", "correct horse", b"0123456789abcdef", NOW)
        after = old_data.tables(old / directory.NAME)
    (step,) = wayback.back(old, quiet)
    assert (step.was, step.now) == (tables.DIRECTORY_REVISION, "0002")
    assert step.left == ["allowance", "app_password", "login"]
    assert step.carried["account"] == len(before["account"]) + 1
    assert old_data.tables(old / directory.NAME) == {name: after[name] for name in before}
    assert old_data.tables(Path(step.kept)) == after
    store.prepare(old, 0)
    assert old_data.tables(old / directory.NAME)["account"] == after["account"]

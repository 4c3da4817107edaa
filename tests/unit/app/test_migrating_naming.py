"""What another server's mailboxes are called here, for what LIST says on servers of all kinds."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.app.migrating import naming
from hatoba.app.migrating.pull import batches
from hatoba.mailboxes import names


def taken(*rows: naming.Row, space: naming.Space = ("", ()), gmail: bool = False) -> dict[str, tuple[str, str]]:
    """Source name → (name here, use)."""
    found = naming.folders(rows, {name for _, _, name in rows}, space, gmail=gmail)
    return {folder.name: (folder.target, folder.special) for folder in found}


def test_a_namespace_below_inbox_is_taken_off() -> None:
    """Courier's and old Cyrus' way."""
    rows = [((), ".", name) for name in ("INBOX", "INBOX.Sent", "INBOX.Work.2020", "user.bob.Plans")]
    assert taken(*rows, space=("INBOX.", ("user.",))) == {
        "INBOX": ("INBOX", ""), "INBOX.Sent": ("Sent", "\\Sent"), "INBOX.Work.2020": ("Work/2020", ""),
    }  # fmt: skip


def test_uses_that_are_told_go_before_those_that_are_guessed() -> None:
    rows = [(("\\Sent", "\\HasNoChildren"), "/", "Gesendet"), ((), "/", "Sent"), ((), "/", "inbox")]
    assert taken(*rows) == {"Gesendet": ("Gesendet", "\\Sent"), "Sent": ("Sent", ""), "inbox": ("INBOX", "")}
    assert taken(((), "/", "送信済みアイテム")) == {"送信済みアイテム": ("送信済みアイテム", "\\Sent")}


def test_what_holds_no_letters_of_its_own_is_left() -> None:
    rows = [(("\\Noselect",), "/", "[Gmail]"), (("\\NonExistent",), "/", "gone"), (("\\Flagged",), "/", "Starred")]
    assert taken(*rows, (("\\All",), "/", "Everything")) == {}


def test_gmails_archive_is_what_no_label_shows() -> None:
    rows = [(("\\All",), "/", "[Gmail]/All Mail"), (("\\Sent",), "/", "[Gmail]/Sent Mail"), ((), "/", "INBOX")]
    found = naming.folders(rows, set(), ("", ()), gmail=True)
    assert [folder.target for folder in found] == ["INBOX", "[Gmail]/Sent Mail", "Archive"]
    assert [folder.archived for folder in found] == [False, False, True]


@pytest.mark.parametrize(
    ("name", "delimiter", "here"),
    [
        ("a.b/c", ".", "a/b_c"),
        ("a..b", ".", "a/b"),
        ("が", "/", "が"),
        ("100%*", "/", "100__"),
        ("", "", "_"),
        (names.OTHERS + "/x", "/", names.OTHERS + "_/x"),
    ],
)
def test_a_name_becomes_one_that_can_be(name: str, delimiter: str, here: str) -> None:
    assert naming.called(name, delimiter) == here


@given(st.text(max_size=1500), st.sampled_from(["/", ".", "\\", ""]))
def test_every_name_can_be_made_here(name: str, delimiter: str) -> None:
    made = naming.called(name, delimiter)
    assert names.checked(made) == made
    assert unicodedata.is_normalized("NFC", made)


@given(st.dictionaries(st.integers(1, 10**6), st.integers(0, 20_000_000), max_size=500))
def test_batches_hold_everything_once_in_order(sizes: dict[int, int]) -> None:
    ordered = dict(sorted(sizes.items()))
    found = list(batches(ordered))
    assert [uid for batch in found for uid in batch] == list(ordered)
    for batch in found:
        assert len(batch) <= 200
        assert len(batch) == 1 or sum(ordered[uid] for uid in batch) <= 8 * 1024 * 1024


def test_a_place_says_whose_and_which() -> None:
    source = naming.origin("a@b", "IMAP.example", 993)
    assert naming.place(source, "仕事/x;y", 7) == (
        "imap://a%40b@imap.example:993/%E4%BB%95%E4%BA%8B/x%3By;UIDVALIDITY=7"
    )

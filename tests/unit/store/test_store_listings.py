"""Rows of allow and deny lists and of greylisting, on both engines: written, overwritten, read, purged."""

from collections.abc import Iterator

import pytest

from hatoba.store import base, blobs, greylist, listings
from hatoba.store.greylist import GreyRow
from hatoba.store.listings import ListingRow
from hatoba.store.settings import Settings

DENY = ListingRow("deny", "ip", "192.0.2.0/24", "", 5, 'it\'s "noisy"; DROP TABLE listing')
ALLOW = ListingRow("allow", "sender", "日本@example.org", "example.net", 6)


@pytest.fixture
def register(engine: str, request: pytest.FixtureRequest, settings: Settings) -> Iterator[base.Register]:
    if engine == "sqlite":
        home: base.Base = base.Files(request.getfixturevalue("data"), settings, blobs.Settings())
    else:
        home = request.getfixturevalue("postgres")
    opened = home.register()
    yield opened
    opened.close()


def test_entries_are_kept_by_their_key(register: base.Register) -> None:
    assert register.write(lambda tx: [listings.put(tx, DENY), listings.put(tx, ALLOW)]) == [True, True]
    other = ListingRow("deny", "ip", "192.0.2.0/24", "", 9, "again")
    assert register.write(lambda tx: listings.put(tx, other)) is False
    assert listings.all_(register.reader) == [other, ALLOW]
    assert (
        register.write(lambda tx: listings.remove(tx, ListingRow("deny", "ip", "192.0.2.0/24", "x.example", 0)))
        is False
    )
    assert register.write(lambda tx: listings.remove(tx, DENY)) is True
    assert listings.all_(register.reader) == [ALLOW]


def test_what_a_note_says_stays_as_it_was_said(register: base.Register) -> None:
    register.write(lambda tx: listings.put(tx, DENY))
    assert listings.all_(register.reader) == [DENY]


def test_greylist_rows_and_their_purge(register: base.Register) -> None:
    waiting, came, old = GreyRow("a", 10, 10, 0), GreyRow("b", 10, 50, 2), GreyRow("c", 1, 2, 7)
    register.note(lambda tx: greylist.put(tx, [waiting, came, old]))
    assert greylist.get(register.reader, ["a", "b", "c", "d", "it's"]) == {"a": waiting, "b": came, "c": old}
    register.note(lambda tx: greylist.put(tx, [GreyRow("b", 10, 60, 3)]))
    assert greylist.get(register.reader, ["b"]) == {"b": GreyRow("b", 10, 60, 3)}
    assert register.note(lambda tx: greylist.purge(tx, 30, 5)) == 2
    assert set(greylist.get(register.reader, ["a", "b", "c"])) == {"b"}
    assert register.note(lambda tx: greylist.purge(tx, 30, 5)) == 0


def test_a_purge_takes_some_at_a_time(register: base.Register) -> None:
    register.note(lambda tx: greylist.put(tx, [GreyRow(f"{number:04}", 1, 1, 0) for number in range(700)]))
    assert register.note(lambda tx: greylist.purge(tx, 30, 5)) == 500
    assert register.note(lambda tx: greylist.purge(tx, 30, 5)) == 200


def test_only_a_list_is_news_to_other_processes(register: base.Register) -> None:
    """Notes move no version, changes do."""
    before = register.version()
    register.note(lambda tx: greylist.put(tx, [GreyRow("a", 1, 1, 0)]))
    assert register.version() == before
    register.write(lambda tx: listings.put(tx, DENY))
    assert register.version() != before

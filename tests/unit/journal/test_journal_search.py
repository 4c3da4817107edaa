"""A letter is found at once after its commit, before and after the index has seen it; words are joined by AND."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hatoba.journal import forms, search, terms
from hatoba.kit import ids
from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Letter, Recipient, Source
from hatoba.model.event import Event
from hatoba.store import journal as rows
from hatoba.store import words
from hatoba.store.rows import EventRow
from hatoba.store.shard import Shard

NOW = 1_700_000_000_000
BASE = 1 << 59


def accepted(
    number: int, sender: str = "alice@example.org", *to: str, message_id: str = "", account: str = ""
) -> Event:
    recipients = tuple(Recipient(Address.parse(one)) for one in to or ("bob@example.com",))
    envelope = Envelope(Address.parse(sender) if sender else None, recipients)
    letter = Letter(number, NOW, NOW, envelope, Source("mx", account=account), 10, message_id=message_id)
    return forms.accepted(letter)


def write(shard: Shard, *events: Event) -> None:
    shard.write(lambda tx: rows.append(tx, events))


def index(shard: Shard, limit: int = 1000) -> int:
    return shard.write(lambda tx: search.catch_up(tx, limit))


LETTERS = (
    accepted(BASE + 1, "Alice@Example.org", "bob@example.com", message_id="<One@x.example>"),
    accepted(BASE + 2, "", "bob@example.com", "carol@example.net", message_id="two@y"),
    accepted(BASE + 3, "dave@example.org", '"E F"@example.com', account="dave@example.org"),
)


@pytest.mark.parametrize("indexed", [0, 2, 3])
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("alice@example.org", [1]),
        ("ALICE@EXAMPLE.ORG", [1]),
        ("example.org", [3, 1]),
        ("@example.org", [3, 1]),
        ("bob@example.com", [2, 1]),
        ("<bob@example.com>", [2, 1]),
        ("example.com", [3, 2, 1]),
        ("bob@example.com example.net", [2]),
        ("bob@example.com example.com", [2, 1]),
        ("alice@example.org example.net", []),
        ("<one@X.example>", [1]),
        ("One@x.example", [1]),
        ("two@y", [2]),
        ("e@example.com", []),
        ("administrator", []),
        ("", []),
        ("   ", []),
    ],
)
def test_words(shard: Shard, indexed: int, query: str, found: list[int]) -> None:
    write(shard, *LETTERS)
    if indexed:
        assert index(shard, indexed) == indexed
    with shard.reader() as reader:
        assert [number - BASE for number in search.find(reader, query, 10)] == found


def test_an_id_is_a_word_too(shard: Shard) -> None:
    write(shard, *LETTERS)
    with shard.reader() as reader:
        assert search.find(reader, ids.text(BASE + 2).lower(), 10) == [BASE + 2]
        assert search.find(reader, f"{ids.text(BASE + 2)} carol@example.net", 10) == [BASE + 2]
        assert search.find(reader, f"{ids.text(BASE + 2)} alice@example.org", 10) == []
        assert search.find(reader, f"{ids.text(BASE + 1)} {ids.text(BASE + 2)}", 10) == []
        assert search.find(reader, ids.text(BASE + 9), 10) == []


def test_the_index_moves_in_steps_and_then_rests(shard: Shard) -> None:
    write(shard, *LETTERS)
    assert [index(shard, 2), index(shard, 2), index(shard, 2)] == [2, 1, 0]
    write(shard, accepted(BASE + 4))
    with shard.reader() as reader:
        assert search.find(reader, "bob@example.com", 2) == [BASE + 4, BASE + 2]
    assert index(shard) == 1


def test_newest_first_across_the_end_of_the_index(shard: Shard) -> None:
    write(shard, accepted(BASE + 5), accepted(BASE + 2))
    index(shard)
    write(shard, accepted(BASE + 3), accepted(BASE + 9))
    with shard.reader() as reader:
        assert [n - BASE for n in search.find(reader, "example.com", 3)] == [9, 5, 3]


def test_a_shared_hash_finds_nothing_wrong(shard: Shard) -> None:
    write(shard, *LETTERS)
    index(shard)
    posting = (terms.span(BASE + 1), terms.number("f mallory@example.org"), BASE + 1)
    shard.write(lambda tx: words.add(tx, [posting]))
    with shard.reader() as reader:
        assert search.find(reader, "mallory@example.org", 10) == []


def test_what_cannot_be_read_is_passed_over(shard: Shard) -> None:
    write(shard, Event(BASE + 1, NOW, "accepted", b"{"), Event(BASE + 1, NOW, "later", b"{}"), *LETTERS)
    with shard.reader() as reader:
        assert search.find(reader, "dave@example.org", 10) == [BASE + 3]
    index(shard)
    with shard.reader() as reader:
        assert search.find(reader, "dave@example.org", 10) == [BASE + 3]


def test_an_account_finds_its_letters(shard: Shard) -> None:
    write(shard, accepted(BASE + 1, "news@lists.example", account="dave@example.org"))
    index(shard)
    with shard.reader() as reader:
        assert search.find(reader, "dave@example.org", 10) == [BASE + 1]


def test_two_long_lists_with_few_in_common(shard: Shard) -> None:
    events = [
        accepted(BASE + n, "a@s.example" if n % 2 else "b@s.example", "x@t.example" if n % 3 else "y@t.example")
        for n in range(3000)
    ]
    write(shard, *events)
    while index(shard, 1000) == 1000:
        pass
    both = [n for n in range(3000) if n % 2 and not n % 3][::-1]
    with shard.reader() as reader:
        assert [n - BASE for n in search.find(reader, "a@s.example y@t.example", 10_000)] == both
        assert [n - BASE for n in search.find(reader, "y@t.example a@s.example", 7)] == both[:7]
        assert search.find(reader, "a@s.example b@s.example", 10) == []


def test_japanese_and_quoted_words() -> None:
    assert search.word("user@日本語.jp") == "user@xn--wgv71a119e.jp"
    assert search.word("日本語.jp") == "xn--wgv71a119e.jp"
    assert search.word("<A@B>") == "a@b"
    assert search.word("not an address") == "not an address"


def test_the_numbers_indexed_are_those_of_the_words() -> None:
    opened = Event(BASE, NOW, "delivered", b'{"attempt":1,"results":[],"session":"S1","opening":"S: 220"}')
    shut = Event(BASE, NOW, "delivered", b'{"attempt":1,"results":[],"session":"S1"}')
    for happened in (*LETTERS, opened, shut, Event(BASE, NOW, "accepted", b"{")):
        row = EventRow(1, happened.letter, happened.at, happened.kind, happened.data)
        assert set(terms.numbers(row)) == {terms.number(term) for term in terms.of(row)}


@settings(max_examples=60)
@given(st.text(max_size=30))
def test_any_word_has_a_number_of_63_bits_and_a_sign(word: str) -> None:
    assert -(2**63) <= terms.number(word) < 2**63
    search.word(word)

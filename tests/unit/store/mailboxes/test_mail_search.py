"""Searches find what a plain scan of the folded text finds, indexed or not, on both engines."""

import itertools
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.letters import NOW, Mailbox, content, octets

from hatoba.message import structure
from hatoba.store.mailboxes import accounts, boxes, grams, indexing, messages, postings, search, trash
from hatoba.store.mailboxes.messages import New
from hatoba.store.mailboxes.stores import MailStore

WORDS = [
    "invoice",
    "東京",
    "京都",
    "会議室",
    "ﾃｽﾄ",
    "Straße",
    "report",
    "a",
    "日",
    "é",
    "e-mail",
    "x?y",
    "100%",
    "🙂🙂",
    "カ゛",
]
NEEDLES = [
    "invoice", "INVOICE", "voic", "in", "n", "東京", "京都", "東", "議室", "テスト", "strasse", "SS", "port a", "é日",
    "x?y", "?", "0%", "🙂", "🙂🙂", "nowhere", "日 e", "e-mail 東京", "invoice invoice", "ガ", "subject", "c.example",
    "",
]  # fmt: skip
WHERE = ["text", "body", "subject", "cc", "bcc", "x-tag"]


def letters(count: int) -> Iterable[bytes]:
    turn = itertools.cycle(WORDS)
    for number in range(count):
        some = [next(turn) for _ in range(number % 7 + 1)]
        more = {"Cc": f"{some[0]} <cc{number}@d.example>"} if number % 3 else {"X-Tag": " ".join(some)}
        yield octets(number, " ".join(some[:2]), " ".join(reversed(some)) + "\r\n" + some[-1], **more)


def scanned(raws: dict[int, bytes], where: str, needle: str) -> list[int]:
    """The plain scan."""
    needle = structure.folded(needle)
    hits = []
    for uid, raw in raws.items():
        words = structure.summary(raw).words
        if where == "body":
            hit = needle in words.body
        elif where == "text":
            hit = needle in words.head or needle in words.body
        else:
            values = [line[len(where) + 1 :] for line in words.head.split("\n") if line.startswith(where + ":")]
            hit = any(needle in value for value in values)
        if hit:
            hits.append(uid)
    return hits


def index(box: Mailbox, few: int = 1) -> int:
    """Indexes all that is to be; how many steps that took."""
    filler = indexing.Filler(box.shard, lambda: NOW, few)
    return sum(1 for _ in iter(filler.turn, False))


def found(box: Mailbox, where: str, needle: str, among: Iterable[int] | None = None) -> list[int]:
    return box.shard.look(lambda reader: search.text(reader, box.box, where, needle, among))


def fill(box: Mailbox, raws: Iterable[bytes]) -> dict[int, bytes]:
    made = list(raws)
    news = [New(content(raw), NOW) for raw in made]
    placed = box.do(lambda tx: messages.append_many(tx, box.box, news, NOW))
    return {one.uid: raw for one, raw in zip(placed, made, strict=True)}


def test_hits_are_those_of_a_scan(bob: Mailbox) -> None:
    raws = fill(bob, letters(60))
    expected = {(where, needle): scanned(raws, where, needle) for where in WHERE for needle in NEEDLES}
    assert sum(map(bool, expected.values())) > 40
    for (where, needle), hits in expected.items():
        assert found(bob, where, needle) == hits, (where, needle)
    assert index(bob) == 1
    for (where, needle), hits in expected.items():
        assert found(bob, where, needle) == hits, (where, needle)
    raws |= fill(bob, letters(20))
    for where, needle in (("text", "東京"), ("subject", "invoice"), ("body", "nowhere"), ("cc", "日")):
        assert found(bob, where, needle) == scanned(raws, where, needle)
        assert found(bob, where, needle, range(1, 40)) == [uid for uid in scanned(raws, where, needle) if uid < 40]


def test_segments_are_joined_and_find_the_same(bob: Mailbox) -> None:
    raws: dict[int, bytes] = {}
    for _ in range(5):
        raws |= fill(bob, letters(40))
        assert index(bob) > 0
    segments = bob.shard.look(lambda reader: reader.rows("SELECT count, state FROM segment"))
    assert sorted(count for count, _ in segments) in ([40, 160], [200])
    assert {state for _, state in segments} == {indexing.READY}
    rows = bob.shard.look(lambda reader: reader.rows("SELECT DISTINCT id / 8192 FROM posting"))
    assert len(rows) == len(segments)
    for where, needle in itertools.product(("text", "cc"), NEEDLES[:14]):
        assert found(bob, where, needle) == scanned(raws, where, needle), (where, needle)


def test_an_index_only_knows_its_account(mail: MailStore, bob: Mailbox) -> None:
    other = next(key for n in range(50) if mail.shard(key := f"u{n}@c.example") is bob.shard)

    def put(tx):  # type: ignore[no-untyped-def]
        account = accounts.ensure(tx, other, NOW)
        inbox = boxes.find(tx, account, boxes.INBOX)
        shared = content(octets(1, "secret"), 99)
        messages.append(tx, bob.box, New(shared, NOW), NOW)
        return messages.append(tx, inbox.id, New(shared, NOW), NOW)  # type: ignore[union-attr]

    placed = bob.do(put)
    index(bob)
    there = bob._replace(box=placed.box)
    assert (found(bob, "subject", "secret"), found(there, "subject", "secret")) == ([1], [1])
    bob.expunge([1], flagged=False)
    assert (found(bob, "subject", "secret"), found(there, "subject", "secret")) == ([], [1])


def test_copies_are_found_under_each_uid_and_what_is_purged_nowhere(bob: Mailbox) -> None:
    fill(bob, letters(10))
    index(bob)
    bob.copy([1, 2], bob)
    assert found(bob, "message-id", "<1@b.example>") == [2, 12]
    bob.expunge(range(1, 13), flagged=False)
    bob.do(lambda tx: trash.purge(tx, NOW + 1))
    assert found(bob, "text", "b.example") == []
    assert index(bob) == 0


def test_only_one_process_fills_a_shard(bob: Mailbox) -> None:
    fill(bob, letters(10))
    now = NOW

    def clock() -> int:
        return now

    first, second = indexing.Filler(bob.shard, clock, 1), indexing.Filler(bob.shard, clock, 1)
    first._do(lambda tx: None)
    assert not second.turn()
    now += 61_000
    assert second.turn()
    assert found(bob, "body", "invoice") != []


def test_what_a_filler_left_half_done_is_cleared(bob: Mailbox) -> None:
    fill(bob, letters(10))
    dead = indexing.Filler(bob.shard, lambda: NOW - 100_000, 1)
    number = dead._begin(bob.account, [1, 2])
    dead._put([(postings.place(number, 3), b"half")])
    assert found(bob, "body", "invoice") != []
    index(bob)
    states = bob.shard.look(lambda reader: reader.rows("SELECT number, state FROM segment"))
    assert states == [(number + 1, indexing.READY)]
    assert bob.shard.look(lambda reader: reader.rows("SELECT count(*) FROM posting WHERE data = ?", (b"half",))) == [
        (0,)
    ]


def test_few_letters_are_not_worth_an_index(bob: Mailbox) -> None:
    fill(bob, letters(10))
    assert index(bob, indexing.FEW) == 0


TEXTS = st.text(alphabet="ab?\0 é東京都🙂", max_size=12)


@settings(max_examples=150)
@given(TEXTS, TEXTS.filter(bool))
def test_a_text_that_holds_a_needle_has_its_grams(text: str, needle: str) -> None:
    plan = grams.plan(needle)
    if plan is None:
        assert len(needle) < 3 or "\0" in needle or needle.isascii()
        return
    longer = f"{text}{needle}{text}"
    assert set(plan.grams) <= {*grams.triples(longer), *grams.pairs(longer)}
    if plan.exact and "\0" not in text:
        assert (set(plan.grams) <= {*grams.triples(text), *grams.pairs(text)}) == (needle in text)


@settings(max_examples=40)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=20))
def test_postings_come_back(texts: list[tuple[str, str]]) -> None:
    builder = postings.Builder()
    expected: dict[int, list[int]] = {}
    for letter, (head, body) in enumerate(texts):
        builder.add(head, body)
        for space, text in enumerate((body, head, *(postings.field(head, name) for name in postings.SPACES[2:]))):
            for entry in [*grams.triples(text, space), *grams.pairs(text, space)]:
                expected.setdefault(entry, []).append(letter)
    count = len(texts)
    blocks = list(builder.blocks())
    assert dict(pair for _, data in blocks for pair in postings.lists(data, count)) == expected

    def source(before: int) -> Iterator[tuple[int, list[int]]]:
        return (pair for _, data in blocks for pair in postings.lists(data, count, before))

    joined = list(postings.join([source(0), source(count)], 2 * count))
    for made, many in ((blocks, count), (joined, 2 * count)):
        fences = [first for first, _ in made]
        for entry, letters in expected.items():
            data = postings.opened(made[postings.block_of(fences, entry)][1])
            hits = letters if many == count else letters + [letter + count for letter in letters]
            assert postings.ones(postings.find(data, entry, many)) == hits
            if entry + (1 << grams.LETTER) not in expected:
                assert postings.find(data, entry + (1 << grams.LETTER), many) == 0


def test_many_letters_make_many_blocks() -> None:
    builder = postings.Builder()
    for letter in range(120):
        builder.add("subject: x", " ".join(f"{letter * 7919 + n:x}" for n in range(300)))
    blocks = list(builder.blocks())
    fences = [first for first, _ in blocks]
    assert (len(blocks) > 5, fences) == (True, sorted(set(fences)))
    found = [pair for _, data in blocks for pair in postings.lists(data, 120)]
    assert [key for key, _ in found] == sorted({key for key, _ in found})
    joined = list(postings.join([iter(found), iter([])], 120))
    assert [pair for _, data in joined for pair in postings.lists(data, 120)] == found


@pytest.mark.parametrize("size", [1, 8, 9, 4096])
def test_bitmaps_and_bits(size: int) -> None:
    letters = list(range(0, size, 3))
    assert postings.ones(int.from_bytes(postings.bitmap(letters, (size + 7) // 8), "little")) == letters

"""The index's rows: found span by span, newest first; a span goes in slices; letters are walked by their events."""

from hatoba.model.event import Event
from hatoba.store import journal, words
from hatoba.store.shard import Shard

LOW, HIGH = -(2**63), 2**63 - 1


async def test_postings(opened: Shard) -> None:
    made = [(1, LOW, number) for number in range(1, 101)] + [(2, HIGH, 7), (2, HIGH, 7), (2, 0, 2**62)]
    for some in (made, made[:3]):
        await opened.writer.do(lambda tx, some=some: words.add(tx, some))  # type: ignore[misc]  # default binds
    with opened.reader() as reader:
        assert words.find(reader, 1, LOW, HIGH, 3) == [100, 99, 98]
        assert words.find(reader, 1, LOW, 98, 3) == [97, 96, 95]
        assert words.find(reader, 2, LOW, HIGH, 3) == words.find(reader, 1, 5, HIGH, 3) == []
        assert words.find(reader, 2, HIGH, HIGH, 9) == [7]
        assert words.spans(reader) == (1, 2)
        unknown = [row for text, part in reader.parts(words.UNKNOWN, [(1, LOW, 4), (1, LOW, 101), (3, HIGH, 7)])
                   for row in reader.rows(text, part)]  # fmt: skip
        assert sorted(unknown) == [(1, LOW, 101), (3, HIGH, 7)]


async def test_a_span_goes_in_slices(opened: Shard) -> None:
    made = [(span, term, number) for span in (4, 5) for term in (LOW, -1, HIGH) for number in range(10)]
    await opened.writer.do(lambda tx: words.add(tx, made))
    left = []
    for _ in range(4):
        done = await opened.writer.do(lambda tx: words.drop(tx, 4, 8))
        with opened.reader() as reader:
            left.append((done, reader.rows("SELECT count(*) FROM word WHERE span = 4")[0][0]))
    assert left == [(False, 21), (False, 12), (False, 3), (True, 0)]
    with opened.reader() as reader:
        assert words.spans(reader) == (5, 5)
        assert reader.rows("SELECT count(*) FROM word") == [(30,)]
    await opened.writer.do(words.forget_all)
    with opened.reader() as reader:
        assert words.spans(reader) == (0, -1)


async def test_letters_by_their_events(opened: Shard) -> None:
    with opened.reader() as reader:
        assert words.letters(reader, HIGH, 9) == words.queued(reader, HIGH, 9) == []
    events = [Event(letter, 1, "held") for letter in (3, 9, 9, 9, 4)]
    await opened.writer.do(lambda tx: journal.append(tx, events))
    with opened.reader() as reader:
        assert words.letters(reader, HIGH, 9) == [9, 4, 3]
        assert words.letters(reader, HIGH, 2) == [9]  # a page of one letter: the next one begins below it
        assert words.letters(reader, 9, 9) == [4, 3]
        assert words.living(reader, 4, 5)
        assert not words.living(reader, 5, 9)
        assert words.living(reader, 5, 10)

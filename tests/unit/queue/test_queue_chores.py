"""Behind the letters: index and chain come near at rest and stay within journal.lag under load; what is old goes."""

import asyncio
from collections.abc import Awaitable, Callable

from tests.support.queue_seam import START, Harbour

from hatoba.journal import search
from hatoba.journal.settings import Audit
from hatoba.journal.settings import Settings as Journal
from hatoba.kit import ids
from hatoba.queue.chores import Chores
from hatoba.store import chain, contents, journal, words
from hatoba.store.contents import Keep
from hatoba.store.sql import Reader

Make = Callable[..., Awaitable[Harbour]]


def stand(reader: Reader) -> tuple[int, int, int]:
    """The last event, where the index stands, where the chain ends."""
    newest = chain.last(reader)
    return journal.last(reader), journal.position(reader, search.CURSOR), newest.seq if newest is not None else 0


async def test_at_rest_all_is_done(harbour: Make) -> None:
    one = await harbour()
    number = await one.put("bob@peer.example")
    await one.turn(11.0)
    with one.shard.reader() as reader:
        last, indexed, chained = stand(reader)
        assert last == indexed == chained > 1
        assert search.find(reader, "bob@peer.example", 9) == [number]
    await one.put("bob@peer.example")
    await one.turn(2.0)
    with one.shard.reader() as reader:
        last, indexed, chained_still = stand(reader)
        assert last == indexed
        assert chained_still == chained  # a link for every letter would be many small ones
    await one.turn(9.0)
    with one.shard.reader() as reader:
        assert stand(reader)[2] == last


async def test_without_index_and_chain_nothing_is_written(harbour: Make) -> None:
    one = await harbour(journal=Journal(index=False), audit=Audit(chain=False))
    number = await one.put("bob@peer.example")
    await one.turn(60.0)
    with one.shard.reader() as reader:
        assert stand(reader)[1:] == (0, 0)
        assert words.spans(reader) == (0, -1)
        assert search.find(reader, "bob@peer.example", 9) == [number]


async def test_under_load_they_come_as_near_as_they_must(harbour: Make) -> None:
    one = await harbour()
    for _ in range(600):
        await one.put("bob@peer.example")
    await one.quiet()
    means = one.queue._means
    for lag, reached in ((5000, False), (1000, True)):
        chores = Chores(means, Journal(lag=lag, batch=100), Audit(), lambda: False, lambda: True)
        await chores.begin(START)
        await chores.begin(START)  # it lasts: not twice
        await chores.settled()
        with one.shard.reader() as reader:
            last, indexed, chained = stand(reader)
        assert last >= 1200
        assert (last - indexed <= 1000, last - chained <= 1000) == (reached, reached)
        assert last - indexed >= 900  # no more than that
        chores.close()


async def test_contents_are_kept_and_go_by_age_and_size(harbour: Make) -> None:
    audit = Audit(content="whole", content_retention=100.0, content_total=45)
    one = await harbour(audit=audit, keep=Keep("whole", 99, lambda letter, octets: octets[:10]))
    numbers = [await one.put("bob@peer.example") for _ in range(6)]
    await one.turn(61.0)
    with one.shard.reader() as reader:
        assert [number for number in numbers if contents.find(reader, number)] == numbers[2:]
    await one.turn(61.0)
    with one.shard.reader() as reader:
        assert contents.total(reader) == 0


async def test_events_and_words_go_by_age(harbour: Make) -> None:
    one = await harbour(journal=Journal(retention=3 * 86_400.0, index_retention=86_400.0))
    one._ids = START - ids.EPOCH << 22  # of now, as real ones are
    number = await one.put("bob@peer.example")
    await one.turn(1.0)
    await one.turn(2 * 86_400.0)
    with one.shard.reader() as reader:
        assert words.spans(reader) == (0, -1)
        assert search.find(reader, "bob@peer.example", 9) == []
        assert journal.of_letter(reader, number) != []
    await one.turn(2 * 86_400.0)
    with one.shard.reader() as reader:
        assert journal.of_letter(reader, number) == []


async def test_a_store_that_is_closed_is_no_bug(harbour: Make) -> None:
    one = await harbour()
    await one.put("bob@peer.example")
    chores = Chores(one.queue._means, Journal(), Audit(), lambda: True, lambda: False)
    await asyncio.to_thread(one.shard.writer.close)
    await chores.begin(START)
    await chores.settled()
    chores.close()

"""Everything a shard's writer is ever told to do, one deed after the other; and what a shard holds, as one value.

Used by the fault tests of the store: `DEEDS` run in order on an open shard, each acknowledged when its future is done;
`held` reads a shard back, so that "all of it or nothing of it" is an equality.
Never decides what is right: the tests compare with a run in which nothing went wrong.
"""

import asyncio
import hashlib
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Letter, Recipient, Source
from hatoba.model.event import ACCEPTED, DELIVERED, Event
from hatoba.store import queue, rows, spool
from hatoba.store.settings import Settings
from hatoba.store.shard import Shard

SETTINGS = Settings(inline=4096)
SMALL, LARGE = 300, 9_000
Deed = Callable[[Shard], Awaitable[object]]


class Held(msgspec.Struct, frozen=True):
    """A shard's contents: letters with a digest of their content, recipients, events."""

    letters: tuple[tuple[int, int, str], ...]
    recipients: tuple[tuple[object, ...], ...]
    events: tuple[tuple[int, str], ...]


def content(number: int, size: int) -> bytes:
    """The same for the same letter."""
    return hashlib.shake_256(number.to_bytes(8, "big")).digest(size)


def seal(number: int, size: int = SMALL, people: int = 1, state: int = rows.ACTIVE) -> rows.Seal:
    to = Address("c", "d.example")
    envelope = Envelope(Address("a", "b.example"), tuple(Recipient(to) for _ in range(people)))
    letter = Letter(number, 1, 2, envelope, Source("mx"), size, content(number, size))
    recipients = [rows.RecipientRow(number, n, str(to), to.domain, "mx:d.example", state) for n in range(people)]
    return rows.Seal(letter, recipients, [Event(number, 1, ACCEPTED)])


def drafted(shard: Shard, number: int, size: int) -> rows.Seal:
    """A large letter whose body was written as it came."""
    made = seal(number, size)
    made.draft = shard.blobs.draft(number)
    made.draft.append(content(number, size))
    made.letter.content = None
    return made


async def together(shard: Shard, *items: Callable[[], Awaitable[object]]) -> None:
    """All of them in one commit."""
    entered, leave = threading.Event(), threading.Event()

    def gate(_: object) -> None:
        entered.set()
        assert leave.wait(30)

    held = shard.writer.do(gate)
    await asyncio.to_thread(entered.wait)
    waiting = [item() for item in items]
    leave.set()
    await asyncio.gather(held, *waiting)


def _later(number: int, n: int, attempts: int) -> rows.RecipientUpdate:
    return rows.RecipientUpdate(number, n, "mx:e.example", rows.READY, attempts, 77, last=b'{"code":"4.2.0"}')


DEEDS: list[Deed] = [
    lambda s: s.writer.seal(seal(1)),
    lambda s: s.writer.seal(seal(2, LARGE)),
    lambda s: s.writer.seal(drafted(s, 3, LARGE)),
    lambda s: together(
        s,
        lambda: s.writer.seal(seal(4, SMALL, 3, rows.READY)),
        lambda: s.writer.seal(seal(5, LARGE)),
        lambda: s.writer.seal(drafted(s, 6, LARGE)),
        lambda: s.writer.settle(rows.Settle(gone=[1], events=[Event(1, 2, DELIVERED)])),
    ),
    lambda s: s.writer.do(lambda tx: queue.lease(tx, [rows.Lease(4, n, 99) for n in range(3)])),
    lambda s: s.writer.settle(rows.Settle(recipients_gone=[(4, 0)], rows=[_later(4, 1, 1)])),
    lambda s: s.writer.do(lambda tx: queue.give_back(tx, [(4, 2)], 55)),
    lambda s: s.writer.settle(rows.Settle(gone=[2], seals=[seal(7, LARGE)], events=[Event(2, 3, "failed")])),
    lambda s: s.writer.do(lambda tx: queue.set_state(tx, [(4, 1), (4, 2)], rows.HELD)),
    lambda s: s.writer.do(lambda tx: queue.quarantine(tx, 5, "poison")),
    lambda s: s.writer.do(lambda tx: queue.put_lane(tx, rows.LaneRow("mx:d.example", True, "no", 5, b""))),
    lambda s: together(
        s,
        lambda: s.writer.settle(rows.Settle(gone=[3, 6])),
        lambda: s.writer.seal(seal(8, LARGE)),
        lambda: s.writer.do(lambda tx: queue.recover(tx, 9, 4)),
    ),
    lambda s: s.writer.settle(rows.Settle(gone=[4, 5, 7, 8])),
]


def held(shard: Shard) -> Held:
    """What it holds; contents are read wherever they are. StoreTrouble when one cannot be."""
    with shard.reader() as reader:
        numbers = [row[0] for row in reader.rows("SELECT id FROM letter ORDER BY id")]
        letters, troubles = spool.load_many(reader, numbers)
        if troubles:
            raise troubles[0]
        digests = tuple(
            (number, letter.size, hashlib.sha256(spool.content(shard.blobs, letter)).hexdigest())
            for number, letter in letters.items()
        )
        return Held(
            digests,
            tuple(reader.rows("SELECT * FROM recipient ORDER BY letter, n")),
            tuple((letter, kind) for letter, kind in reader.rows("SELECT letter, kind FROM event ORDER BY seq")),
        )


def orphans(shard: Shard) -> set[str]:
    """Files among the bodies that no row names."""
    with shard.reader() as reader:
        named = {row[0] for row in reader.rows("SELECT blob FROM letter WHERE blob <> ''")}
    return {path.name for path in shard.blobs.path.iterdir()} - named


def opened(data: Path) -> Shard:
    return Shard.open(data, 0, SETTINGS)

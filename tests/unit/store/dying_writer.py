"""Dies at each numbered step of the writer, once per step, in a forked child; run by test_store_crash.

Usage: dying_writer.py TEMPLATE FOLDER. Writes a line for each step: "<step> <exit status> <acknowledged …>".
"""

import asyncio
import os
import shutil
import signal
import sys
from pathlib import Path

from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Letter, Recipient, Source
from hatoba.model.event import ACCEPTED, Event
from hatoba.store import rows
from hatoba.store.settings import Settings
from hatoba.store.shard import Shard


def seal(number: int, size: int) -> rows.Seal:
    envelope = Envelope(Address("a", "b.example"), (Recipient(Address("c", "d.example")),))
    letter = Letter(number, 1, 2, envelope, Source("mx"), size, b"x" * size)
    return rows.Seal(
        letter, [rows.RecipientRow(number, 0, "c@d.example", "d.example", "s")], [Event(number, 1, ACCEPTED)]
    )


async def live(opened: Shard, said: int) -> None:
    """Seals a small and two large letters, settles a small and a large one; says each as it is acknowledged."""
    writer = opened.writer

    async def say(word: str, future: asyncio.Future[None]) -> None:
        await future
        os.write(said, f"{word} ".encode())

    await asyncio.gather(say("+1", writer.seal(seal(1, 100))), say("+2", writer.seal(seal(2, 9000))))
    draft = opened.blobs.draft(3)
    draft.append(b"x" * 9000)
    drafted = seal(3, 9000)
    drafted.letter.content, drafted.draft = None, draft
    await say("+3", writer.seal(drafted))
    await say("-1", writer.settle(rows.Settle(gone=[1, 2])))


def child(data: Path, step: int, said: int) -> None:
    opened = Shard.open(data, 0, Settings(inline=4096))

    def trap(number: int) -> None:
        if number == step:
            os.kill(os.getpid(), signal.SIGKILL)

    opened.writer.trap = trap
    asyncio.run(live(opened, said))
    os._exit(0)


def main(template: Path, folder: Path) -> None:
    step = 0
    status = -1
    while status != 0:
        step += 1
        data = shutil.copytree(template, folder / str(step))
        reading, said = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            child(data, step, said)
        os.close(said)
        with os.fdopen(reading) as pipe:
            words = pipe.read()
        status = os.waitpid(pid, 0)[1]
        os.write(1, f"{step} {status} {words}\n".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

"""Everything a mail shard's writer is told to do, one deed after the other; and all that a shard holds, as one value.

Run as a program in a process without threads it does the deeds in forked children, each of which kills itself before
statement k of the shard's connection, for k = 1, 2, … until one lives: mail_deeds.py TEMPLATE FOLDER. It writes for
each "<statement> <exit status> <deeds acknowledged>".
"""

import itertools
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from tests.support.letters import NOW, Mailbox, content, octets

from hatoba.store import base, blobs, sqlite
from hatoba.store.mailboxes import accounts, boxes, copies, marks, messages, naming, trash
from hatoba.store.mailboxes.messages import New
from hatoba.store.mailboxes.settings import Settings as MailSettings
from hatoba.store.mailboxes.stores import MailStore
from hatoba.store.settings import Database, Settings
from hatoba.store.sql import Tx

KEY = "bob@c.example"
MAIL = MailSettings(shards=1, readers=1)


def _box(tx: Tx, name: str = "INBOX") -> int:
    account = accounts.ensure(tx, KEY, NOW)
    found = boxes.find(tx, account, name)
    return found.id if found else boxes.create(tx, account, name, NOW).id


def _append(tx: Tx, *numbers: int, name: str = "INBOX", size: int = 0) -> object:
    news = [
        New(content(octets(number, text="x" * size), number), NOW, ("Work",), delivery=(number, "bob"))
        for number in numbers
    ]
    return messages.append_many(tx, _box(tx, name), news, NOW)


DEEDS: list[Callable[[Tx], object]] = [
    lambda tx: _append(tx, 1),
    lambda tx: _append(tx, 2, 3, 4),
    lambda tx: _append(tx, 5, size=600_000),
    lambda tx: _append(tx, 1, 6),
    lambda tx: marks.change(tx, _box(tx), [1, 2, 3], marks.ADD, ["\\Seen", "\\Deleted"]),
    lambda tx: copies.copy(tx, _box(tx), [2, 5], _box(tx, "Archive"), NOW),
    lambda tx: copies.move(tx, _box(tx), [4, 5], _box(tx, "Archive"), NOW),
    lambda tx: trash.expunge(tx, _box(tx), NOW),
    lambda tx: naming.rename(tx, accounts.ensure(tx, KEY, NOW), "Archive", "Old", NOW),
    lambda tx: trash.recover(tx, accounts.ensure(tx, KEY, NOW), [(_box(tx), 1)], _box(tx, "Old"), NOW),
    lambda tx: naming.delete(tx, _box(tx, "Old"), NOW),
    lambda tx: trash.purge(tx, NOW + 1),
    lambda tx: _append(tx, 7),
]


def opened(data: Path) -> MailStore:
    return MailStore(base.of(data, Settings(), Database(), blobs.Settings()), MAIL)


def held(store: MailStore) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    return store.numbered(0).look(
        lambda reader: {
            name: sorted(reader.rows(f'SELECT * FROM "{name}"'))  # noqa: S608
            for (name,) in reader.rows("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        }
    )


def inbox(store: MailStore) -> Mailbox:
    shard = store.numbered(0)
    account = shard.wait(lambda tx: accounts.ensure(tx, KEY, NOW))
    return Mailbox(shard, account, shard.wait(_box), itertools.count(1000))


def child(data: Path, step: int, said: int) -> None:
    shard = opened(data).numbered(0)
    numbers = itertools.count(1)

    def trap(_: str) -> None:
        if next(numbers) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(tx: Tx) -> None:
        assert isinstance(tx, sqlite.Tx)
        tx.connection.set_trace_callback(trap)

    shard.wait(watch)
    for deed in DEEDS:
        shard.wait(deed)
        os.write(said, b"+")
    os._exit(0)


def main(template: Path, folder: Path) -> None:
    step, status = 0, -1
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
            acknowledged = len(pipe.read())
        status = os.waitpid(pid, 0)[1]
        os.write(1, f"{step} {status} {acknowledged}\n".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

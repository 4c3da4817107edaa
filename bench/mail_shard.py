"""What a mail shard on SQLite does on this machine: letters put in, looked at, fetched, flagged, indexed and searched.

Run by hand: python -m bench.mail_shard [LETTERS] [SEARCHED]. Figures are the best of a few rounds, CPU of this process
alone where it says so; beside other work compare those.
Never touches anything but a folder of its own, which it removes.
"""

import asyncio
import itertools
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from hatoba import store
from hatoba.message import structure
from hatoba.store import base, blobs
from hatoba.store.mailboxes import accounts, boxes, contents, indexing, marks, messages, search
from hatoba.store.mailboxes.messages import New
from hatoba.store.mailboxes.packing import Content
from hatoba.store.mailboxes.settings import Settings as MailSettings
from hatoba.store.mailboxes.shards import MailShard
from hatoba.store.mailboxes.stores import MailStore
from hatoba.store.settings import Database, Settings

NOW = 1_700_000_000_000
KEY = "bob@c.example"
SIZE = 4096
TOGETHER = 200  # commits under way at once


class Words:
    """Text whose words are as unequally frequent as those of a language; a third of the letters is Japanese."""

    def __init__(self) -> None:
        self.chance = random.Random(7)  # the same words each time
        letters = "abcdefghijklmnopqrstuvwxyz"
        self.latin = ["".join(self.chance.choices(letters, k=self.chance.randint(2, 9))) for _ in range(20_000)]
        kanji = [chr(0x4E00 + n) for n in range(2000)]
        self.japanese = ["".join(self.chance.choices(kanji, k=2)) for _ in range(5000)]
        self._weights = {
            id(words): list(itertools.accumulate(1 / (n + 1) for n in range(len(words))))
            for words in (self.latin, self.japanese)
        }

    def some(self, words: list[str], count: int) -> list[str]:
        return self.chance.choices(words, cum_weights=self._weights[id(words)], k=count)

    def letter(self, number: int) -> bytes:
        japanese = number % 3 == 0
        words = self.japanese if japanese else self.latin
        between = "" if japanese else " "
        random_ = "".join(self.chance.choices("abcdefghijklmnopqrstuvwxyz0123456789+/", k=360))
        head = (
            f"Received: from x.example by mx.example with ESMTPS id {random_[:16]}\r\n"
            f"DKIM-Signature: v=1; a=rsa-sha256; d=b.example; b={random_}\r\n"
            f"From: User {number % 1000} <user{number % 1000}@b.example>\r\nTo: Bob <bob@c.example>\r\n"
            f"Date: Tue, 14 Nov 2023 22:13:20 +0000\r\nMessage-ID: <{number}@b.example>\r\n"
            f"Subject: {between.join(self.some(words, 6))}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        ).encode()
        rare = "needleword 鳩場\r\n" if number % 1000 == 7 else ""
        lines = [rare]
        while sum(map(len, lines)) * (3 if japanese else 1) < SIZE - len(head):
            lines.append(between.join(self.some(words, 12)) + "\r\n")
        return head + "".join(lines).encode()


def best(what: str, function: Callable[[], object], rounds: int = 5) -> None:
    """Prints the quickest of some rounds, by the clock on the wall."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    print(f"{what:44} {min(times) * 1000:9.1f} ms")


async def put(shard: MailShard, box: int, made: list[Content]) -> None:
    """Each letter is an append of its own; so many are under way at once."""
    started, cpu = time.perf_counter(), time.process_time()
    for start in range(0, len(made), TOGETHER):
        news = [New(content, NOW) for content in made[start : start + TOGETHER]]
        await asyncio.gather(*[shard.do(lambda tx, new=new: messages.append(tx, box, new, NOW)) for new in news])  # type: ignore[misc]
    wall, used = time.perf_counter() - started, time.process_time() - cpu
    print(f"append: {len(made) / wall:.0f} letters/s, {used / len(made) * 1e6:.0f} us of CPU each", flush=True)


def looks(shard: MailShard, box: int, count: int) -> None:
    uids = range(1, count + 1)
    best(f"view of {count}", lambda: shard.look(lambda reader: messages.view(reader, box)))
    for columns in (("header",), ("envelope", "structure"), ("size", "internal"), ("raw",)):

        def fetch(columns: tuple[str, ...] = columns) -> int:
            return shard.look(lambda reader: sum(map(len, contents.fetch(reader, box, uids, columns))))

        best(f"fetch {' and '.join(columns)}", fetch)
    turns = itertools.cycle((marks.ADD, marks.TAKE))
    best(
        "flag \\Seen of all, committed",
        lambda: shard.wait(lambda tx: marks.change(tx, box, uids, next(turns), ["\\Seen"])),
    )


def searches(shard: MailShard, box: int, words: Words) -> None:
    for where, needle in (
        ("text", "needleword"),
        ("text", "鳩場"),
        ("text", "nosuchthing"),
        ("body", words.japanese[50]),
        ("body", words.japanese[500]),
        ("subject", words.japanese[3]),
        ("body", words.latin[3000]),
        ("from", "user77"),
        ("body", "xq"),
    ):
        hits = shard.look(lambda reader, a=where, b=needle: search.text(reader, box, a, b))  # type: ignore[misc]
        best(
            f"search {where} {needle!r}: {len(hits)} hits",
            lambda a=where, b=needle: shard.look(lambda reader: search.text(reader, box, a, b)),  # type: ignore[misc]
        )


def main(count: int, searched: int) -> None:
    with tempfile.TemporaryDirectory(prefix="hatoba-mailboxes-") as folder:
        data = Path(folder)
        mail = MailSettings(shards=1)
        store.prepare(data, 1, mailboxes=mail)
        opened = MailStore(base.of(data, Settings(), Database(), blobs.Settings()), mail)
        shard, words = opened.shard(KEY), Words()
        account = shard.wait(lambda tx: accounts.ensure(tx, KEY, NOW))
        box = shard.wait(lambda tx: boxes.create(tx, account, "Bench", NOW)).id
        raws = [words.letter(number) for number in range(count)]
        made = [Content(raw, structure.summary(raw)) for raw in raws]
        asyncio.run(put(shard, box, made))
        looks(shard, box, count)
        for start in range(count, searched, TOGETHER):
            news = [
                New(Content(raw, structure.summary(raw)), NOW)
                for raw in map(words.letter, range(start, start + TOGETHER))
            ]
            shard.wait(lambda tx, news=news: messages.append_many(tx, box, news, NOW))  # type: ignore[misc]
        cpu = time.process_time()
        filler = indexing.Filler(shard, lambda: time.time_ns() // 1_000_000)
        while filler.turn():
            pass
        print(f"indexed: {(time.process_time() - cpu) / max(searched, count) * 1e6:.0f} us of CPU a letter", flush=True)
        searches(shard, box, words)
        opened.close()


if __name__ == "__main__":
    main(*(int(word) for word in (*sys.argv[1:], "10000", "20000")[:2]))

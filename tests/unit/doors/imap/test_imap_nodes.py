"""The same door over mailboxes on a PostgreSQL server, which two nodes share: each sees what the other did."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import pg
from tests.support.imap_site import MAIL, Site, connected, letter

from hatoba import store
from hatoba.app.hearing import Hearing
from hatoba.store import base, blobs
from hatoba.store.server import Server
from hatoba.store.settings import Database, Settings


@pytest.fixture
def nodes(prepared_mail: Path, tmp_path: Path) -> Iterator[tuple[Site, Site]]:
    name = pg.database()
    database = Database(url=pg.url(name), shards=1)
    store.prepare(tmp_path / "first", 1, database=database, mailboxes=MAIL)
    made = []
    for node in ("one", "two"):
        shutil.copytree(prepared_mail, tmp_path / node)
        home = base.of(tmp_path / f"{node}-spool", Settings(), database, blobs.Settings())
        made.append(Site(tmp_path / node, None, home=home, poll=0.05))
    yield made[0], made[1]
    for site in made:
        site.close()
    pg.drop(name)


async def test_a_node_tells_the_others_at_once(nodes: tuple[Site, Site]) -> None:
    one, two = nodes
    ears = []
    for site in nodes:
        assert isinstance(site.home, Server)
        ears.append(Hearing(site.home, "", dict, lambda: None, site.hub.hear))
        site.hub.reach(ears[-1].tell)
        site.hub._poll = 3600.0
    async with one.door() as first, two.door() as second, connected(second.port, "alice") as there:
        await there.ok("SELECT INBOX")
        there.writer.write(b"i IDLE\r\n")
        assert await there.answer() == b"+ idling"
        async with connected(first.port, "alice") as here, asyncio.timeout(20):
            heard = asyncio.create_task(there.answer())
            while not heard.done():  # a word said before the other listens is lost
                await here.append("INBOX", letter())
            assert (await heard).endswith(b" EXISTS")
    for ear in ears:
        await ear.stop(1)
        await ear.close()


async def test_two_nodes_share_the_mailboxes(nodes: tuple[Site, Site]) -> None:
    one, two = nodes
    async with (
        one.door() as first, two.door() as second,
        connected(first.port, "alice") as here, connected(second.port, "alice") as there,
    ):  # fmt: skip
        await here.ok("SELECT INBOX")
        await there.ok("SELECT INBOX")
        there.writer.write(b"i IDLE\r\n")
        assert await there.answer() == b"+ idling"
        large = letter("large", "x" * 2_000_000)
        await here.append("INBOX", letter("a", "東京"), letter("b"), large, flags="work")
        async with asyncio.timeout(20):
            assert await there.answer() == b"* 3 EXISTS"
        there.writer.write(b"DONE\r\n")
        await there.until(b"i")
        assert (await there.ok("FETCH 3 BODY.PEEK[]"))[-1].endswith(large + b")")
        octets = "東京".encode()
        assert await there.ok(b"SEARCH TEXT {%d+}\r\n%b" % (len(octets), octets)) == [b"* SEARCH 1"]
        assert re.match(rb"OK \[COPYUID \d+ 1:2 1:2\]", (await there.say("COPY 1:2 Sent"))[-1])
        assert b"* 1 EXPUNGE" in await there.ok("MOVE 1 Sent")
        assert b"* 1 EXPUNGE" in await here.ok("NOOP")
        await here.ok("RENAME Sent Gone")
        assert await there.ok("STATUS Gone (MESSAGES)") == [b"* STATUS Gone (MESSAGES 3)"]
        await here.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)")
        await here.ok("EXPUNGE")
        assert [line for line in await there.ok("NOOP") if b"EXPUNGE" in line] == [b"* 1 EXPUNGE", b"* 1 EXPUNGE"]

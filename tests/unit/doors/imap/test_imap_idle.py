"""Hearing of changes without asking: IDLE and NOTIFY, in the process, from other workers, and by the poll."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path

from tests.support.imap_site import ImapClient, Site, clock, connected, letter

from hatoba.doors.imap.door import Door
from hatoba.mailboxes.deposit import Deposit, Parcel
from hatoba.mailboxes.settings import Settings
from hatoba.message import structure
from hatoba.store.mailboxes.packing import Content

ALICE = "alice@example.org"


async def idle(client: ImapClient) -> None:
    client.writer.write(b"i IDLE\r\n")
    assert await client.answer() == b"+ idling"


async def done(client: ImapClient) -> list[bytes]:
    client.writer.write(b"DONE\r\n")
    return await client.until(b"i")


def depositor(site: Site) -> Deposit:
    return Deposit(site.mail, site.post.ensure, site.hub.tell, site.post.quota, clock)


def parcel(number: int, account: str = ALICE, box: str = "INBOX") -> Parcel:
    raw = letter(f"n{number}")
    return Parcel(account, Content(raw, structure.summary(raw), number), clock(), (number, account), box)


async def heard(client: ImapClient, *wanted: bytes) -> list[bytes]:
    """Answers up to the one that begins so."""
    said: list[bytes] = []
    async with asyncio.timeout(10):
        while not said or not said[-1].startswith(wanted):
            said.append(await client.answer())
    return said


async def test_an_idle_client_hears_of_a_letter_as_soon_as_it_is_there(alice: ImapClient, mail_site: Site) -> None:
    await idle(alice)
    began = time.perf_counter()
    await depositor(mail_site)([parcel(1)])
    assert await alice.answer() == b"* 1 EXISTS"
    assert time.perf_counter() - began < 2.0  # milliseconds, on a machine with nothing else to do
    assert await alice.answer() == b"* 1 RECENT"
    assert (await done(alice))[-1].startswith(b"OK")


async def test_flags_and_expunges_are_heard_too(alice: ImapClient, again: ImapClient) -> None:
    await alice.append("INBOX", letter())
    await again.ok("NOOP")
    await idle(again)
    await alice.ok("NOOP")
    await alice.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    assert (await again.answer()).startswith(b"* 1 FETCH (FLAGS (\\Deleted")
    await alice.ok("EXPUNGE")
    assert await again.answer() == b"* 1 EXPUNGE"


async def test_what_came_before_idle_is_told_at_its_beginning(alice: ImapClient, again: ImapClient) -> None:
    await alice.append("INBOX", letter())
    await idle(again)
    assert await again.answer() == b"* 1 EXISTS"


async def test_done_ends_the_telling(alice: ImapClient, mail_site: Site) -> None:
    await idle(alice)
    await done(alice)
    await depositor(mail_site)([parcel(1)])
    await alice.ok("NOOP")
    assert b"* 1 FETCH (UID 1)" in await alice.ok("FETCH 1:* UID")


async def test_idle_without_a_box_and_a_sign_of_life(mail_site: Site) -> None:
    async with mail_site.door(house=mail_site.house(still=0.02)) as door, connected(door.port, "alice") as client:
        await idle(client)
        assert await client.answer() == b"* OK Still here"
        assert await client.answer() == b"* OK Still here"
        assert (await done(client))[-1].startswith(b"OK")


async def test_the_same_letter_for_several_accounts_is_told_to_each(imap: Door, mail_site: Site) -> None:
    async with connected(imap.port, "alice") as alice, connected(imap.port, "bob") as bob:
        for client in (alice, bob):
            await client.ok("SELECT INBOX")
            await idle(client)
        raw = letter("both")
        content = Content(raw, structure.summary(raw), 7)
        parcels = [Parcel(account, content, clock(), (7, account)) for account in (ALICE, "bob@example.org")]
        first = await depositor(mail_site)(parcels)
        for client in (alice, bob):
            assert await client.answer() == b"* 1 EXISTS"
        assert await depositor(mail_site)(parcels) != first  # known already: nothing is put in twice
        async with connected(imap.port, "bob") as other:
            assert await other.ok("STATUS INBOX (MESSAGES)") == [b"* STATUS INBOX (MESSAGES 1)"]


async def test_another_worker_of_the_node_tells(prepared_mail: Path, tmp_path: Path) -> None:
    shutil.copytree(prepared_mail, tmp_path / "data")
    run = tmp_path / "run"
    run.mkdir()
    one = Site(tmp_path / "data", None, name="0", hub=run)
    two = Site(tmp_path / "data", None, name="1", hub=run)
    async with one.door() as first, two.door() as second, connected(first.port, "alice") as listener:
        one.hub._meet()
        two.hub._meet()
        await listener.ok("SELECT INBOX")
        await idle(listener)
        async with connected(second.port, "alice") as writer:
            await writer.append("INBOX", letter())
            async with asyncio.timeout(10):
                assert await listener.answer() == b"* 1 EXISTS"
    one.close()
    two.close()


async def test_what_nobody_told_of_is_found_by_the_poll(prepared_mail: Path, tmp_path: Path) -> None:
    shutil.copytree(prepared_mail, tmp_path / "data")
    one, two = Site(tmp_path / "data", None, poll=0.05), Site(tmp_path / "data", None)
    assert Settings().poll > one.hub._poll
    async with one.door() as first, two.door() as second, connected(first.port, "alice") as listener:
        await listener.ok("SELECT INBOX")
        await idle(listener)
        async with connected(second.port, "alice") as writer:
            await writer.append("INBOX", letter())
            async with asyncio.timeout(10):
                assert await listener.answer() == b"* 1 EXISTS"
    one.close()
    two.close()


async def test_notify_tells_of_other_boxes(alice: ImapClient, again: ImapClient, mail_site: Site) -> None:
    said = await alice.ok("NOTIFY SET STATUS (PERSONAL (MessageNew MessageExpunge MailboxName SubscriptionChange))")
    assert any(line.startswith(b"* STATUS Sent (MESSAGES 0 ") for line in said)
    await again.append("Sent", letter())
    assert (await alice.answer()).startswith(b"* STATUS Sent (MESSAGES 1 UIDNEXT 2 ")
    await again.ok("CREATE later")
    assert await alice.answer() == b'* LIST () "/" later'
    await again.ok("SUBSCRIBE later")
    assert await alice.answer() == b'* LIST (\\Subscribed) "/" later'
    await again.ok("UNSUBSCRIBE later")
    await heard(alice, b"* LIST () ")
    await again.ok("DELETE later")
    await heard(alice, b"* LIST (\\NonExistent) ")
    await alice.ok("NOTIFY NONE")
    await again.append("Sent", letter())
    assert await alice.ok("NOOP") == []


async def test_notify_tells_of_the_open_box_between_commands(alice: ImapClient, again: ImapClient) -> None:
    await alice.ok(
        "NOTIFY SET (SELECTED (MessageNew (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)]) MessageExpunge FlagChange))"
    )
    await again.append("INBOX", letter("news"))
    said = await heard(alice, b"* 1 FETCH (UID 1 BODY[HEADER.FIELDS (SUBJECT)] ")
    assert said[0] == b"* 1 EXISTS"
    assert b"Subject: news" in said[-1]
    await again.ok("NOOP")
    await again.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    await heard(alice, b"* 1 FETCH (FLAGS (\\Deleted")
    await again.ok("EXPUNGE")
    assert await alice.answer() == b"* 1 EXPUNGE"


async def test_notify_delayed_keeps_numbers_still(alice: ImapClient, again: ImapClient) -> None:
    await alice.append("INBOX", letter())
    await alice.ok("NOTIFY SET (SELECTED-DELAYED (MessageNew MessageExpunge FlagChange))")
    await again.ok("NOOP")
    await again.ok("STORE 1 +FLAGS (\\Deleted)")
    await heard(alice, b"* 1 FETCH (FLAGS (\\Deleted")
    await again.ok("EXPUNGE")
    assert await alice.ok("NOOP") == [b"* 1 EXPUNGE"]

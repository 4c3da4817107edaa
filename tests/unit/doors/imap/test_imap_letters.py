"""Letters by IMAP: appended, fetched, flagged, copied, moved, expunged, and what other sessions hear of it."""

from __future__ import annotations

import asyncio
import re

import pytest
from tests.support.imap_site import ImapClient, Site, connected, letter

from hatoba.doors.imap.door import Door
from hatoba.store.mailboxes.accounts import Quota

LARGE = letter("large", "x" * 70 + "\r\n" + ("y" * 998 + "\r\n") * 1500)  # 1.5 MB: above what is held in memory


async def test_what_is_appended_is_fetched_octet_by_octet(alice: ImapClient) -> None:
    raw = letter(body="\u8336")
    assert re.fullmatch(rb"OK \[APPENDUID \d+ 1\] Appended", await alice.append("INBOX", raw, flags="\\Seen work"))
    await alice.ok("NOOP")
    (said,) = await alice.ok("UID FETCH 1 (FLAGS RFC822.SIZE BODY.PEEK[])")
    assert b"\\Seen work" in said
    assert b"RFC822.SIZE %d" % len(raw) in said
    assert said.endswith(b"BODY[] {%d}\r\n%b)" % (len(raw), raw))


async def test_all_of_an_append_or_none(alice: ImapClient, mail_site: Site) -> None:
    assert b"APPENDUID" in await alice.append("INBOX", letter("a"), letter("b"), letter("c"))
    mail_site.quotas["alice@example.org"] = Quota(letters=4)
    three = b"".join(b" {%d+}\r\n%b" % (len(raw), raw) for raw in (letter("d"), letter("e")))
    assert b"[OVERQUOTA]" in await alice.refused(b"APPEND INBOX" + three)

    assert (await alice.ok("SEARCH ALL"))[-1] == b"* SEARCH 1 2 3"


async def test_appending_to_a_box_that_is_not_there(alice: ImapClient) -> None:
    assert b"[TRYCREATE]" in await alice.refused(b"APPEND nowhere {3+}\r\na: ")
    assert b"[TRYCREATE]" in await alice.refused("COPY 1:* nowhere")


async def test_a_large_letter_goes_in_and_out_in_pieces(alice: ImapClient) -> None:
    await alice.append("INBOX", LARGE)
    (whole,) = await alice.ok("UID FETCH 1 (UID BODY.PEEK[] RFC822.SIZE)")
    assert whole == b"* 1 FETCH (UID 1 BODY[] {%d}\r\n%b RFC822.SIZE %d)" % (len(LARGE), LARGE, len(LARGE))
    for first, count in ((0, 10), (100, 300_000), (len(LARGE) - 5, 100), (len(LARGE), 1), (1_000_000, 600_000)):
        (piece,) = await alice.ok(f"UID FETCH 1 BODY.PEEK[]<{first}.{count}>")
        part = LARGE[first : first + count]
        assert piece == b"* 1 FETCH (UID 1 BODY[]<%d> {%d}\r\n%b)" % (first, len(part), part)
    text = LARGE[LARGE.index(b"\r\n\r\n") + 4 :]
    (said,) = await alice.ok("FETCH 1 (BODY.PEEK[TEXT] BODY.PEEK[1] BODY.PEEK[7] BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    literal = b"{%d}\r\n%b" % (len(text), text)
    fields = b"{18}\r\nSubject: large\r\n\r\n"
    assert said == b"* 1 FETCH (BODY[TEXT] %b BODY[1] %b BODY[7] NIL BODY[HEADER.FIELDS (SUBJECT)] %b)" % (
        literal, literal, fields,
    )  # fmt: skip
    (said,) = await alice.ok("FETCH 1 BINARY.SIZE[1]")
    assert said == b"* 1 FETCH (BINARY.SIZE[1] %d)" % len(text)


async def test_reading_marks_as_seen_but_peeking_does_not(alice: ImapClient) -> None:
    await alice.append("INBOX", letter())
    said = await alice.ok("FETCH 1 BODY.PEEK[TEXT]") if await alice.ok("NOOP") else []
    assert not any(b"\\Seen" in line for line in said)
    said = await alice.ok("FETCH 1 BODY[TEXT]")
    assert any(b"FLAGS (\\Seen" in line for line in said)


async def test_a_box_that_is_examined_is_not_changed(alice: ImapClient) -> None:
    await alice.append("INBOX", letter())
    said = await alice.say("EXAMINE INBOX")
    assert said[-1].startswith(b"OK [READ-ONLY]")
    assert b"* OK [PERMANENTFLAGS ()] These can be changed" in said
    assert not any(b"\\Seen" in line for line in await alice.ok("FETCH 1 BODY[]"))
    assert (await alice.refused("STORE 1 +FLAGS (\\Seen)")).startswith(b"NO")
    assert (await alice.refused("EXPUNGE")).startswith(b"NO")


async def test_other_sessions_hear_of_letters_flags_and_expunges(alice: ImapClient, again: ImapClient) -> None:
    await alice.append("INBOX", letter("a"), letter("b"))
    assert b"* 2 EXISTS" in await again.ok("NOOP")
    await alice.ok("STORE 1 +FLAGS.SILENT (\\Deleted $Junk)")
    said = await again.ok("NOOP")
    assert any(b"1 FETCH (FLAGS (\\Deleted $Junk" in line for line in said)
    assert any(line.startswith(b"* FLAGS (") and b"$Junk" in line for line in said)
    assert await alice.ok("EXPUNGE") == [b"* 1 EXPUNGE"]
    assert await again.ok("FETCH 2 UID") == [b"* 2 FETCH (UID 2)"]  # told only where numbers may change
    assert await again.ok("NOOP") == [b"* 1 EXPUNGE"]
    assert await again.ok("FETCH 1 UID") == [b"* 1 FETCH (UID 2)"]


async def test_a_letter_that_is_gone_cannot_be_fetched_by_its_number(alice: ImapClient, again: ImapClient) -> None:
    await alice.append("INBOX", letter("a"), letter("b"))
    await again.ok("NOOP")
    await alice.ok("NOOP")
    await alice.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    await alice.ok("EXPUNGE")
    assert b"[EXPUNGEISSUED]" in await again.refused("FETCH 1:2 ENVELOPE")


@pytest.mark.parametrize("command", ["FETCH 2 UID", "STORE 1:2 FLAGS ()", "COPY 5 Sent", "SEARCH 7", "MOVE 2 Sent"])
async def test_a_number_beyond_the_box_is_bad(alice: ImapClient, command: str) -> None:
    await alice.append("INBOX", letter())
    await alice.ok("NOOP")
    assert (await alice.refused(command)).startswith(b"BAD")


async def test_copying_says_which_became_which(alice: ImapClient) -> None:
    await alice.append("INBOX", letter("a"), letter("b"), flags="\\Flagged work")
    await alice.ok("NOOP")
    assert re.match(rb"OK \[COPYUID \d+ 1:2 1:2\]", (await alice.say("COPY 1:2 Sent"))[-1])
    await alice.ok("SELECT Sent")
    said = await alice.ok("FETCH 1:2 (FLAGS)")
    assert all(b"(\\Flagged work" in line for line in said)


async def test_moving_leaves_nothing_behind(alice: ImapClient, again: ImapClient) -> None:
    await alice.append("INBOX", letter("a"), letter("b"))
    await alice.ok("NOOP")
    await again.ok("NOOP")
    said = await alice.ok("UID MOVE 1 Sent")
    assert re.match(rb"\* OK \[COPYUID \d+ 1 1\]", said[0])
    assert said[1:] == [b"* 1 EXPUNGE"]
    assert await again.ok("NOOP") == [b"* 1 EXPUNGE"]
    assert await alice.ok("STATUS Sent (MESSAGES)") == [b"* STATUS Sent (MESSAGES 1)"]


async def test_into_another_accounts_box_in_another_shard(
    mail_site: Site, imap: Door, alice: ImapClient, bob: ImapClient
) -> None:
    names = [
        name
        for name in ("bob", "carol")
        if mail_site.mail.shard(f"{name}@example.org") is not mail_site.mail.shard("alice@example.org")
    ]
    assert names, "one of them lives elsewhere"
    async with connected(imap.port, names[0]) as other:
        await other.ok("SETACL INBOX alice@example.org lri")
        await alice.append("INBOX", letter("given"), flags="\\Flagged work")
        await alice.ok("NOOP")
        box = f"Other Users/{names[0]}@example.org/INBOX"
        assert re.match(rb"OK \[COPYUID \d+ 1 1\]", (await alice.say(f'COPY 1 "{box}"'))[-1])
        assert re.match(rb"\* OK \[COPYUID \d+ 1 2\]", (await alice.ok(f'MOVE 1 "{box}"'))[0])
        assert await alice.ok("SEARCH ALL") == [b"* SEARCH"]
        await other.ok("SELECT INBOX")
        assert all(b"\\Flagged work" in line for line in await other.ok("FETCH 1:2 FLAGS"))


async def test_only_marked_letters_are_expunged(alice: ImapClient) -> None:
    await alice.append("INBOX", letter("a"), letter("b"), letter("c"))
    await alice.ok("NOOP")
    await alice.ok("STORE 1:2 +FLAGS.SILENT (\\Deleted)")
    assert await alice.ok("UID EXPUNGE 2:3") == [b"* 2 EXPUNGE"]
    await alice.ok("CLOSE")
    assert await alice.ok("STATUS INBOX (MESSAGES)") == [b"* STATUS INBOX (MESSAGES 1)"]


async def test_storing_flags_each_way(alice: ImapClient) -> None:
    await alice.append("INBOX", letter())
    await alice.ok("NOOP")
    assert (await alice.ok("STORE 1 FLAGS (\\Seen work)"))[-1] == b"* 1 FETCH (FLAGS (\\Seen work \\Recent))"
    assert (await alice.ok("STORE 1 -FLAGS (\\Seen)"))[-1] == b"* 1 FETCH (FLAGS (work \\Recent))"
    assert (await alice.ok("UID STORE 1 +FLAGS (WORK)"))[-1] == b"* 1 FETCH (UID 1 FLAGS (work \\Recent))"
    assert await alice.ok("STORE 1 +FLAGS.SILENT (\\Draft)") == []


async def test_a_replaced_letter_is_gone_with_the_new_one_there(alice: ImapClient) -> None:
    await alice.append("INBOX", letter("old"))
    await alice.ok("NOOP")
    raw = letter("new")
    said = await alice.say(b"REPLACE 1 INBOX {%d+}\r\n%b" % (len(raw), raw))
    assert said[-1].startswith(b"OK [APPENDUID")
    assert b"* 1 EXPUNGE" in said
    assert b"Subject: new" in (await alice.ok("FETCH 1 BODY.PEEK[]"))[0]


async def test_octets_0_are_shown_to_who_can_take_them(alice: ImapClient) -> None:
    raw = letter("zero", "a\0b", headers=["Content-Transfer-Encoding: binary"])
    await alice.ok(b"APPEND INBOX ~{%d+}\r\n%b" % (len(raw), raw))
    (binary, plain) = [
        line
        for line in await alice.ok("FETCH 1 BINARY.PEEK[1]") + await alice.ok("FETCH 1 BODY.PEEK[1]")
        if b"FETCH" in line
    ]
    assert binary.endswith(b"BINARY[1] ~{5}\r\na\0b\r\n)")
    assert plain.endswith(b"YQBiDQo=\r\n)")


async def test_many_letters_come_in_order(alice: ImapClient) -> None:
    for start in range(0, 1200, 400):
        await alice.append("INBOX", *[letter(f"n{number}") for number in range(start, start + 400)])
    await alice.ok("NOOP")
    await alice.ok("STORE 2:1199 +FLAGS.SILENT (\\Seen)")
    for items in ("FLAGS", "ENVELOPE", "BODY.PEEK[]", "BODY.PEEK[HEADER.FIELDS (SUBJECT)]"):
        said = await alice.ok(f"FETCH 1:* ({items})")
        assert [int(line.split()[1]) for line in said] == list(range(1, 1201))
    assert b"Subject: n1199\r\n" in said[-1]


async def test_a_letter_is_recent_to_one_session(alice: ImapClient, imap: Door) -> None:
    raw = letter()
    assert b"* 1 RECENT" in await alice.ok(b"APPEND INBOX {%d+}\r\n%b" % (len(raw), raw))
    await alice.ok("UNSELECT")
    async with asyncio.timeout(10):
        while await alice.ok("STATUS INBOX (RECENT)") != [b"* STATUS INBOX (RECENT 0)"]:
            pass  # it is written behind the answer
    assert b"* 0 RECENT" in await alice.ok("SELECT INBOX")

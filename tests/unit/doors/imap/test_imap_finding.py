"""Letters found, sorted, threaded, saved; and caught up with after being away: CONDSTORE and QRESYNC."""

from __future__ import annotations

import re

import pytest
import pytest_asyncio
from tests.support.imap_site import ImapClient, letter

LETTERS = (
    letter("tea", "green leaves", "ann@example.com", ["Message-ID: <1@x>", "Date: Mon, 1 Jan 2024 23:30:00 -0500"]),
    letter("Re: tea", "東京の会議室", "bob@example.com", ["Message-ID: <2@x>", "References: <1@x>"]),
    letter("coffee", "black beans", "cid@example.com", ["X-Note: strong stuff"]),
)


@pytest_asyncio.fixture
async def box(alice: ImapClient) -> ImapClient:
    """INBOX with three letters."""
    await alice.append("INBOX", *LETTERS)
    await alice.ok("STORE 2 +FLAGS.SILENT (\\Seen work)")
    return alice


@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        ("ALL", "1 2 3"), ("UNSEEN", "1 3"), ("KEYWORD work", "2"), ("SUBJECT tea", "1 2"), ("FROM cid", "3"),
        ("BODY leaves", "1"), ("TEXT coffee", "3"), ("HEADER X-Note STUFF", "3"), ('HEADER X-Note ""', "3"),
        ("NOT SUBJECT tea", "3"), ("OR BODY leaves BODY beans", "1 3"), ("SENTON 1-Jan-2024", "1"),
        ("SENTON 2-Jan-2024", ""),
        ("LARGER 1", "1 2 3"), ("SMALLER 1", ""), ("YOUNGER 3600", "1 2 3"), ("OLDER 3600", ""), ("UID 2:*", "2 3"),
        ("2:3 UNSEEN", "3"), ("SAVEDATESUPPORTED", "1 2 3"), ("SAVEDON 1-Jan-2000", ""), ("TO alice", "1 2 3"),
    ],
)  # fmt: skip
async def test_searching(box: ImapClient, keys: str, wanted: str) -> None:
    assert await box.ok(f"SEARCH {keys}") == [f"* SEARCH {wanted}".rstrip().encode()]


async def test_words_of_two_characters_are_found(box: ImapClient) -> None:
    for needle, wanted in (("東京", b" 2"), ("会議", b" 2"), ("室", b" 2"), ("京都", b"")):
        octets = needle.encode()
        said = await box.ok(b"SEARCH CHARSET UTF-8 TEXT {%d+}\r\n%b" % (len(octets), octets))
        assert said == [b"* SEARCH" + wanted]


async def test_extended_answers(box: ImapClient) -> None:
    (said,) = await box.ok("SEARCH RETURN (MIN MAX COUNT) UNSEEN")
    assert said.endswith(b" MIN 1 MAX 3 COUNT 2")
    (said,) = await box.ok("UID SEARCH RETURN () ALL")
    assert re.fullmatch(rb'\* ESEARCH \(TAG "t\d+"\) UID ALL 1:3', said)
    (said,) = await box.ok("SEARCH RETURN (PARTIAL -1:-2 COUNT) ALL")
    assert b"PARTIAL (-1:-2 2:3)" in said
    (said,) = await box.ok("SEARCH RETURN (COUNT ALL) SUBJECT nothing")
    assert said.endswith(b" COUNT 0")
    said_ = await box.ok("SEARCH RETURN (UPDATE ALL) ALL")
    assert said_[0].startswith(b'* NO [NOUPDATE "t')


async def test_the_result_saved_last(box: ImapClient) -> None:
    assert await box.ok("SEARCH RETURN (SAVE) UNSEEN") == []
    assert [line.split()[1] for line in await box.ok("FETCH $ UID")] == [b"1", b"3"]
    assert await box.ok("SEARCH $ SUBJECT coffee") == [b"* SEARCH 3"]
    await box.ok("UID SEARCH RETURN (SAVE MIN) ALL")
    assert await box.ok("UID FETCH $ UID") == [b"* 1 FETCH (UID 1)"]
    await box.refused("SEARCH RETURN (SAVE) 9")
    assert await box.ok("FETCH $ UID") == []


async def test_sorting_and_threading(box: ImapClient) -> None:
    assert await box.ok("SORT (REVERSE FROM) UTF-8 ALL") == [b"* SORT 3 2 1"]
    assert await box.ok("SORT (SUBJECT) UTF-8 ALL") == [b"* SORT 3 1 2"]
    assert await box.ok("UID SORT (DATE) UTF-8 UNSEEN") == [b"* SORT 1 3"]
    assert await box.ok("THREAD REFERENCES UTF-8 ALL") == [b"* THREAD (1 2)(3)"]
    assert await box.ok("THREAD ORDEREDSUBJECT UTF-8 NOT 2") == [b"* THREAD (1)(3)"]


async def test_object_ids_save_dates_and_previews(box: ImapClient) -> None:
    said = await box.ok("FETCH 1:3 (EMAILID THREADID SAVEDATE PREVIEW)")
    found = [re.search(rb"EMAILID \((M[0-9a-f]+)\) THREADID \((T[0-9a-f]+)\) SAVEDATE \"", line) for line in said]
    assert all(found)
    emails, threads = zip(*[one.groups() for one in found if one], strict=True)
    assert threads[0] == threads[1] != threads[2]
    assert b'PREVIEW "green leaves"' in said[0]
    assert await box.ok("SEARCH EMAILID " + emails[1].decode()) == [b"* SEARCH 2"]
    assert await box.ok("SEARCH THREADID " + threads[0].decode()) == [b"* SEARCH 1 2"]
    await box.ok("COPY 2 Sent")
    await box.ok("SELECT Sent")
    assert b"EMAILID (%b)" % emails[1] in (await box.ok("FETCH 1 EMAILID"))[0]


async def test_storing_unless_changed(box: ImapClient, again: ImapClient) -> None:
    (said,) = await box.ok("FETCH 1 MODSEQ")
    modseq = int(re.search(rb"MODSEQ \((\d+)\)", said)[1])  # type: ignore[index] # it is there or the test fails
    await again.ok("STORE 1 +FLAGS.SILENT (\\Flagged)")
    said_ = await box.say(f"STORE 1,3 (UNCHANGEDSINCE {modseq}) +FLAGS.SILENT (\\Seen)")
    assert said_[-1].startswith(b"OK [MODIFIED 1]")
    assert any(b"* 3 FETCH (FLAGS" in line and b"MODSEQ" in line for line in said_)
    assert any(b"* 1 FETCH (FLAGS (\\Flagged" in line for line in said_)  # why it was not changed


async def test_only_what_has_changed_since(box: ImapClient) -> None:
    (said,) = await box.ok("STATUS INBOX (HIGHESTMODSEQ)")
    modseq = int(said.split()[-1].rstrip(b")"))
    await box.ok("STORE 3 +FLAGS.SILENT (\\Draft)")
    said_ = await box.ok(f"FETCH 1:* (FLAGS) (CHANGEDSINCE {modseq})")
    assert [line.split()[1] for line in said_] == [b"3"]
    assert b"MODSEQ" in said_[0]


async def test_catching_up_with_qresync(box: ImapClient, again: ImapClient) -> None:
    said = await box.ok("SELECT INBOX")
    validity, modseq = (
        int(next(found[1] for line in said if (found := re.search(name + rb" (\d+)", line))))
        for name in (b"UIDVALIDITY", b"HIGHESTMODSEQ")
    )
    await box.ok("UNSELECT")
    await again.ok("NOOP")
    await again.ok("STORE 1 +FLAGS (\\Deleted)")
    await again.ok("STORE 3 +FLAGS (\\Answered)")
    await again.ok("EXPUNGE")
    await again.append("INBOX", letter("new"))
    await box.ok("ENABLE QRESYNC")
    said = await box.ok(f"SELECT INBOX (QRESYNC ({validity} {modseq} 1:3))")
    assert b"* VANISHED (EARLIER) 1" in said
    assert [line.split()[4] for line in said if b"FETCH" in line] == [b"3"]
    said = await box.ok(f"SELECT INBOX (QRESYNC ({validity} {modseq}))")
    assert said[0].startswith(b"* OK [CLOSED]")
    assert [line.split()[4] for line in said if b"FETCH" in line] == [b"3", b"4"]
    assert not any(b"VANISHED" in line for line in await box.ok(f"SELECT INBOX (QRESYNC ({validity + 1} {modseq}))"))
    said = await box.ok(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {modseq} VANISHED)")
    assert said[0] == b"* VANISHED (EARLIER) 1"
    await again.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    await again.ok("EXPUNGE")
    assert b"* VANISHED 2" in await box.ok("NOOP")
    await box.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    last = (await box.say("EXPUNGE"))[-1]
    assert last.startswith(b"OK [HIGHESTMODSEQ ")


async def test_partial_fetches_by_uid(box: ImapClient) -> None:
    assert [line.split()[1] for line in await box.ok("UID FETCH 1:* (UID) (PARTIAL 2:3)")] == [b"2", b"3"]
    assert [line.split()[1] for line in await box.ok("UID FETCH 1:* (UID) (PARTIAL -1:-1)")] == [b"3"]


async def test_with_uids_only(box: ImapClient, again: ImapClient) -> None:
    await box.ok("ENABLE UIDONLY")
    assert await box.ok("UID FETCH 2 (FLAGS)") == [b"* 2 UIDFETCH (FLAGS (\\Seen work \\Recent))"]
    assert (await box.refused("FETCH 1 FLAGS")).startswith(b"BAD")
    await again.ok("NOOP")
    await again.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    await again.ok("EXPUNGE")
    assert b"* VANISHED 1" in await box.ok("NOOP")


async def test_imap4rev2_has_no_recent_and_answers_with_esearch(box: ImapClient) -> None:
    await box.ok("ENABLE IMAP4rev2")
    said = await box.ok("SELECT INBOX")
    assert not any(b"RECENT" in line or b"UNSEEN" in line for line in said)
    assert any(line.startswith(b"* LIST ") for line in said)
    assert re.fullmatch(rb'\* ESEARCH \(TAG "t\d+"\) ALL 1:3', (await box.ok("SEARCH ALL"))[0])


async def test_concatenated_from_letters_and_text(box: ImapClient) -> None:
    url = "/INBOX/;UID=1/;SECTION=HEADER"
    await box.ok(f'APPEND Sent CATENATE (URL "{url}" TEXT {{5+}}\r\nmore\n)')
    assert b"[BADURL" in await box.refused('APPEND Sent CATENATE (URL "/INBOX/;UID=99")')
    assert b"[BADURL" in await box.refused('APPEND Sent CATENATE (URL "/nowhere/;UID=1")')
    await box.ok("SELECT Sent")
    said = (await box.ok("FETCH 1 BODY.PEEK[]"))[0]
    assert b"Subject: tea\r\n" in said
    assert said.endswith(b"\r\n\r\nmore\n)")

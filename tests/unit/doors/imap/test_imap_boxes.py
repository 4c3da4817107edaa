"""Boxes by IMAP: made, renamed, deleted, listed, shared; what is noted of them and how much they hold."""

from __future__ import annotations

import re

import pytest
from tests.support.imap_site import ImapClient, Site, connected, letter

from hatoba.doors.imap.door import Door
from hatoba.store.mailboxes.accounts import Quota


async def names(client: ImapClient, command: str) -> list[bytes]:
    return [line for line in await client.ok(command) if line.startswith((b"* LIST", b"* LSUB"))]


async def test_a_new_account_has_the_usual_boxes(alice: ImapClient) -> None:
    assert await names(alice, 'LIST "" *') == [
        b'* LIST (\\HasNoChildren) "/" INBOX',
        b'* LIST (\\HasNoChildren \\Sent) "/" Sent',
        b'* LIST (\\HasNoChildren \\Trash) "/" Trash',
    ]
    assert len(await names(alice, 'LSUB "" *')) == 3
    assert await names(alice, 'LIST "" ""') == [b'* LIST (\\Noselect) "/" ""']


async def test_a_box_is_made_with_its_superiors(alice: ImapClient) -> None:
    said = await alice.say("CREATE a/b/c/")
    assert re.match(rb"OK \[MAILBOXID \(F[0-9a-f]+\)\] Created", said[-1])
    assert await names(alice, 'LIST "" a*') == [
        b'* LIST (\\HasChildren) "/" a', b'* LIST (\\HasChildren) "/" a/b', b'* LIST (\\HasNoChildren) "/" a/b/c',
    ]  # fmt: skip
    assert b"[ALREADYEXISTS]" in await alice.refused("CREATE a/b")
    assert b"[ALREADYEXISTS]" in await alice.refused("CREATE inbox")
    assert b"[CANNOT]" in await alice.refused('CREATE "a//b"')
    assert b"[CANNOT]" in await alice.refused('CREATE "x*"')


async def test_a_superior_that_is_deleted_is_a_mere_name(alice: ImapClient) -> None:
    await alice.ok("CREATE a/b")
    await alice.ok("DELETE a")
    assert await names(alice, 'LIST "" a') == [b'* LIST (\\Noselect \\HasChildren) "/" a']
    assert b"[NONEXISTENT]" in await alice.refused("SELECT a")
    assert b"[NONEXISTENT]" in await alice.refused("DELETE a")
    assert b"[CANNOT]" in await alice.refused("DELETE INBOX")
    await alice.ok("CREATE a")


async def test_uidvalidity_is_another_when_a_name_is_made_again(alice: ImapClient) -> None:
    async def validity() -> bytes:
        (said,) = await alice.ok("STATUS a (UIDVALIDITY)")
        return said

    await alice.ok("CREATE a")
    before = await validity()
    await alice.ok("DELETE a")
    await alice.ok("CREATE a")
    assert await validity() != before


async def test_renaming_takes_what_is_below_along(alice: ImapClient) -> None:
    await alice.ok("CREATE a/b")
    await alice.ok("SUBSCRIBE a/b")
    await alice.append("a/b", letter())
    await alice.ok("RENAME a new/name")
    assert await names(alice, 'LIST "" new*') == [
        b'* LIST (\\HasChildren) "/" new', b'* LIST (\\HasChildren) "/" new/name',
        b'* LIST (\\HasNoChildren) "/" new/name/b',
    ]  # fmt: skip
    assert b'* LSUB () "/" new/name/b' in await names(alice, 'LSUB "" *')
    assert await alice.ok("STATUS new/name/b (MESSAGES)") == [b"* STATUS new/name/b (MESSAGES 1)"]
    assert b"[ALREADYEXISTS]" in await alice.refused("RENAME new Sent")
    assert b"[CANNOT]" in await alice.refused("RENAME new new/below")
    assert b"[NONEXISTENT]" in await alice.refused("RENAME nowhere there")


async def test_renaming_inbox_moves_its_letters(alice: ImapClient) -> None:
    await alice.append("INBOX", letter())
    await alice.ok("RENAME INBOX old")

    await alice.ok("SELECT old")
    assert await alice.ok("SEARCH ALL") == [b"* SEARCH 1"]
    assert b'* LIST (\\HasNoChildren) "/" INBOX' in await names(alice, 'LIST "" *')


async def test_a_box_deleted_by_another_session_is_empty(alice: ImapClient, again: ImapClient) -> None:
    await alice.ok("CREATE a")
    await alice.append("a", letter(), letter())
    await again.ok("SELECT a")
    await alice.ok("DELETE a")
    assert await again.ok("NOOP") == [b"* 1 EXPUNGE", b"* 1 EXPUNGE"]
    assert b"[NONEXISTENT]" in await again.refused("STATUS a (MESSAGES)")


async def test_list_extended(alice: ImapClient) -> None:
    await alice.ok("CREATE a/b")
    await alice.ok("SUBSCRIBE a/b")
    await alice.ok("UNSUBSCRIBE Trash")
    assert await names(alice, 'LIST (SUBSCRIBED) "" (*)') == [
        b'* LIST (\\Subscribed \\HasNoChildren) "/" INBOX',
        b'* LIST (\\Subscribed \\HasNoChildren \\Sent) "/" Sent',
        b'* LIST (\\Subscribed \\HasNoChildren) "/" a/b',
    ]
    assert await names(alice, 'LIST (SUBSCRIBED RECURSIVEMATCH) "" a') == [
        b'* LIST (\\HasChildren) "/" a ("CHILDINFO" ("SUBSCRIBED"))'
    ]
    assert len(await names(alice, 'LIST (SPECIAL-USE) "" *')) == 2
    said = await alice.ok('LIST "" (INBOX Sent) RETURN (STATUS (MESSAGES UNSEEN) SUBSCRIBED MYRIGHTS)')
    assert said == [
        b'* LIST (\\Subscribed \\HasNoChildren) "/" INBOX', b"* STATUS INBOX (MESSAGES 0 UNSEEN 0)",
        b"* MYRIGHTS INBOX lrswipkxteacd",
        b'* LIST (\\Subscribed \\HasNoChildren \\Sent) "/" Sent', b"* STATUS Sent (MESSAGES 0 UNSEEN 0)",
        b"* MYRIGHTS Sent lrswipkxteacd",
    ]  # fmt: skip


async def test_a_special_use_is_one_boxs_alone(alice: ImapClient) -> None:
    await alice.ok("CREATE Papers (USE (\\Archive))")
    assert b'* LIST (\\HasNoChildren \\Archive) "/" Papers' in await names(alice, 'LIST "" *')
    assert b"[USEATTR]" in await alice.refused("CREATE More (USE (\\Archive))")
    assert b"[USEATTR]" in await alice.refused("CREATE More (USE (\\Wonderful))")


async def test_names_in_modified_utf_7_and_in_utf_8(alice: ImapClient) -> None:
    await alice.ok('CREATE "&gzaESQ-"')
    assert b'"/" "&gzaESQ-"' in (await names(alice, 'LIST "" &gzaESQ-'))[0]
    await alice.ok("ENABLE UTF8=ACCEPT")
    assert "茶葉".encode() in (await names(alice, 'LIST "" "茶葉"'))[0]


async def test_namespace_and_another_accounts_box(alice: ImapClient, bob: ImapClient) -> None:
    assert await alice.ok("NAMESPACE") == [b'* NAMESPACE (("" "/")) (("Other Users/" "/")) NIL']
    box = '"Other Users/bob@example.org/INBOX"'
    assert b"[NONEXISTENT]" in await alice.refused(f"SELECT {box}")
    await bob.ok("SELECT INBOX")
    await bob.ok("SETACL INBOX alice@example.org lr")
    await bob.append("INBOX", letter("shared"))
    assert any(b"Other Users/bob@example.org/INBOX" in line for line in await names(alice, 'LIST "" *'))
    assert (await alice.say(f"SELECT {box}"))[-1].startswith(b"OK [READ-ONLY]")
    assert b"Subject: shared" in (await alice.ok("FETCH 1 BODY[]"))[0]
    raw = letter()
    assert b"[NOPERM]" in await alice.refused(b"APPEND %b {%d+}\r\n%b" % (box.encode(), len(raw), raw))
    assert b"[NOPERM]" in await alice.refused(f"DELETE {box}")
    assert b"[NOPERM]" in await alice.refused(f"GETACL {box}")
    assert await alice.ok(f"MYRIGHTS {box}") == [b'* MYRIGHTS "Other Users/bob@example.org/INBOX" lr']
    await bob.ok("SETACL INBOX alice@example.org +st")
    await alice.ok(f"SELECT {box}")
    assert (await alice.refused("STORE 1 +FLAGS (\\Flagged)")).startswith(b"NO")
    await alice.ok("STORE 1 +FLAGS (\\Seen \\Flagged)")
    assert (await bob.ok("FETCH 1 FLAGS"))[-1].count(b"\\Flagged") == 0
    await bob.ok("DELETEACL INBOX alice@example.org")
    assert b"[NONEXISTENT]" in await alice.refused(f"SELECT {box}")


async def test_access_control_lists(alice: ImapClient) -> None:
    await alice.ok("SETACL Sent anyone lrd")
    await alice.ok("SETACL Sent bob@example.org +a")
    await alice.ok("SETACL Sent -carol@example.org r")
    (said,) = await alice.ok("GETACL Sent")
    assert said.startswith(b"* ACL Sent alice@example.org lrswipkxteacd ")
    assert b" anyone lrxted" in said
    assert b" bob@example.org a" in said
    assert b" -carol@example.org r" in said
    assert await alice.ok("LISTRIGHTS Sent bob@example.org") == [
        b'* LISTRIGHTS Sent bob@example.org "" l r s w i p k x t e a'
    ]
    assert b"[CANNOT]" in await alice.refused("SETACL Sent nobody@example.org lr")
    assert b"[CANNOT]" in await alice.refused("SETACL Sent alice@example.org l")


async def test_metadata(alice: ImapClient, again: ImapClient) -> None:
    await alice.ok('SETMETADATA INBOX (/private/comment "mine" /shared/comment {6+}\r\na\r\nbcd)')
    await alice.ok('SETMETADATA "" (/private/vendor/x/y "deep")')
    (said,) = await again.ok("GETMETADATA INBOX (/private/comment /shared/comment /shared/none)")
    assert said.startswith(b"* METADATA INBOX (/private/comment ")
    assert b"/shared/comment {6}\r\na\r\nbcd" in said
    assert b"/shared/none NIL" in said
    assert await again.ok('GETMETADATA (DEPTH infinity) "" /private/vendor') == [
        b'* METADATA "" (/private/vendor/x/y "deep")'
    ]
    assert b"[METADATA LONGENTRIES 6]" in (await again.say("GETMETADATA (MAXSIZE 5) INBOX /shared/comment"))[-1]
    await alice.ok("SETMETADATA INBOX (/private/comment NIL)")
    assert await again.ok("GETMETADATA INBOX /private/comment") == [b"* METADATA INBOX (/private/comment NIL)"]
    assert (await alice.refused('SETMETADATA INBOX (/nowhere/x "a")')).startswith((b"NO", b"BAD"))


async def test_quota(alice: ImapClient, mail_site: Site) -> None:
    assert (await alice.ok("GETQUOTAROOT INBOX"))[1] == b'* QUOTA "" ()'
    mail_site.quotas["alice@example.org"] = Quota(bytes=10_240, letters=2)
    await alice.append("INBOX", letter())
    said = await alice.ok("GETQUOTAROOT INBOX")
    assert said[:2] == [b'* QUOTAROOT INBOX ""', b'* QUOTA "" (STORAGE 1 10 MESSAGE 1 2)']
    assert b"[OVERQUOTA]" in await alice.refused(b"APPEND INBOX {20000+}\r\n" + b"x" * 20_000)
    await alice.ok("COPY 1 Sent")
    assert b"[OVERQUOTA]" in await alice.refused("COPY 1 Trash")
    assert b"[NOPERM]" in await alice.refused('SETQUOTA "" (STORAGE 99999)')
    assert b"[NONEXISTENT]" in await alice.refused("GETQUOTA other")


@pytest.mark.parametrize(
    ("items", "wanted"),
    [
        ("MESSAGES UIDNEXT UNSEEN DELETED SIZE", rb"MESSAGES 2 UIDNEXT 3 UNSEEN 1 DELETED 1 SIZE \d+"),
        ("RECENT HIGHESTMODSEQ APPENDLIMIT", rb"RECENT 2 HIGHESTMODSEQ \d+ APPENDLIMIT \d+"),
        ("MAILBOXID UIDVALIDITY DELETED-STORAGE", rb"MAILBOXID \(F[0-9a-f]+\) UIDVALIDITY \d+ DELETED-STORAGE \d+"),
    ],
)
async def test_status(alice: ImapClient, items: str, wanted: bytes) -> None:
    await alice.append("INBOX", letter("a"), letter("b"))
    await alice.ok("NOOP")
    await alice.ok("STORE 1 +FLAGS.SILENT (\\Seen \\Deleted)")
    said = (await alice.ok(f"STATUS INBOX ({items})"))[-1]
    assert re.fullmatch(rb"\* STATUS INBOX \(" + wanted + rb"\)", said)


async def test_who_we_are(imap: Door) -> None:
    async with connected(imap.port) as client:
        assert await client.ok('ID ("name" "test")') == [b'* ID ("name" "hatoba")']

"""Messages put in, looked at, flagged, copied, moved and expunged, on both engines."""

import asyncio
from functools import partial

import pytest
from tests.support.letters import NOW, Mailbox, content, octets

from hatoba.store.mailboxes import accounts, boxes, contents, copies, flags, marks, messages, naming, trash, vanishing
from hatoba.store.mailboxes.accounts import Quota
from hatoba.store.mailboxes.messages import New
from hatoba.store.mailboxes.refusals import BoxExists, NoBox, NoSuch, OverQuota, TooManyKeywords
from hatoba.store.mailboxes.stores import MailStore


def counted(box: Mailbox) -> None:
    """What a box and its account say of themselves is what their messages come to."""
    with box.shard._reader() as reader:
        for one in boxes.all_of(reader, box.account):
            rows = reader.rows("SELECT flags, size, modseq, uid FROM message WHERE box = ?", (one.id,))
            assert one.letters == len(rows)
            assert one.unseen == sum(not row[0] & flags.SEEN for row in rows)
            assert one.deleted == sum(bool(row[0] & flags.DELETED) for row in rows)
            assert one.bytes == sum(row[1] for row in rows)
            assert all(row[2] <= one.modseq and row[3] < one.uidnext for row in rows)
        total = reader.rows(
            "SELECT coalesce(sum(bytes), 0), coalesce(sum(letters), 0) FROM box WHERE account = ?", (box.account,)
        )
        assert accounts.usage(reader, box.account) == accounts.Usage(*map(int, total[0]))
        wrong = reader.rows(
            "SELECT id, refs, (SELECT count(*) FROM message WHERE content = content.id)"
            " + (SELECT count(*) FROM trash WHERE content = content.id) FROM content"
        )
        assert [row for row in wrong if row[1] != row[2]] == []


def test_a_letter_comes_back_as_it_was(bob: Mailbox) -> None:
    raw = octets(7, "日本語の件名".encode().decode(), "本文\r\nline", X_Note="1")
    placed = bob.put("\\Seen", "$Forwarded", raw=raw, zone=540)
    view = bob.shard.look(lambda reader: messages.view(reader, bob.box, "size", "internal", "zone"))
    assert (list(view.uids), view.box.letters, view.box.unseen, view.box.uidnext) == ([1], 1, 0, 2)
    assert view.box.names(view.flags[0]) == ("\\Seen", "$Forwarded")
    assert (view.columns["size"][0], view.columns["internal"][0], view.columns["zone"][0]) == (len(raw), NOW, 540)
    ((row,),) = bob.shard.look(
        lambda reader: list(contents.fetch(reader, bob.box, [1], ("raw", "header", "text", "envelope")))
    )
    head = raw[: raw.index(b"\r\n\r\n") + 4]
    assert (row[0], row[1], bytes(row[2]), row[3]) == (1, raw, head, raw[len(head) :])
    assert bytes(row[4]).startswith(b"(")
    assert bob.shard.look(lambda reader: contents.raw(reader, placed.content)) == raw
    assert placed.uidvalidity == view.box.uidvalidity > 0
    counted(bob)


@pytest.mark.parametrize("size", [0, 1, 262_143, 262_144, 262_145, 1_000_000])
def test_large_letters_are_pieces(bob: Mailbox, size: int) -> None:
    head = b"Subject: x\r\n\r\n"
    raw = head + bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    placed = bob.put(raw=raw)
    assert bob.shard.look(lambda reader: contents.raw(reader, placed.content)) == raw
    assert bob.shard.look(lambda reader: b"".join(contents.pieces(reader, placed.content))) == raw
    bob.expunge([placed.uid], flagged=False)
    bob.do(lambda tx: trash.purge(tx, NOW + 1))
    assert bob.shard.look(lambda reader: reader.rows("SELECT count(*) FROM piece")) == [(0,)]


def test_uids_are_never_given_twice(bob: Mailbox) -> None:
    first = bob.fill(3)
    bob.expunge([3], flagged=False)
    assert (first, bob.put().uid, bob.state.uidnext) == ([1, 2, 3], 4, 5)


def test_append_is_idempotent_by_delivery_key(bob: Mailbox) -> None:
    raw = octets(1)
    first = bob.put(raw=raw, delivery=(77, "bob"))
    again = bob.put(raw=raw, delivery=(77, "bob"))
    other = bob.put(raw=raw, delivery=(77, "bob#2"))
    assert (again.uid, again.fresh, again.content, other.uid) == (first.uid, False, first.content, 2)
    bob.expunge([first.uid], flagged=False)
    assert (bob.put(raw=raw, delivery=(77, "bob")).uid, bob.state.letters) == (first.uid, 1)
    counted(bob)


def test_recipients_of_one_letter_share_its_content(mail: MailStore, bob: Mailbox) -> None:
    raw, number = octets(1), 4711
    made, other = content(raw, number), content(raw + b"more", number)

    def deliver(tx: object) -> list[int]:
        eve = accounts.ensure(tx, "eve@c.example", NOW)  # type: ignore[arg-type]  # a Tx
        inbox = boxes.find(tx, eve, boxes.INBOX)  # type: ignore[arg-type]
        assert inbox is not None
        into = (bob.box, inbox.id, inbox.id)
        return [
            messages.append(tx, box, New(one, NOW), NOW).content  # type: ignore[arg-type]
            for box, one in zip(into, (made, made, other), strict=True)
        ]

    ids = bob.do(deliver)
    later = bob.do(lambda tx: messages.append(tx, bob.box, New(content(raw, number), NOW), NOW).content)
    assert (ids[0], ids[0] == ids[2]) == (ids[1], False)
    assert later == ids[0]
    counted(bob)


def test_a_quota_is_exact_and_refuses_whole(bob: Mailbox) -> None:
    size = len(octets(1))
    news = [New(content(octets(n)), NOW) for n in (1, 2, 3)]
    with pytest.raises(OverQuota):
        bob.do(lambda tx: messages.append_many(tx, bob.box, news, NOW, Quota(bytes=3 * size - 1)))
    assert bob.state.letters == 0
    bob.do(lambda tx: messages.append_many(tx, bob.box, news, NOW, Quota(3 * size, 3)))
    with pytest.raises(OverQuota):
        bob.do(lambda tx: copies.copy(tx, bob.box, [1], bob.box, NOW, Quota(letters=3)))
    counted(bob)


def test_flags_are_added_taken_and_replaced(bob: Mailbox) -> None:
    uids = bob.fill(20)
    before = bob.state.modseq
    marked = bob.mark([*uids[:12], 99], marks.ADD, "\\Seen", "Work")
    assert ([uid for uid, _ in marked.changed], marked.modseq > before) == (uids[:12], True)
    assert bob.mark(uids[:5], marks.ADD, "work", "\\seen").same == uids[:5]
    assert bob.state.modseq == marked.modseq
    bob.mark([1, 3], marks.TAKE, "WORK", "\\Seen", "unknown")
    bob.mark([2], marks.REPLACE, "\\Deleted", "\\Recent")
    found = bob.flags()
    assert (found[1], found[2], found[4], found[20]) == (set(), {"\\Deleted"}, {"\\Seen", "Work"}, set())
    counted(bob)


def test_unchanged_since_leaves_alone_what_changed(bob: Mailbox) -> None:
    uids = bob.fill(4)
    at = bob.state.modseq
    bob.mark([2], marks.ADD, "\\Flagged")
    marked = bob.mark(uids, marks.ADD, "\\Seen", since=at)
    assert ([uid for uid, _ in marked.changed], marked.modified) == ([1, 3, 4], [2])
    assert bob.flags()[2] == {"\\Flagged"}


def test_keywords_run_out_and_their_places_are_used_again(bob: Mailbox) -> None:
    uids = bob.fill(2)
    bob.mark([1], marks.ADD, *(f"k{n}" for n in range(flags.MOST)))
    with pytest.raises(TooManyKeywords):
        bob.mark([2], marks.ADD, "one-more")
    bob.mark([1], marks.TAKE, "k7")
    bob.mark([2], marks.ADD, "one-more")
    assert bob.flags()[2] == {"one-more"}
    assert "k7" not in bob.flags()[uids[0]]
    assert len(bob.flags()[1]) == flags.MOST - 1


def test_copies_share_and_moves_keep_their_emailid(bob: Mailbox) -> None:
    uids = bob.fill(3, "\\Seen", "Work")
    bob.mark([2], marks.ADD, "Other")
    archive = bob.other("Archive")
    archive.put("Other")
    ids = dict(
        zip(
            uids,
            bob.shard.look(lambda reader: messages.view(reader, bob.box, "content")).columns["content"],
            strict=True,
        )
    )
    copied = bob.copy([1, 2, 50], archive)
    moved = bob.move([3, 2], archive)
    assert (copied.uids, copied.new, moved.uids, moved.new) == ([1, 2], [2, 3], [2, 3], [4, 5])
    view = archive.shard.look(lambda reader: messages.view(reader, archive.box, "content"))
    assert list(view.columns["content"])[1:] == [ids[1], ids[2], ids[2], ids[3]]
    assert archive.flags()[3] == {"\\Seen", "Work", "Other"}
    assert (list(bob.flags()), bob.state.modseq) == ([1], moved.gone)
    counted(bob)


def test_a_move_into_the_same_box_gives_new_uids(bob: Mailbox) -> None:
    bob.fill(3)
    moved = bob.move([1, 2], bob)
    assert (moved.new, list(bob.flags())) == ([4, 5], [3, 4, 5])
    assert bob.since(moved.gone - 1).vanished == [(1, 2)]
    counted(bob)


def test_what_changed_since_a_modseq(bob: Mailbox) -> None:
    uids = bob.fill(30)
    at = bob.state.modseq
    assert bob.since(at) == vanishing.Changes(bob.state, [], [])
    bob.mark([4], marks.ADD, "\\Seen")
    bob.expunge([*range(10, 20), 25], flagged=False)
    new = bob.put().uid
    changes = bob.since(at)
    assert ([uid for uid, _, _ in changes.changed], changes.vanished) == ([4, new], [(10, 19), (25, 25)])
    modseqs = [modseq for _, _, modseq in changes.changed]
    assert modseqs == sorted(set(modseqs))
    assert at < modseqs[0] < modseqs[1] == bob.state.modseq
    bob.do(lambda tx: vanishing.forget(tx, 1))
    assert bob.state.lost > at
    assert bob.since(at).vanished == [(10, 19), (25, 25)]
    assert uids[-1] == 30


def test_forgotten_expunges_are_told_by_what_is_missing(bob: Mailbox) -> None:
    bob.fill(9)
    at = bob.state.modseq
    for uid in (2, 9, 5, 4):
        bob.expunge([uid], flagged=False)
    assert bob.do(lambda tx: vanishing.forget(tx, 3)) == 1
    assert bob.do(lambda tx: vanishing.forget(tx, 3)) == 0
    assert bob.since(at).vanished == [(2, 2), (4, 5), (9, 9)]
    assert bob.since(bob.state.modseq - 1).vanished == [(4, 4)]


def test_expunge_takes_what_is_deleted(bob: Mailbox) -> None:
    uids = bob.fill(6)
    bob.mark([2, 4, 6], marks.ADD, "\\Deleted")
    assert bob.expunge([1, 2, 3]).uids == [2]
    assert bob.expunge().uids == [4, 6]
    before = bob.state.modseq
    assert (bob.expunge().uids, bob.state.modseq) == ([], before)
    assert list(bob.flags()) == [uids[0], 3, 5]
    counted(bob)


def test_what_was_expunged_comes_back_until_it_is_purged(bob: Mailbox) -> None:
    placed = bob.put("\\Deleted", "Work", raw=octets(5))
    bob.put("\\Deleted")
    bob.expunge(now=NOW + 10)
    kept = bob.shard.look(lambda reader: trash.kept(reader, bob.account))
    assert [(one.uid, one.name, one.gone) for one in kept] == [(1, "INBOX", NOW + 10), (2, "INBOX", NOW + 10)]
    archive = bob.other("Back")
    assert bob.do(lambda tx: trash.recover(tx, bob.account, [(bob.box, 1)], archive.box, NOW)) == [1]
    assert archive.flags() == {1: {"Work"}}
    assert bob.shard.look(lambda reader: contents.raw(reader, placed.content)) == octets(5)
    with pytest.raises(NoSuch):
        bob.do(lambda tx: trash.recover(tx, bob.account, [(bob.box, 1)], archive.box, NOW))
    counted(bob)
    assert bob.do(lambda tx: trash.purge(tx, NOW + 10)) == 0
    assert bob.do(lambda tx: trash.purge(tx, NOW + 11, 1)) == 1
    assert bob.shard.look(lambda reader: reader.rows("SELECT count(*) FROM content")) == [(1,)]
    for table in ("form", "header", "body", "words"):
        assert bob.shard.look(lambda reader, table=table: reader.rows(f"SELECT count(*) FROM {table}")) == [(1,)]  # type: ignore[misc]  # noqa: S608
    counted(bob)


def test_unrecoverable_is_gone_with_the_next_purge(bob: Mailbox) -> None:
    bob.fill(2)
    bob.do(lambda tx: trash.expunge(tx, bob.box, NOW, flagged=False, recover=False))
    assert bob.shard.look(lambda reader: trash.kept(reader, bob.account)) == []
    with pytest.raises(NoSuch):
        bob.do(lambda tx: trash.recover(tx, bob.account, [(bob.box, 1)], bob.box, NOW))
    assert bob.do(lambda tx: trash.purge(tx, 1)) == 2


def test_threads_follow_references_within_an_account(bob: Mailbox) -> None:
    first = bob.put(raw=octets(1))
    reply = bob.put(raw=octets(2, References="<1@b.example>"))
    late = bob.put(raw=octets(3, References="<0@elsewhere.example> <2@b.example>"))
    alone = bob.put(raw=octets(4))
    early = bob.put(raw=octets(0, Message_ID="<0@elsewhere.example>"))
    assert first.thread == reply.thread == late.thread == early.thread == first.content
    assert alone.thread == alone.content
    nameless = bob.put(raw=b"\r\nno header")
    assert nameless.thread == nameless.content


def test_boxes_are_renamed_with_what_is_below_them(bob: Mailbox) -> None:
    a, ab = bob.other("a"), bob.other("a/b")
    bob.other("ab")
    before = a.state
    with pytest.raises(BoxExists):
        bob.do(lambda tx: naming.rename(tx, bob.account, "a", "ab", NOW))
    moved = bob.do(lambda tx: naming.rename(tx, bob.account, "a", "a/b", NOW))
    assert sorted(moved) == [("a", "a/b"), ("a/b", "a/b/b")]
    assert (a.state.name, ab.state.name, a.state.uidvalidity) == ("a/b", "a/b/b", before.uidvalidity)
    with pytest.raises(NoBox):
        bob.do(lambda tx: naming.rename(tx, bob.account, "nowhere", "x", NOW))


def test_renaming_inbox_moves_what_it_holds(bob: Mailbox) -> None:
    bob.fill(3)
    bob.do(lambda tx: naming.rename(tx, bob.account, "INBOX", "Old", NOW))
    old = bob.shard.look(lambda reader: boxes.find(reader, bob.account, "Old"))
    assert old is not None
    assert (old.letters, bob.state.letters, bob.state.name) == (3, 0, "INBOX")
    counted(bob)


def test_a_box_made_again_has_another_uidvalidity(bob: Mailbox) -> None:
    work = bob.other("Work")
    work.fill(2)
    gone = work.do(lambda tx: naming.delete(tx, work.box, NOW))
    again = bob.other("Work")
    assert (again.state.uidvalidity > gone.uidvalidity, again.state.objectid != gone.objectid) == (True, True)
    with pytest.raises(NoBox):
        _ = work.state
    kept = bob.shard.look(lambda reader: trash.kept(reader, bob.account))
    assert [one.name for one in kept] == ["Work", "Work"]
    assert bob.do(lambda tx: trash.recover(tx, bob.account, [(work.box, 2)], again.box, NOW)) == [1]
    counted(bob)


def test_fetch_takes_any_set_in_chunks(bob: Mailbox) -> None:
    bob.fill(25)
    bob.expunge([4, 5, 20], flagged=False)
    wanted = [1, 2, 4, 7, 19, 20, 21, 400]
    chunks = bob.shard.look(lambda reader: list(contents.fetch(reader, bob.box, wanted, ("size", "message_id"), 3)))
    assert [[row[0] for row in chunk] for chunk in chunks] == [[1, 2], [7, 19], [21]]
    assert chunks[0][1][2] == "<2@b.example>" or chunks[0][1][2] == "2@b.example"
    with pytest.raises(ValueError, match="column"):
        bob.shard.look(lambda reader: list(contents.fetch(reader, bob.box, [1], ("uid; --",))))


async def test_streams_and_reads_run_beside_writes(mail: MailStore, bob: Mailbox) -> None:
    bob.fill(30)
    seen = [
        row[0]
        async for chunk in bob.shard.stream(lambda reader: contents.fetch(reader, bob.box, range(1, 31), ("raw",), 4))
        for row in chunk
    ]
    assert seen == list(range(1, 31))
    news = [New(content(octets(number)), NOW) for number in range(50)]
    done = [bob.shard.do(partial(messages.append, box=bob.box, new=new, now=NOW)) for new in news]
    reads = [bob.shard.read(lambda reader: boxes.get(reader, bob.box).letters) for _ in range(5)]
    placed, counts = await asyncio.gather(*done), await asyncio.gather(*reads)
    assert sorted(one.uid for one in placed) == list(range(31, 81))
    assert all(30 <= count <= 80 for count in counts)


def test_an_accounts_shard_is_the_same_for_ever(mail: MailStore) -> None:
    keys = [f"user{n}@c.example" for n in range(40)]
    assert {mail.shard(key).number for key in keys} == {0, 1}
    for key in keys[:4]:
        shard = mail.shard(key)
        account = shard.wait(partial(accounts.ensure, key=key, now=NOW))
        assert mail.holder(account) is shard
        assert shard.wait(partial(accounts.ensure, key=key, now=NOW)) == account

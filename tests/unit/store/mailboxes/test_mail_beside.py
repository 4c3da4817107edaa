"""What is kept beside the messages: scripts, METADATA, rights, subscriptions; and an account that goes."""

import pytest
from tests.support.letters import NOW, Mailbox

from hatoba.store.mailboxes import accounts, boxes, indexing, leaving, notes, rights, scripts, trash
from hatoba.store.mailboxes.refusals import BoxExists, InUse, NoSuch


def test_one_script_is_active(bob: Mailbox) -> None:
    account = bob.account
    bob.do(lambda tx: scripts.put(tx, account, "a", b"keep;", NOW))
    bob.do(lambda tx: scripts.put(tx, account, "b", b"stop;", NOW))
    with pytest.raises(NoSuch):
        bob.do(lambda tx: scripts.activate(tx, account, "c"))
    assert bob.shard.look(lambda reader: scripts.active(reader, account)) is None
    bob.do(lambda tx: scripts.activate(tx, account, "a"))
    bob.do(lambda tx: scripts.activate(tx, account, "b"))
    bob.do(lambda tx: scripts.put(tx, account, "b", b"discard;", NOW + 1))
    assert bob.shard.look(lambda reader: scripts.active(reader, account)) == ("b", b"discard;")
    assert bob.shard.look(lambda reader: scripts.all_of(reader, account)) == [
        scripts.Script("a", False, NOW, 5),
        scripts.Script("b", True, NOW + 1, 8),
    ]
    with pytest.raises(InUse):
        bob.do(lambda tx: scripts.delete(tx, account, "b"))
    with pytest.raises(BoxExists):
        bob.do(lambda tx: scripts.rename(tx, account, "b", "a"))
    bob.do(lambda tx: scripts.rename(tx, account, "b", "c"))
    bob.do(lambda tx: scripts.delete(tx, account, "a"))
    for gone in ("a", "b"):
        with pytest.raises(NoSuch):
            bob.do(lambda tx, gone=gone: scripts.delete(tx, account, gone))  # type: ignore[misc]
        with pytest.raises(NoSuch):
            bob.shard.look(lambda reader, gone=gone: scripts.get(reader, account, gone))  # type: ignore[misc]
    with pytest.raises(NoSuch):
        bob.do(lambda tx: scripts.rename(tx, account, "b", "z"))
    bob.do(lambda tx: scripts.activate(tx, account, ""))
    assert bob.shard.look(lambda reader: scripts.active(reader, account)) is None
    assert bob.shard.look(lambda reader: scripts.get(reader, account, "c")) == b"discard;"


def test_notes_are_shared_or_ones_own(bob: Mailbox) -> None:
    def put(who: str, entry: str, value: bytes | None, box: int = bob.box) -> None:
        bob.do(lambda tx: notes.put(tx, bob.account, box, who, entry, value))

    put("bob", "/private/comment", b"mine")
    put("eve", "/private/comment", b"hers")
    put("eve", "/shared/comment", b"ours\0\xff")
    put("bob", "/shared/admin", b"a", notes.SERVER)
    look = bob.shard.look
    assert look(lambda reader: notes.all_of(reader, bob.account, bob.box, "bob")) == {
        "/private/comment": b"mine",
        "/shared/comment": b"ours\0\xff",
    }
    put("bob", "/shared/comment", None)
    put("bob", "/private/comment", b"new")
    assert look(lambda reader: notes.all_of(reader, bob.account, bob.box, "bob")) == {"/private/comment": b"new"}
    assert look(lambda reader: notes.all_of(reader, bob.account, notes.SERVER, "x")) == {"/shared/admin": b"a"}


def test_rights_say_who_sees_which_box(bob: Mailbox) -> None:
    work = bob.other("Work")
    bob.do(lambda tx: rights.put(tx, work.box, "eve@c.example", "lr"))
    bob.do(lambda tx: rights.put(tx, work.box, "anyone", "l"))
    bob.do(lambda tx: rights.put(tx, bob.box, "eve@c.example", "lrs"))
    bob.do(lambda tx: rights.put(tx, bob.box, "eve@c.example", ""))
    look = bob.shard.look
    assert look(lambda reader: rights.all_of(reader, work.box)) == {"anyone": "l", "eve@c.example": "lr"}
    shared = look(lambda reader: rights.shared(reader, ["eve@c.example", "anyone"]))
    assert shared == [
        ("bob@c.example", "Work", work.box, "anyone", "l"),
        ("bob@c.example", "Work", work.box, "eve@c.example", "lr"),
    ]
    assert look(lambda reader: rights.shared(reader, [])) == []
    assert bob.do(lambda tx: leaving.unlist(tx, "eve@c.example")) == 1


def test_subscriptions_outlive_boxes(bob: Mailbox) -> None:
    bob.do(lambda tx: boxes.subscribe(tx, bob.account, "Nowhere"))
    bob.do(lambda tx: boxes.subscribe(tx, bob.account, "Nowhere"))
    assert bob.shard.look(lambda reader: boxes.subscribed(reader, bob.account)) == ["INBOX", "Nowhere"]
    bob.do(lambda tx: boxes.unsubscribe(tx, bob.account, "INBOX"))
    assert bob.shard.look(lambda reader: boxes.subscribed(reader, bob.account)) == ["Nowhere"]


def test_special_use_and_recent(bob: Mailbox) -> None:
    bob.do(lambda tx: boxes.assign(tx, bob.box, "\\Sent"))
    bob.fill(3)
    assert [bob.do(lambda tx, uid=uid: boxes.tell(tx, bob.box, uid)) for uid in (2, 1, 3)] == [0, 2, 2]  # type: ignore[misc]
    assert (bob.state.special, bob.state.told) == ("\\Sent", 3)


def test_an_account_goes_with_all_it_has(bob: Mailbox) -> None:
    bob.fill(3)
    bob.do(lambda tx: scripts.put(tx, bob.account, "a", b"keep;", NOW))
    indexing.Filler(bob.shard, lambda: NOW, 1).turn()
    assert bob.do(lambda tx: leaving.leave(tx, bob.account, NOW)) == 1
    assert bob.shard.look(lambda reader: accounts.find(reader, "bob@c.example")) is None
    again = bob.do(lambda tx: accounts.ensure(tx, "bob@c.example", NOW))
    assert again != bob.account
    assert bob.shard.look(lambda reader: accounts.usage(reader, bob.account)) == accounts.Usage(0, 0)
    assert len(bob.shard.look(lambda reader: trash.kept(reader, bob.account))) == 3
    bob.do(lambda tx: trash.purge(tx, NOW + 1))
    indexing.Filler(bob.shard, lambda: NOW, 1).turn()
    for table in ("content", "words", "segment", "posting", "thread", "pending", "script"):
        rows = bob.shard.look(lambda reader, table=table: reader.rows(f"SELECT count(*) FROM {table}"))  # type: ignore[misc]  # noqa: S608
        assert rows == [(0,)], table

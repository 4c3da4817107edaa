"""How far other servers' mailboxes were pulled, on both engines."""

from tests.support.letters import NOW, Mailbox, content, octets

from hatoba.store.mailboxes import messages, origins
from hatoba.store.mailboxes.messages import New


def test_a_mark_only_grows(bob: Mailbox) -> None:
    def mark(place: str, uid: int) -> None:
        bob.shard.wait(lambda tx: origins.reach(tx, bob.account, place, uid))

    def found(account: int, place: str) -> int:
        return bob.shard.look(lambda reader: origins.reached(reader, account, place))

    assert found(bob.account, "imap://a/INBOX") == 0
    mark("imap://a/INBOX", 7)
    mark("imap://a/INBOX", 5)
    mark("imap://a/受信箱", 4_000_000_000)
    assert found(bob.account, "imap://a/INBOX") == 7
    assert found(bob.account, "imap://a/受信箱") == 4_000_000_000
    assert found(bob.account + 1, "imap://a/INBOX") == 0


def test_a_mark_is_written_with_the_letters_or_not_at_all(bob: Mailbox) -> None:
    class Stop(Exception):
        pass

    def halfway(tx: object) -> None:
        messages.append(tx, bob.box, New(content(octets(1)), NOW, delivery=(1, "place")), NOW)  # type: ignore[arg-type]
        origins.reach(tx, bob.account, "place", 1)  # type: ignore[arg-type]  # a Tx
        raise Stop

    try:
        bob.shard.wait(halfway)
    except Stop:
        assert bob.shard.look(lambda reader: origins.reached(reader, bob.account, "place")) == 0
        assert len(bob.shard.look(lambda reader: messages.view(reader, bob.box)).uids) == 0
    else:
        raise AssertionError("it was written")

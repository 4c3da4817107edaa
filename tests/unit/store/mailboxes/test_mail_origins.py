"""How far other servers' mailboxes were pulled, on both engines."""

from functools import partial

from tests.support.letters import NOW, Mailbox, content, octets

from hatoba.store.mailboxes import leaving, messages, origins, upkeep
from hatoba.store.mailboxes.messages import New
from hatoba.store.mailboxes.stores import MailStore
from hatoba.store.sql import Reader, Tx


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


def test_upkeep_forgets_old_deliveries_and_no_origins(bob: Mailbox, mail: MailStore) -> None:
    key = origins.key(bob.account, "imap://a/INBOX", 7)
    bob.shard.wait(lambda tx: messages.append(tx, bob.box, New(content(octets(1)), NOW, delivery=key), NOW))
    bob.shard.wait(lambda tx: messages.append(tx, bob.box, New(content(octets(2)), NOW, delivery=(7, "old")), NOW))
    tidy = upkeep.Upkeep(mail, lambda: NOW)
    while tidy.turn():
        pass
    assert bob.shard.look(lambda reader: messages.delivered(reader, 7, "old")) is None
    assert bob.shard.look(lambda reader: messages.delivered(reader, *key)) is not None


def test_an_account_that_goes_takes_its_origins_along(bob: Mailbox) -> None:
    def work(tx: Tx) -> None:
        for account in (bob.account, bob.account * 10):  # a number that begins like the other
            origins.reach(tx, account, "p", 7)
            messages.append(tx, bob.box, New(content(octets(account)), NOW, delivery=origins.key(account, "p", 7)), NOW)
        leaving.leave(tx, bob.account, NOW)

    bob.shard.wait(work)
    for account, left in ((bob.account, False), (bob.account * 10, True)):
        assert bob.shard.look(partial(_reached, account)) == 7 * left
        assert bob.shard.look(partial(_known, account)) is left


def _reached(account: int, reader: Reader) -> int:
    return origins.reached(reader, account, "p")


def _known(account: int, reader: Reader) -> bool:
    return messages.delivered(reader, *origins.key(account, "p", 7)) is not None


def test_a_mark_is_written_with_the_letters_or_not_at_all(bob: Mailbox) -> None:
    class Stop(Exception):
        pass

    def halfway(tx: Tx) -> None:
        messages.append(tx, bob.box, New(content(octets(1)), NOW, delivery=(1, "place")), NOW)
        origins.reach(tx, bob.account, "place", 1)
        raise Stop

    try:
        bob.shard.wait(halfway)
    except Stop:
        assert bob.shard.look(lambda reader: origins.reached(reader, bob.account, "place")) == 0
        assert len(bob.shard.look(lambda reader: messages.view(reader, bob.box)).uids) == 0
    else:
        raise AssertionError("it was written")

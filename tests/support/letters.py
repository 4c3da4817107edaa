"""Letters for mailboxes, and a mailbox to put them into with a line a deed.

Used by the tests of mail shards and by their benchmark.
Never hides a transaction: each method is one.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from hatoba.message import structure
from hatoba.store.mailboxes import boxes, copies, marks, messages, packing, trash, vanishing
from hatoba.store.mailboxes.boxes import Box
from hatoba.store.mailboxes.messages import New, Placed
from hatoba.store.mailboxes.shards import MailShard
from hatoba.store.sql import Tx

T = TypeVar("T")
NOW = 1_700_000_000_000


def octets(number: int = 1, subject: str = "hello", text: str = "How are you?", **fields: str) -> bytes:
    """A letter; `fields` with "_" for "-" replace those it has or stand behind them."""
    header = {
        "From": "Alice <alice@b.example>",
        "To": "Bob <bob@c.example>",
        "Date": "Tue, 14 Nov 2023 22:13:20 +0000",
        "Message-ID": f"<{number}@b.example>",
        "Subject": subject,
        "Content-Type": "text/plain; charset=utf-8",
    } | {name.replace("_", "-"): value for name, value in fields.items()}
    lines = [f"{name}: {value}" for name, value in header.items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + text + "\r\n").encode()


def content(raw: bytes, letter: int = 0) -> packing.Content:
    return packing.Content(raw, structure.summary(raw), letter)


class Mailbox(NamedTuple):
    """A box of a shard."""

    shard: MailShard
    account: int
    box: int
    numbers: Iterator[int]

    def put(self, *flags: str, raw: bytes | None = None, subject: str = "hello", **more: object) -> Placed:
        """One letter, committed."""
        made = content(raw if raw is not None else octets(next(self.numbers), subject))
        new = New(made, NOW, flags, **more)  # type: ignore[arg-type]  # New checks nothing; tests do
        return self.do(lambda tx: messages.append(tx, self.box, new, NOW))

    def fill(self, count: int, *flags: str) -> list[int]:
        """So many letters in one commit; their UIDs."""
        news = [New(content(octets(next(self.numbers))), NOW, flags) for _ in range(count)]
        return [placed.uid for placed in self.do(lambda tx: messages.append_many(tx, self.box, news, NOW))]

    def do(self, function: Callable[[Tx], T]) -> T:
        return self.shard.wait(function)

    def other(self, name: str) -> "Mailbox":
        """Another box of the account, made."""
        made = self.do(lambda tx: boxes.create(tx, self.account, name, NOW))
        return self._replace(box=made.id)

    @property
    def state(self) -> Box:
        return self.shard.look(lambda reader: boxes.get(reader, self.box))

    def flags(self) -> dict[int, set[str]]:
        """By UID."""
        view = self.shard.look(lambda reader: messages.view(reader, self.box))
        names = view.box.names
        return {uid: set(names(bits)) for uid, bits in zip(view.uids, view.flags, strict=True)}

    def mark(self, uids: Sequence[int], how: str, *flags: str, since: int | None = None) -> marks.Marked:
        return self.do(lambda tx: marks.change(tx, self.box, uids, how, flags, since))

    def copy(self, uids: Sequence[int], into: "Mailbox") -> copies.Copied:
        return self.do(lambda tx: copies.copy(tx, self.box, uids, into.box, NOW))

    def move(self, uids: Sequence[int], into: "Mailbox") -> copies.Copied:
        return self.do(lambda tx: copies.move(tx, self.box, uids, into.box, NOW))

    def expunge(self, uids: Sequence[int] | None = None, *, flagged: bool = True, now: int = NOW) -> trash.Expunged:
        return self.do(lambda tx: trash.expunge(tx, self.box, now, uids, flagged=flagged))

    def since(self, modseq: int) -> vanishing.Changes:
        return self.shard.look(lambda reader: vanishing.since(reader, self.box, modseq))

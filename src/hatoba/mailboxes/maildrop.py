"""Maildrop: an INBOX as POP3 sees it: the letters that were there at login, by number, until QUIT.

Called by doors.pop3, one for each session.
Never locks the box: it is a still view, which other sessions neither disturb nor are disturbed by; what they expunge
stays readable here while the store can give it back. Nothing of the box changes before `update`.
Fails with StoreTrouble; of an `update` that failed nothing was done.  # RFC 1939 §4, §6
"""

from __future__ import annotations

from array import array
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Sequence
from typing import TypeVar

from hatoba.mailboxes import names
from hatoba.mailboxes.post import Post
from hatoba.store.mailboxes import boxes, contents, marks, messages, trash
from hatoba.store.mailboxes.messages import View
from hatoba.store.mailboxes.refusals import NoBox
from hatoba.store.sql import Reader, Tx

T = TypeVar("T")
_SEEN = ("\\Seen",)


class Maildrop:
    """Letters have numbers from 1 to `count`. `octets` is what all of them have, `sizes[number - 1]` what one has."""

    __slots__ = ("_account", "_box", "_contents", "_post", "_shard", "_uids", "octets", "sizes")

    def __init__(self, post: Post, account: str, view: View) -> None:
        self._post = post
        self._account = account
        self._shard = post.store.shard(account)
        self._box = view.box
        self._uids = view.uids
        self._contents = view.columns["content"]
        self.sizes: array[int] = view.columns["size"]
        self.octets = sum(self.sizes)

    @property
    def count(self) -> int:
        return len(self._uids)

    def uid(self, number: int) -> str:
        """What names the letter for ever, whatever its number: printable ASCII.  # RFC 1939 §7, UIDL"""
        return f"{self._box.objectid}-{self._uids[number - 1]}"

    async def letters(self, numbers: Sequence[int], build: Callable[[bytes, int], T]) -> list[T]:
        """What `build` makes, in a thread, of the octets and the size of these letters, which are small together."""
        return await self._read(numbers, "raw", build)

    async def headers(self, numbers: Sequence[int], build: Callable[[bytes, int], T]) -> list[T]:
        """The same of their headers, the empty line included."""
        return await self._read(numbers, "header", build)

    async def _read(self, numbers: Sequence[int], column: str, build: Callable[[bytes, int], T]) -> list[T]:
        uids = [self._uids[number - 1] for number in numbers]

        def read(reader: Reader) -> list[T]:
            chunks = contents.fetch(reader, self._box.id, sorted(uids), (column,), len(uids))
            found = {uid: octets for rows in chunks for uid, octets in rows}
            made = []
            for number, uid in zip(numbers, uids, strict=True):
                octets = found.get(uid)
                if octets is None:  # another session has expunged it
                    octets = contents.raw(reader, self._contents[number - 1])
                made.append(build(octets, self.sizes[number - 1]))
            return made

        return await self._shard.read(read)

    def pieces(self, number: int, build: Callable[[Iterable[bytes]], Iterator[bytes]]) -> AsyncIterator[bytes]:
        """A large letter's octets as `build` gives them on, each step in a thread; only a piece is in memory."""
        content = self._contents[number - 1]

        def steps(reader: Reader) -> Iterator[bytes]:
            return build(contents.pieces(reader, content))

        return self._shard.stream(steps)

    async def update(self, gone: Collection[int], seen: Collection[int]) -> None:
        r"""Removes letters and marks others \Seen, in one commit. Those that are gone already are no error."""
        removed = sorted(self._uids[number - 1] for number in gone)
        read = sorted(self._uids[number - 1] for number in set(seen) - set(gone))
        if not removed and not read:
            return
        now, box = self._post.clock(), self._box.id

        def change(tx: Tx) -> int:
            modseq = 0
            if read:
                modseq = marks.change(tx, box, read, marks.ADD, _SEEN).modseq
            if removed:
                modseq = trash.expunge(tx, box, now, removed, flagged=False).modseq
            return modseq

        modseq = await self._shard.do(change)
        self._post.tell(self._account, [(box, modseq)])


async def opened(post: Post, account: str) -> Maildrop:
    """The maildrop of an account, as it is now."""
    number = await post.account(account)

    def look(reader: Reader) -> View:
        box = boxes.find(reader, number, names.INBOX)
        if box is None:
            raise NoBox(names.INBOX)
        return messages.view(reader, box.id, "size", "content")

    return Maildrop(post, account, await post.store.shard(account).read(look))

"""Keeping: the sink of a migration that is an account of ours: its boxes in the mail store.

Made by `hatoba migrate imap` for each account; works while hatoba runs, whose workers see what comes by their poll.
Never puts the letter of a UID in twice, and never takes one out.
Fails with sink.Full, StoreTrouble.
"""

from collections.abc import Mapping, Sequence
from functools import partial

from hatoba.app.migrating.sink import Folder, Full, Letter, Put
from hatoba.mailboxes import names
from hatoba.mailboxes.post import Post
from hatoba.message import structure
from hatoba.store.mailboxes import boxes, marks, messages, origins, packing
from hatoba.store.mailboxes.boxes import Box
from hatoba.store.mailboxes.packing import Content
from hatoba.store.mailboxes.refusals import NoBox, OverQuota, TooManyKeywords
from hatoba.store.sql import Reader, Tx

_ASKED = 500  # deliveries that one transaction looks up


class Keeping:
    """A Sink. `key`: the account's, which is made with the usual boxes where it is new."""

    def __init__(self, post: Post, key: str) -> None:
        self._shard = post.store.shard(key)
        self._account = self._shard.wait(lambda tx: post.ensure(tx, key))
        self._quota, self._clock = post.quota(key), post.clock
        self._boxes: dict[str, int] = {}

    def reached(self, place: str) -> int:
        """See sink.Sink."""
        return self._shard.look(lambda reader: origins.reached(reader, self._account, place))

    def box(self, folder: Folder) -> str:
        """The box of that use, else of that name, which is made with its superiors."""
        found = self._shard.wait(lambda tx: self._box(tx, folder))
        self._boxes[found.name] = found.id
        return found.name

    def put(self, box: str, place: str, letters: Sequence[Letter], reached: int) -> Put:
        """See sink.Sink. A keyword more than the box can know costs the batch its keywords, not its letters."""
        large = tuple(one.uid for one in letters if len(one.raw) > packing.MOST)
        news = [self._new(one, place) for one in letters if one.uid not in large]
        try:
            placed = self._append(box, place, news, reached)
            unflagged = 0
        except TooManyKeywords:
            plain = [_plain(new) for new in news]
            unflagged = sum(new.flags != old.flags for new, old in zip(plain, news, strict=True))
            placed = self._append(box, place, plain, reached)
        fresh = sum(one.fresh for one in placed)
        return Put(fresh, len(placed) - fresh, unflagged, large)

    def flag(self, place: str, flags: Mapping[int, tuple[str, ...]]) -> int:
        """See sink.Sink. A letter that was moved to another box or is gone is left alone."""
        wanted: dict[int, dict[tuple[str, ...], list[int]]] = {}
        uids = sorted(flags)
        for at in range(0, len(uids), _ASKED):
            for uid, found in self._shard.look(partial(self._found, place, uids[at : at + _ASKED])):
                wanted.setdefault(found.box, {}).setdefault(flags[uid], []).append(found.uid)
        changed = 0
        for box, groups in wanted.items():
            for some, members in groups.items():
                members.sort()
                changed += self._shard.wait(partial(_mark, box, members, some))
        return changed

    def _found(self, place: str, uids: Sequence[int], reader: Reader) -> list[tuple[int, messages.Delivered]]:
        told = ((uid, messages.delivered(reader, *origins.key(self._account, place, uid))) for uid in uids)
        return [(uid, found) for uid, found in told if found is not None and found.content]

    def _new(self, letter: Letter, place: str) -> messages.New:
        """Read and packed here, so that the writer's thread only writes."""
        content = Content(letter.raw, structure.summary(letter.raw))
        content.pack()
        return messages.New(
            content,
            letter.internal or self._clock(),
            letter.flags,
            letter.zone,
            origins.key(self._account, place, letter.uid),
        )

    def _append(self, box: str, place: str, news: Sequence[messages.New], reached: int) -> list[messages.Placed]:
        number = self._boxes[box]

        def work(tx: Tx) -> list[messages.Placed]:
            placed = messages.append_many(tx, number, news, self._clock(), self._quota)
            origins.reach(tx, self._account, place, reached)
            return placed

        try:
            return self._shard.wait(work)
        except OverQuota as error:
            raise Full(f"{box}: the account's quota is used up: {error}") from error
        except NoBox as error:
            raise Full(f"{box}: somebody deleted this mailbox meanwhile; run it again") from error

    def _box(self, tx: Tx, folder: Folder) -> Box:
        known = {box.name: box for box in boxes.all_of(tx, self._account)}
        found = known.get(folder.target)
        if found is None and folder.special:
            found = next((box for box in known.values() if folder.special in box.special.split()), None)
        if found is None:
            found = self._made(tx, folder, known)
        if folder.subscribed:
            boxes.subscribe(tx, self._account, found.name)
        return found

    def _made(self, tx: Tx, folder: Folder, known: Mapping[str, Box]) -> Box:
        now = self._clock()
        for above in names.superiors(folder.target):
            if above not in known:
                boxes.create(tx, self._account, above, now)
        return boxes.create(tx, self._account, folder.target, now, folder.special)


def _plain(new: messages.New) -> messages.New:
    system = tuple(flag for flag in new.flags if flag.startswith("\\"))
    return messages.New(new.content, new.internal, system, new.zone, new.delivery)


def _mark(box: int, uids: Sequence[int], flags: Sequence[str], tx: Tx) -> int:
    try:
        return len(marks.change(tx, box, uids, marks.REPLACE, flags).changed)
    except TooManyKeywords:
        system = [flag for flag in flags if flag.startswith("\\")]
        return len(marks.change(tx, box, uids, marks.REPLACE, system).changed)
    except NoBox:
        return 0

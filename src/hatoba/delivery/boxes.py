"""Boxes: letters kept in hatoba's own mailboxes, one content for all recipients of a letter who see the same octets.

Made by courier; deposits through mailboxes.deposit, after the rules of each account where it has some.
Never puts the same letter into a mailbox twice, however often it is delivered.
Answers a full mailbox with 4.2.2, a store that is ill with 4.3.0 (its disk full: 4.3.1).
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from hatoba.delivery import keeper
from hatoba.mailboxes.deposit import Parcel, Result
from hatoba.message import structure
from hatoba.model.status import Status
from hatoba.net import session as sessions
from hatoba.store import trouble
from hatoba.store.mailboxes.messages import Placed
from hatoba.store.mailboxes.packing import Content
from hatoba.store.mailboxes.refusals import OverQuota

_FULL = Status("4.2.2", "the mailbox is over its quota")
_DISK = Status("4.3.1", "the mail disk is full")
_ILL = Status("4.3.0", "the mailbox cannot be written now")
_Packed = Content | trouble.StoreTrouble


class Depositor(Protocol):
    """mailboxes.deposit.Deposit"""

    def __call__(self, parcels: Sequence[Parcel], /) -> Awaitable[list[Result]]: ...


class Boxes:
    """`run` runs a function in one of the threads that read mailboxes; `chunks` gives a large letter's content."""

    def __init__(
        self,
        deposit: Depositor,
        run: Callable[[Callable[[], list[_Packed]]], Awaitable[list[_Packed]]],
        chunks: keeper.Chunks,
        *,
        log: sessions.Log,
    ) -> None:
        self._deposit = deposit
        self._run = run
        self._chunks = chunks
        self._log = log

    async def keep(self, items: Sequence[keeper.Item]) -> list[Status]:
        """See Keeper."""
        packed = await self._run(lambda: self._packed(items))
        parcels = [
            Parcel(item.owner.key, content, item.letter.accepted, (item.letter.id, str(item.n)))
            for item, content in zip(items, packed, strict=True)
            if isinstance(content, Content)
        ]
        found = iter(await self._deposit(parcels))
        return [self._said(next(found) if isinstance(one, Content) else one) for one in packed]

    def _packed(self, items: Sequence[keeper.Item]) -> list[_Packed]:  # in a thread
        """The contents, one for all items of a letter that go the same way; StoreTrouble: it cannot be read."""
        made: dict[tuple[int, bytes, bytes], _Packed] = {}
        packed = []
        for item in items:
            key = (item.letter.id, keeper.returns(item), item.way.top)
            if key not in made:
                made[key] = self._pack(item)
            packed.append(made[key])
        return packed

    def _pack(self, item: keeper.Item) -> _Packed:
        try:
            rest = b"".join(keeper.headed(item, self._chunks))
        except trouble.StoreTrouble as error:
            return error
        raw = b"Return-Path: <%s>\r\n%s%s%s" % (keeper.returns(item), _delivered(item), item.way.top, rest)
        content = Content(raw, structure.summary(raw), item.letter.id)
        content.pack()
        return content

    def _said(self, result: Result) -> Status:
        if isinstance(result, Placed):
            return keeper.DELIVERED
        if isinstance(result, OverQuota):
            return _FULL
        self._log.error("mailbox", exc_info=result)
        full = isinstance(result, trouble.StoreTrouble) and result.kind == trouble.FULL
        return _DISK if full else _ILL


def _delivered(item: keeper.Item) -> bytes:
    """Delivered-To where the letter has one recipient. Several share one content, which must not name any of them."""
    if len(item.letter.envelope.recipients) != 1:
        return b""
    return b"Delivered-To: %s\r\n" % str(item.address).encode("utf-8", "surrogateescape")

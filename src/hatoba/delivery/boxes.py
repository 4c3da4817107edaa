"""Boxes: letters kept in hatoba's own mailboxes, one content for all recipients of a letter who see the same octets.

Made by courier; deposits through mailboxes.deposit, after the rules of each account where it has some.
Never puts the same letter into a mailbox twice, however often it is delivered.
Answers a full mailbox with 4.2.2, a store that is ill with 4.3.0 (its disk full: 4.3.1).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from hatoba.delivery import keeper
from hatoba.delivery.ruled import Answers, Ruled, parcels, ruled
from hatoba.mailboxes.deposit import Parcel, Result
from hatoba.message import headers, structure
from hatoba.model.status import Refusal, Status
from hatoba.net import session as sessions
from hatoba.sieve import actions, questions
from hatoba.sieve.situation import Situation
from hatoba.store import trouble
from hatoba.store.mailboxes.boxes import INBOX
from hatoba.store.mailboxes.messages import Placed
from hatoba.store.mailboxes.packing import Content
from hatoba.store.mailboxes.refusals import OverQuota

JUNK = "Junk"
_LARGE = 8 << 20  # octets of letters that are filed together; a larger one goes alone, one at a time
_FULL = Status("4.2.2", "the mailbox is over its quota")
_DISK = Status("4.3.1", "the mail disk is full")
_ILL = Status("4.3.0", "the mailbox cannot be written now")


class Depositor(Protocol):
    """mailboxes.deposit.Deposit"""

    def __call__(self, parcels: Sequence[Parcel], /) -> Awaitable[list[Result]]: ...


class Rules(Protocol):
    """mailboxes.rules.Rules; all of it blocks."""

    def judge(self, account: str, content: bytes, situation: Situation, /) -> actions.Result | None: ...
    def remember(self, account: str, seen: tuple[questions.Seen, ...], /) -> None: ...


class _Packed(NamedTuple):
    """A letter ready to be filed, or why it cannot be; and what the recipient's rules say."""

    content: Content | None
    ill: trouble.StoreTrouble | None = None
    result: actions.Result | None = None


class Boxes:
    """`run` runs a function in one of the threads that read mailboxes; `chunks` gives a large letter's content;
    `situation` says what rules know of an item."""

    def __init__(
        self,
        deposit: Depositor,
        run: Callable[[Callable[[], list[_Packed]]], Awaitable[list[_Packed]]],
        chunks: keeper.Chunks,
        rules: Rules,
        answers: Answers,
        situation: Callable[[keeper.Item, bytes], Situation],
        *,
        log: sessions.Log,
    ) -> None:
        self._deposit = deposit
        self._run = run
        self._chunks = chunks
        self._rules = rules
        self._answers = answers
        self._situation = situation
        self._log = log
        self._alone = asyncio.Lock()

    async def keep(self, items: Sequence[keeper.Item]) -> list[Status]:
        """See Keeper."""
        said: list[Status] = []
        for part in _parts(items):
            if part[0].letter.size > _LARGE:
                async with self._alone:  # a letter stands in memory whole, and packed
                    said += await self._keep(part)
            else:
                said += await self._keep(part)
        return said

    async def _keep(self, items: Sequence[keeper.Item]) -> list[Status]:
        packed = await self._run(lambda: self._packed(items))
        made = [await self._sorted(item, one) for item, one in zip(items, packed, strict=True)]
        found = iter(await self._deposit([parcel for one in made if isinstance(one, Ruled) for parcel in one.parcels]))
        said = []
        for item, one, letter in zip(items, made, packed, strict=True):
            if isinstance(one, Status):
                said.append(one)
                continue
            statuses = [self._said(next(found)) for _ in one.parcels]
            bad = [status for status in statuses if not status.code.startswith("2.")]
            said.append(bad[0] if bad else keeper.DELIVERED if statuses else one.status)
            if not bad and letter.result is not None:
                await self._after(item, letter, one, letter.result)
        return said

    async def _sorted(self, item: keeper.Item, packed: _Packed) -> Ruled | Status:
        """Where the letter is filed; a Status when that cannot be said now."""
        content = packed.content
        if content is None:
            return self._ill(packed.ill)
        if packed.result is None:
            box = JUNK if _spam(content.raw) else INBOX
            return Ruled(parcels(item, content, (actions.Keep(),), box), [])
        try:
            return await ruled(item, content, packed.result, self._answers)
        except (trouble.StoreTrouble, Refusal) as error:
            return self._ill(error)

    async def _after(self, item: keeper.Item, packed: _Packed, made: Ruled, result: actions.Result) -> None:
        """The letter is where it belongs: answers go out. What goes wrong here costs an answer and no letter."""
        assert packed.content is not None  # noqa: S101 # it was filed
        try:
            for action in made.replies:
                await self._answers.reply(item, packed.content.raw, action)
            if result.seen:
                await self._run(lambda: self._remembered(item, result))
        except (trouble.StoreTrouble, Refusal) as error:
            self._log.warning("a rule's answer was not sent", account=item.owner.key, error=str(error))

    def _remembered(self, item: keeper.Item, result: actions.Result) -> list[_Packed]:
        self._rules.remember(item.owner.key, result.seen)
        return []

    # ---- in a thread

    def _packed(self, items: Sequence[keeper.Item]) -> list[_Packed]:
        """The contents, one for all items of a letter that go the same way, and what the rules say of each."""
        made: dict[tuple[int, bytes, bytes], _Packed] = {}
        packed = []
        for item in items:
            key = (item.letter.id, keeper.returns(item), item.way.top)
            if key not in made:
                made[key] = self._pack(item)
            packed.append(self._judged(item, made[key]))
        return packed

    def _pack(self, item: keeper.Item) -> _Packed:
        try:
            rest = b"".join(keeper.headed(item, self._chunks))
        except trouble.StoreTrouble as error:
            return _Packed(None, error)
        raw = b"Return-Path: <%s>\r\n%s%s%s" % (keeper.returns(item), _delivered(item), item.way.top, rest)
        content = Content(raw, structure.summary(raw), item.letter.id)
        content.pack()
        return _Packed(content)

    def _judged(self, item: keeper.Item, packed: _Packed) -> _Packed:
        if packed.content is None:
            return packed
        raw = packed.content.raw
        try:
            result = self._rules.judge(item.owner.key, raw, self._situation(item, raw))
        except trouble.StoreTrouble as error:
            return _Packed(None, error)
        return packed if result is None else packed._replace(result=result)

    # ---- what is said of it

    def _said(self, result: Result) -> Status:
        if isinstance(result, Placed):
            return keeper.DELIVERED
        return _FULL if isinstance(result, OverQuota) else self._ill(result)

    def _ill(self, error: Exception | None) -> Status:
        if isinstance(error, Refusal):
            return error.status
        self._log.error("mailbox", exc_info=error)
        full = isinstance(error, trouble.StoreTrouble) and error.kind == trouble.FULL
        return _DISK if full else _ILL


def _parts(items: Sequence[keeper.Item]) -> Iterator[Sequence[keeper.Item]]:
    """The items in their order, in parts of at most _LARGE octets or of one letter."""
    begin = octets = 0
    for at, item in enumerate(items):
        same = at > begin and items[at - 1].letter is item.letter
        if at > begin and not same and octets + item.letter.size > _LARGE:
            yield items[begin:at]
            begin, octets = at, 0
        octets += 0 if same else item.letter.size
    if begin < len(items):
        yield items[begin:]


def _delivered(item: keeper.Item) -> bytes:
    """Delivered-To where the letter has one recipient. Several share one content, which must not name any of them."""
    if len(item.letter.envelope.recipients) != 1:
        return b""
    return b"Delivered-To: %s\r\n" % str(item.address).encode("utf-8", "surrogateescape")


def _spam(content: bytes) -> bool:
    """Whether our own filters said so: a stranger's field of that name was taken away when the letter came."""
    flag = headers.scan(content).first(b"x-spam-flag") or b""
    return flag.strip().upper() == b"YES"

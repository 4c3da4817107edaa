"""Answers: the letters that people's rules ask for, composed and put into the queue.

Made by mailroom; called by local delivery.
Never decides whether a rule asks: it has.
Fails with StoreTrouble and Refusal when the queue takes nothing now.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from hatoba.delivery import keeper
from hatoba.directory.directory import Directory
from hatoba.mailboxes.rules import Rules
from hatoba.model.address import Address
from hatoba.model.envelope import Letter
from hatoba.model.status import Status
from hatoba.notice.rules import about as abouts
from hatoba.notice.rules import notification, redirection, rejection, vacation
from hatoba.sieve import actions
from hatoba.store.mailboxes.stores import MailStore

_TOLD = Status("2.0.0", "refused by the recipient's rules, which told the sender")


class Outlet:
    """Where letters of our own go: `draw` gives (a new letter's id, ms), `take` is done when a letter is on disk,
    `forward` gives the reverse-path that a letter of `sender` goes on with for somebody at `domain` (SRS)."""

    def __init__(
        self,
        draw: Callable[[], tuple[int, int]],
        take: Callable[[Letter], Awaitable[None]],
        forward: Callable[[Address, str, int], Address],
    ) -> None:
        self.draw = draw
        self.take = take
        self.forward = forward


class Answers:
    """See delivery.ruled.Answers."""

    def __init__(
        self, outlet: Outlet, directory: Directory, store: MailStore, rules: Rules, hostname: str, language: str
    ) -> None:
        self._outlet = outlet
        self._directory = directory
        self._store = store
        self._rules = rules
        self._hostname = hostname
        self._language = language

    async def redirect(self, item: keeper.Item, content: bytes, action: actions.Redirect) -> bool:
        about = self._about(item, content)
        sender = item.way.sender or item.letter.envelope.sender
        reverse = None if sender is None else self._outlet.forward(sender, item.owner.address.domain, about.now)
        made = redirection.compose(action, about, item.letter.envelope, reverse)
        if made is None:
            return False
        await self._outlet.take(made)
        return True

    async def reject(self, item: keeper.Item, content: bytes, action: actions.Reject) -> Status:
        if rejection.in_dialogue(action):
            return rejection.status(action)
        made = rejection.compose(action, self._about(item, content))
        if made is None:
            return rejection.status(action)
        await self._outlet.take(made)
        return _TOLD

    async def reply(self, item: keeper.Item, content: bytes, action: actions.Vacation | actions.Notify) -> None:
        about = self._about(item, content)
        if isinstance(action, actions.Notify):
            made = notification.compose(action, about)
        else:
            due = await self._store.run(lambda: self._rules.replies(item.owner.key, action))
            made = vacation.compose(action, about) if due else None
        if made is not None:
            await self._outlet.take(made)

    def _about(self, item: keeper.Item, content: bytes) -> abouts.About:
        number, now = self._outlet.draw()
        envelope = item.letter.envelope
        mine = {str(item.owner.address).lower(), str(item.address).lower()}
        return abouts.About(
            content, item.owner.address, envelope.sender, now, number, self._hostname,
            addresses=frozenset(mine), language=self._language,
        )  # fmt: skip

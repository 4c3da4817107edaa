"""Ruled: what a person's rules made of one letter: where it is filed, what goes out, and what is said of it.

Made by boxes for each item whose account has rules; the letters are composed and sent by who is given as `Answers`.
Never sends before it is sure that the letter stays findable: what goes on is in the queue before the rest is filed.
Fails with what the answers raise: StoreTrouble, Refusal; then the letter is delivered again later.
"""

from collections.abc import Awaitable, Sequence
from typing import Protocol

import msgspec

from hatoba.delivery import keeper
from hatoba.mailboxes.deposit import Parcel
from hatoba.message import structure
from hatoba.model.status import Status
from hatoba.sieve import actions, edited
from hatoba.store.mailboxes.boxes import INBOX
from hatoba.store.mailboxes.packing import Content

_DISCARDED = Status("2.0.0", "thrown away by the recipient's rules")
_SENT_ON = Status("2.0.0", "sent on by the recipient's rules")


class Answers(Protocol):
    """Letters that rules ask for. `content` is the letter as it arrived."""

    def redirect(self, item: keeper.Item, content: bytes, action: actions.Redirect) -> Awaitable[bool]:
        """It goes on; False when it would go in a circle, and is to be kept."""

    def reject(self, item: keeper.Item, content: bytes, action: actions.Reject) -> Awaitable[Status]:
        """What its sender hears of a refusal: a status for the bounce, or 2.x when a letter has told."""

    def reply(self, item: keeper.Item, content: bytes, action: actions.Vacation | actions.Notify) -> Awaitable[None]:
        """A vacation reply, if one is due, or a notification."""


class Ruled(msgspec.Struct):
    """`status` is what is said of the letter when nothing of it is filed here."""

    parcels: list[Parcel] = []
    replies: list[actions.Vacation | actions.Notify] = []
    status: Status = _DISCARDED


async def ruled(item: keeper.Item, content: Content, result: actions.Result, answers: Answers) -> Ruled:
    """Sends on what is to be sent on, and says what is to be filed and answered behind that."""
    made = Ruled([], [])
    filed: list[actions.Keep | actions.FileInto] = []
    for action in result.actions:
        if isinstance(action, actions.Keep | actions.FileInto):
            filed.append(action)
        elif isinstance(action, actions.Redirect):
            if await answers.redirect(item, content.raw, action):
                made.status = _SENT_ON
            else:
                filed.append(actions.Keep(implicit=True))
        elif isinstance(action, actions.Reject):
            made.status = await answers.reject(item, content.raw, action)
        elif isinstance(action, actions.Vacation | actions.Notify):
            made.replies.append(action)
    made.parcels = parcels(item, content, filed)
    return made


def parcels(
    item: keeper.Item, content: Content, filed: Sequence[actions.Keep | actions.FileInto], box: str = INBOX
) -> list[Parcel]:
    """A parcel for each box; a box named twice gets one, with all the flags."""
    wanted: dict[str, Parcel] = {}
    for action in filed:
        name, create = (box, False) if isinstance(action, actions.Keep) else (action.mailbox, action.create)
        if name in wanted:
            flags = tuple(dict.fromkeys((*wanted[name].flags, *action.flags)))
            wanted[name] = msgspec.structs.replace(wanted[name], flags=flags)
            continue
        place = f"{item.n}.{len(wanted)}" if wanted else str(item.n)
        wanted[name] = Parcel(
            item.owner.key, _edited(content, action), item.letter.accepted, (item.letter.id, place),
            name, tuple(action.flags), create,
        )  # fmt: skip
    return list(wanted.values())


def _edited(content: Content, action: actions.Keep | actions.FileInto) -> Content:
    if not action.edits:
        return content
    raw = edited.edited(content.raw, action.edits)
    return Content(raw, structure.summary(raw), content.letter)

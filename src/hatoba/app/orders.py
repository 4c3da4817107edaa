"""The queue verbs of the operator: the same words for a running worker (control socket) and for a shard at rest.

Called by worker (as control verbs) and by the command line (offline).
Never decides: each verb is one call of the queue's Admin.
Fails with ValueError on words that make no sense; the store's own errors pass.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from hatoba.kit import ids
from hatoba.queue.admin import Admin
from hatoba.queue.choice import Choice

MOST_LISTED = 100_000


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of a verb. `lane` makes hold and release stand for the site; `filter` names a standing filter."""

    choice: Choice = Choice()
    by: str = ""
    reason: str = ""
    lane: str = ""
    filter: str = ""
    tell: bool = False
    limit: int = 100
    held: bool = False  # of `ls`: only what is held


async def hold(admin: Admin, order: Order) -> Any:
    if order.lane:
        return await admin.hold_lane(order.lane, order.by, order.reason)
    if order.filter:
        return await admin.hold_filter(order.filter, order.choice, order.by, order.reason)
    return await admin.hold(order.choice, order.by, order.reason)


async def release(admin: Admin, order: Order) -> Any:
    if order.lane:
        return await admin.release_lane(order.lane, order.by)
    if order.filter:
        return await admin.release_filter(order.filter, order.by)
    return await admin.release(order.choice, order.by)


async def retry(admin: Admin, order: Order) -> Any:
    return await admin.retry(order.choice, order.by)


async def drop(admin: Admin, order: Order) -> Any:
    return await admin.drop(order.choice, order.by, order.reason, tell=order.tell)


async def summary(admin: Admin, order: Order) -> Any:
    return await admin.summary()


async def filters(admin: Admin, order: Order) -> Any:
    return await admin.filters()


async def show(admin: Admin, order: Order) -> Any:
    if order.choice.letter is None:
        raise ValueError("which letter? Give its id")
    return await admin.show(order.choice.letter)


class Item(msgspec.Struct, frozen=True):
    """One recipient in a list. Times in ms."""

    id: str
    n: int
    sender: str
    recipient: str
    site: str
    state: str
    attempts: int
    next_at: int
    accepted: int
    size: int
    priority: int
    status: str
    reply: str


async def ls(admin: Admin, order: Order) -> Any:
    from hatoba.queue import report
    from hatoba.store.rows import HELD, STATES

    items = []
    state = HELD if order.held else None
    for listed in await admin.find(order.choice, min(order.limit, MOST_LISTED), state=state):
        row, last = listed.row, report.last(listed.row)
        items.append(
            Item(
                ids.text(row.letter), row.n, listed.sender, row.address, row.site, STATES[row.state], row.attempts,
                row.next_at, listed.accepted, listed.size, row.priority, last.code, last.reply or last.text,
            )
        )  # fmt: skip
    return items


VERBS: dict[str, Callable[[Admin, Order], Awaitable[Any]]] = {
    "queue.hold": hold,
    "queue.release": release,
    "queue.retry": retry,
    "queue.drop": drop,
    "queue.summary": summary,
    "queue.filters": filters,
    "queue.show": show,
    "queue.ls": ls,
}


async def perform(admin: Admin, verb: str, arguments: dict[str, Any]) -> Any:
    """Carries out one verb on one shard; the result as JSON types. KeyError: no such verb."""
    order = msgspec.convert(arguments, Order)
    return msgspec.to_builtins(await VERBS[verb](admin, order))

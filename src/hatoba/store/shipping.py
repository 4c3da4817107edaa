"""Shipping: a letter whose large body goes to an object store waits outside the writer's line until it is there.

Called by writer.seal where the depot is remote, on the event loop; hands over what may be committed.
Never lets one letter's upload hold up another's commit.
Fails by the item's future: StoreTrouble, and then no row names the body.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from hatoba.store import blobs, work
from hatoba.store.rows import Seal
from hatoba.store.trouble import StoreTrouble
from hatoba.store.work import Work

Put = Callable[[Work], None]
_NEVER = 1 << 62  # a content without a draft is small by now


def seal(item: Work, sealed: Seal, inline: int, depot: blobs.Depot, put: Put) -> None:
    """Fills the item and puts it, at once or when its body has arrived. ValueError as in Work.seal, StoreTrouble."""
    content = sealed.letter.content
    if sealed.draft is None and content is not None and len(content) > inline:
        sealed.draft = depot.draft(sealed.letter.id)
        sealed.draft.append(content)
    item.seal(sealed, _NEVER)
    if not item.drafts:
        put(item)
        return
    arrived = partial(_arrived, item, put)
    depot.finish(item.drafts[0]).add_done_callback(partial(_on_loop, asyncio.get_running_loop(), arrived))


def _on_loop(loop: asyncio.AbstractEventLoop, function: Callable[[Future[None]], None], shipped: Future[None]) -> None:
    """From any thread."""
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(function, shipped)


def _arrived(item: Work, put: Put, shipped: Future[None]) -> None:
    """On the loop, so that who cancels and asks in a later item what became of it is not overtaken."""
    item.error = shipped.exception()
    if item.error is None and not item.waiter.cancelled():
        try:
            put(item)
        except StoreTrouble as error:  # closed meanwhile
            item.error = error
        else:
            return
    for draft in item.drafts:
        draft.discard()
    work.answer([item])

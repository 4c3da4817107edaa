"""Chosen: the numbers of a command as places in the view that is open.

Called by the verbs that take a sequence set.
Never asks the store: the view knows.
Fails with NoSuchNumber for a sequence number beyond the box.  # RFC 9051 §9 (sequence-set), RFC 5182, RFC 9394
"""

from __future__ import annotations

from collections.abc import Sequence

from hatoba.doors.imap.state import State
from hatoba.model.numbers import Numbers


def places(state: State, numbers: Numbers | None, *, uid: bool) -> list[int]:
    """Places, ascending; `numbers` None is the result saved last."""
    view = state.open.view
    if numbers is None:
        return sorted(view.of(state.saved))
    return list(view.places(numbers, uid=uid))


def uids(state: State, numbers: Numbers | None, *, uid: bool) -> list[int]:
    """The same as UIDs."""
    view = state.open.view
    return [view.uids[place] for place in places(state, numbers, uid=uid)]


def partial(found: Sequence[int], asked: tuple[int, int]) -> list[int]:
    """Those from the first to the last place of the result, from 1, or from -1 at its end backwards."""
    first, last = sorted(asked)
    if first > 0:
        return list(found[first - 1 : last])
    count = len(found)
    return list(found[max(0, count + first) : max(0, count + last + 1)])

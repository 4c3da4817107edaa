"""THREAD: letters that meet criteria, as conversations.

Called by session through its table.
Never threads anew what the store's THREADID says: the algorithms are the RFC's.
Fails with NoSuchNumber and what the store raises.  # RFC 5256
"""

from __future__ import annotations

from typing import Any

from hatoba.doors.imap import news, words
from hatoba.doors.imap.state import State
from hatoba.mailboxes import finding
from hatoba.mailboxes.thread import Node
from hatoba.mailboxes.view import View
from hatoba.wire.imap import events, responses, results


async def thread(state: State, event: events.Thread) -> list[Any]:
    roots = await finding.threaded(state.open, event.key, event.algorithm, state.saved)
    by_uid = event.uid or "UIDONLY" in state.engine.enabled
    answer = responses.Thread(_numbered(roots, None if by_uid else state.open.view))
    return [answer, *await news.ended(state, words.ok(event, "Threaded"), expunges=event.uid)]


def _numbered(roots: list[Node], view: View | None) -> list[results.Node]:
    """As wire.imap writes them, without recursion; the leaves' UIDs become sequence numbers where `view` is given."""
    result: list[results.Node] = []
    todo: list[tuple[Node, list[results.Node]]] = [(root, result) for root in reversed(roots)]
    while todo:
        node, into = todo.pop()
        children: list[results.Node] = []
        into.append((_number(node, view), children))
        todo += [(child, children) for child in reversed(node.children)]
    return result


def _number(node: Node, view: View | None) -> int:
    if not node.number or view is None:
        return node.number
    place = view.place(node.number)
    return 0 if place is None else place + 1

"""Large: a letter too large to be held: its octets go from the store to the client a piece at a time.

Called by fetch for each letter above its bound.
Never unpacks what was not asked for: a client may fetch a letter in thousands of parts.
Fails with what the store raises; in the middle of a literal the connection is cut, for half of one is no answer.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

from hatoba.doors.imap.fetching import Plan
from hatoba.doors.imap.state import State
from hatoba.mailboxes.selected import Selected
from hatoba.message.structure import table
from hatoba.store.mailboxes import contents
from hatoba.store.sql import Reader
from hatoba.wire.imap import strings
from hatoba.wire.imap.items import Section

PATIENCE = 600.0  # seconds a client may take nothing of an answer
_WHOLE = ("raw", "text")


async def send(state: State, selected: Selected, plan: Plan, uid: int, place: int) -> bool:
    """Pushes the answer for one letter; whether it was there."""
    if any(column in _WHOLE for column in plan.columns) and len(plan.cuts) < _reading(plan):
        async with selected.post.heavy:  # something has to be made of the whole of it
            return await _in_memory(state, selected, plan, uid, place)
    columns = [column for column in plan.columns if column not in _WHOLE]
    columns += [column for column in ("content", "offsets", "size", "header") if column not in columns]
    rows = [row async for rows in selected.fetch([uid], columns, list) for row in rows]
    if not rows:
        return False
    known = dict(zip(columns, rows[0][1:], strict=True))
    state.pump.push(b"* %d %b (" % (uid if plan.by_uid else place + 1, plan.verb))
    for number, name in enumerate(plan.names):
        state.pump.push((b" " if number else b"") + name + b" ")
        cut = plan.cuts.get(number)
        if cut is None:
            state.pump.push(plan.values[number](place, known))
        else:
            await _stream(state, selected, cut, known)
    state.pump.push(b")\r\n")
    return True


def _reading(plan: Plan) -> int:
    """How many items are made of the letter's octets."""
    return sum(name.startswith((b"BODY[", b"BINARY", b"RFC822")) and name != b"RFC822.SIZE" for name in plan.names)


async def _in_memory(state: State, selected: Selected, plan: Plan, uid: int, place: int) -> bool:
    def build(rows: list[contents.Row]) -> bytes:
        return plan.build({uid: place}, rows)

    sent = False
    async with aclosing(selected.fetch([uid], plan.columns, build)) as steps:
        async for octets in steps:
            sent = sent or bool(octets)
            state.pump.push(octets)
            await state.pump.drained(PATIENCE)
    return sent


async def _stream(state: State, selected: Selected, cut: Section, known: dict[str, Any]) -> None:
    """A literal, or NIL for a section that is not there."""
    found = table.span(known["offsets"], cut.number, cut.text)
    if found is None:
        state.pump.push(strings.NIL)
        return
    first = min(found[0] + cut.first, found[1])
    end = found[1] if cut.count < 0 else min(found[1], first + cut.count)
    state.pump.push(b"{%d}\r\n" % (end - first))

    def pieces(reader: Reader) -> Any:
        return contents.span(reader, known["content"], first, end)

    left = end - first
    try:
        async with aclosing(selected.shard.stream(pieces)) as steps:
            async for piece in steps:
                left -= len(piece)
                state.pump.push(piece.replace(b"\0", b"\x80") if b"\0" in piece else piece)
                await state.pump.drained(PATIENCE)
    finally:
        if left:
            state.pump.abort()

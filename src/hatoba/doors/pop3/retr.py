"""RETR and TOP: a letter, or the top of it.

Called by session through its table; hot: a client that takes one letter after the other is answered from memory.
Never holds a large letter whole: it goes out piece by piece, as the client takes it.
Fails with -ERR for a number that no letter has; a large letter that breaks off in the middle cuts the connection.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator
from functools import partial

from hatoba.doors.pop3 import ahead, translate, words
from hatoba.doors.pop3.state import State
from hatoba.wire.pop3 import content, events
from hatoba.wire.pop3.reply import Data, Reply

PATIENCE = 600.0  # seconds a client may take nothing of a letter
_RETR = -1  # TOP's letters go by how many lines are asked for
_HEADER = 4096  # octets that a header is taken for
Said = Data | Reply | Awaitable[Data | Reply | None]


def retr(state: State, event: events.Retr) -> Said:
    """A letter, whole.  # RFC 1939 §5"""
    number = event.number
    if not state.has(number):
        return state.erred(words.NO_SUCH)
    state.seen.add(number)
    state.house.counts.retrieved += 1
    found = state.ahead.take(_RETR, number)
    if found is not None:
        return found
    octets = state.open.sizes[number - 1]
    if octets > ahead.MOST:
        return _streamed(state, Reply(True, f"{octets} octets"), state.open.pieces(number, content.stuffed))
    return _letters(state, number)


async def _letters(state: State, number: int) -> Data | Reply:
    """This letter from the store, and those that come after it most likely."""
    drop = state.open
    numbers = state.ahead.plan(_RETR, number, drop.count, lambda each: drop.sizes[each - 1])
    try:
        return state.ahead.keep(numbers, await drop.letters(numbers, content.letter))
    except translate.KNOWN as error:
        return translate.refused(state, error)


def top(state: State, event: events.Top) -> Said:
    """A letter's header and so many lines of its body.  # RFC 1939 §7"""
    number, lines = event.number, event.lines
    if not state.has(number):
        return state.erred(words.NO_SUCH)
    found = state.ahead.take(lines, number)
    if found is not None:
        return found
    if lines and state.open.sizes[number - 1] > ahead.MOST:
        return _streamed(state, words.OK, state.open.pieces(number, partial(_top_of, lines)))
    return _tops(state, number, lines)


async def _tops(state: State, number: int, lines: int) -> Data | Reply:
    drop = state.open
    numbers = state.ahead.plan(lines, number, drop.count, lambda each: drop.sizes[each - 1] if lines else _HEADER)
    read = drop.letters if lines else drop.headers
    try:
        return state.ahead.keep(numbers, await read(numbers, partial(_top, lines)))
    except translate.KNOWN as error:
        return translate.refused(state, error)


def _top_of(lines: int, pieces: Iterable[bytes]) -> Iterator[bytes]:
    return content.stuffed(content.top(pieces, lines))


def _top(lines: int, raw: bytes, octets: int) -> Data:
    return Data(words.OK.wire + content.whole(b"".join(content.top((raw,), lines))))


async def _streamed(state: State, first: Reply, pieces: AsyncIterator[bytes]) -> Reply | None:
    """Piece by piece; the reply that begins it is said once there is one."""
    pump = state.pump
    begun = False
    try:
        async for piece in pieces:
            if not begun:
                pump.push(first)
                begun = True
            pump.push(Data(piece))
            await pump.drained(PATIENCE)
    except translate.KNOWN as error:
        if not begun:
            return translate.refused(state, error)
        state.log("letter broken off", account=state.account, why=str(error))
        state.why = "a letter could not be read to its end"
        pump.abort()
    return None

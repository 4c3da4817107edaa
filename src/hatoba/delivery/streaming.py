"""Streaming: a letter's content from its blob to the wire, a piece at a time as the peer takes it.

Called by exchange for letters that are not in memory; the pump draws the pieces and stops when the peer is slow.
Never holds more than a piece, but for binary content towards a peer without PIPELINING.
Fails by ValueError out of the pieces on content that may not be sent, StoreTrouble on content that cannot be read: the
pump cuts the connection then.
"""

from collections.abc import Iterable, Iterator

from hatoba.delivery import plan
from hatoba.delivery.errand import Transaction
from hatoba.delivery.line import Line
from hatoba.model.envelope import Letter
from hatoba.model.status import Status
from hatoba.store.trouble import StoreTrouble
from hatoba.wire.smtp import commands


def start(line: Line, t: Transaction) -> None:
    """A letter from its blob, in pieces as the peer takes them; nothing is announced behind it."""
    letter = t.errand.job.letter
    chunks = _read(line, letter, t.way.top)
    if t.binary:
        pieces = _bdat(line, chunks)
    else:
        pieces = line.engine.pieces(chunks, letter.dotted, vouched=plan.vouched(letter))
    line.pump.stream(_watched(line, t, pieces))


def _read(line: Line, letter: Letter, top: bytes) -> Iterator[bytes]:
    """Opened when the first piece is wanted, so that trouble with it is found in one place."""
    if top:
        yield top
    yield from line.owner.chunks(letter)


def _bdat(line: Line, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks behind their BDATs; in one, held in memory, where commands may not be pipelined."""
    held: bytes | None = None
    for chunk in chunks if line.pipelining else (b"".join(chunks),):
        if held is not None:
            yield _joined(line.engine.send([commands.Bdat(held, last=False, vouched=True)]))
        held = chunk
    yield _joined(line.engine.send([commands.Bdat(held or b"", last=True, vouched=True)]))


def _joined(wire: bytes | list[bytes]) -> bytes:
    return wire if isinstance(wire, bytes) else b"".join(wire)


def _watched(line: Line, t: Transaction, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Each piece has its own patience; after the last the peer's answer decides."""
    line.patience = line.timeouts.content
    try:
        for piece in pieces:
            line.pump.set_idle(line.timeouts.content)
            yield piece
    except ValueError as error:
        line.lost = Status("5.6.0", f"the content cannot be sent: {error}")
        raise
    except StoreTrouble as error:
        line.lost = Status("4.3.0", f"the content cannot be read now: {error}")
        raise
    t.sent = True
    line.wait(line.timeouts.end)

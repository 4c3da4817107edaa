"""clamd: a letter streamed to ClamAV's daemon, one connection each, and what it found.

Made by app from [clamd]; called by net.service, which gives it its time-out.
Never keeps a letter in memory and never decides what a virus means.
Fails with OSError when it cannot be reached or leaves, PeerError when it answers rubbish or an error.
"""

from hatoba.model.opinion import Question, Scanned
from hatoba.model.status import PeerError, Status
from hatoba.net import line as lines
from hatoba.net.session import Log
from hatoba.wire import clamd


class Clamd:
    """The daemon at `where`."""

    def __init__(self, where: lines.Place, log: Log) -> None:
        self._where = where
        self._log = log

    async def __call__(self, question: Question) -> Scanned:
        """What it finds in the letter. A letter above its own limit is Scanned with the reason."""
        engine = clamd.ClamdEngine()
        line = await lines.connect(self._where, engine, self._log)
        try:
            line.say(clamd.Scan())
            line.stream(engine.pieces(question.pieces()))
            reply = await line.hear()
        finally:
            line.cut()
        if isinstance(reply, clamd.Found):
            return Scanned(reply.signature)
        if isinstance(reply, clamd.Trouble):
            if reply.too_large:
                return Scanned(unscanned="larger than clamd's StreamMaxLength")
            raise PeerError(Status("4.3.0", f"clamd: {reply.text}"))
        return Scanned()

    async def version(self) -> str:
        """Its engine and signatures: "ClamAV 1.4.3/27000/…"."""
        line = await lines.connect(self._where, clamd.ClamdEngine(), self._log)
        try:
            line.say(clamd.Version())
            reply = await line.hear()
        finally:
            line.cut()
        return reply.text if isinstance(reply, clamd.Version | clamd.Trouble) else ""

    async def close(self) -> None:
        """No connection outlives its letter."""

"""milter: a whole letter told to a filter, step by step, and what the filter wants: a verdict and changes.

Made by app for each [[milter]]; called by net.service, which gives it its time-out.
Never changes a letter and never decides: both are intake's. Lines are kept and used again where the filter allows.
Fails with OSError when it cannot be reached or leaves, PeerError when it breaks the protocol.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any

from hatoba.message import fields
from hatoba.model.opinion import Filtered, Question
from hatoba.model.status import PeerError, Status
from hatoba.net import line as lines
from hatoba.net import milter_changes, milter_facts
from hatoba.net.session import Log
from hatoba.wire.milter import client, commands, replies, states, terms

_REST = 60.0  # seconds a line waits for its next letter
_PASS = (replies.Continue, replies.Skip)


class Milter:
    """The filter at `where`. `reuse`: lines carry several letters where the filter speaks version 6.

    `most`: octets of a new body; a longer one breaks the protocol.
    """

    def __init__(self, where: lines.Place, log: Log, *, reuse: bool = False, most: int = 64 << 20) -> None:
        self._where = where
        self._log = log
        self._reuse = reuse
        self._most = most
        self._resting: list[tuple[lines.Line, float]] = []
        self._agreed: replies.Negotiated | None = None  # as the filter answered last

    async def __call__(self, question: Question) -> Filtered:
        """The filter's answer to a complete letter, or to one recipient when the question has no content."""
        whole = bool(question.size)
        if not whole and not await self._judges(commands.Rcpt):
            return Filtered("continue")
        kept = True
        while True:
            line = self._rested()
            if line is None:
                kept, line = False, await self._dial()
            talk = _Talk(line, question, self._most)
            try:
                filtered = await (talk.letter() if whole else talk.recipient())
            except (OSError, PeerError):
                line.cut()
                if not kept or talk.heard:  # a kept line may have been left by the filter meanwhile: once more, anew
                    raise
                continue
            except BaseException:
                line.cut()
                raise
            self._rest(line)
            return filtered

    async def close(self) -> None:
        """Ends the lines that rest."""
        while self._resting:
            line, _ = self._resting.pop()
            _leave(line)

    async def _judges(self, kind: type[commands.Command]) -> bool:
        """Whether the filter answers such a command: it is asked once, what it agreed to is remembered."""
        if self._agreed is None:
            self._rest(await self._dial())
        agreed = client.MilterEngine()
        agreed.negotiated = self._agreed
        return agreed.answers(kind)

    async def _dial(self) -> lines.Line:
        engine = client.MilterEngine()
        line = await lines.connect(self._where, engine, self._log)
        try:
            line.say(commands.Negotiate(terms.ALL_ACTIONS, terms.ALL_STEPS))
            await line.hear()
        except BaseException:
            line.cut()
            raise
        self._agreed = engine.negotiated
        return line

    def _rested(self) -> lines.Line | None:
        """A line that still stands, as far as we know."""
        now = asyncio.get_running_loop().time()
        while self._resting:
            line, since = self._resting.pop()
            if line.broken is None and not line.unheard() and now - since < _REST:
                return line
            line.cut()
        return None

    def _rest(self, line: lines.Line) -> None:
        engine = line.engine
        assert isinstance(engine, client.MilterEngine)  # noqa: S101 # _dial made it
        if not self._reuse or not engine.wants(commands.QuitNew) or line.broken is not None:
            _leave(line)
            return
        if engine.state in states.LETTER:
            line.say(commands.Abort())
        if engine.state is not states.State.READY:
            line.say(commands.QuitNew())
        self._resting.append((line, asyncio.get_running_loop().time()))


def _leave(line: lines.Line) -> None:
    if line.broken is None:
        line.say(commands.Quit())
        line.close()


class _Talk:
    """One letter's dialogue on one line. `heard`: the filter has answered something."""

    def __init__(self, line: lines.Line, question: Question, most: int) -> None:
        assert isinstance(line.engine, client.MilterEngine)  # noqa: S101 # Milter made it
        self.heard = False
        self._line = line
        self._engine = line.engine
        self._question = question
        self._changes = milter_changes.Changes(self._engine, most)

    async def recipient(self) -> Filtered:
        """Connection, HELO, MAIL and RCPT alone; then the letter is given up: it will be told whole."""
        filtered = await self._told(milter_facts.envelope(self._question, self._engine.macros))
        return filtered or Filtered("continue")

    async def letter(self) -> Filtered:
        question = self._question
        filtered = (
            await self._told(milter_facts.envelope(question, self._engine.macros))
            or await self._told((commands.Data(),))
            or await self._told(self._header())
            or await self._body()
        )
        return filtered or await self._end()

    def _header(self) -> Iterator[commands.Command]:
        """The fields as they came, without those we put on top."""
        for field in fields.split(self._question.block):
            name = fields.name(field)
            if name:
                yield commands.Header(name, fields.value(field))
        yield commands.EndOfHeader()

    async def _body(self) -> Filtered | None:
        engine, question = self._engine, self._question
        if not engine.wants(commands.Body):
            return None
        pieces = map(commands.Body, _cut(_behind(question), engine.piece))
        if engine.answers(commands.Body):
            return await self._told(pieces)
        self._line.stream(engine.send(piece) for piece in pieces)
        return None

    async def _end(self) -> Filtered:
        """The end, the changes one after the other, the verdict."""
        self._line.say(commands.End())
        while True:
            reply = await self._reply()
            if isinstance(reply, replies.VERDICTS):
                filtered = _verdict(reply)
                break
            self._changes.take(reply)
        if filtered is not None and filtered.action not in ("accept", "continue"):
            return filtered
        reason = self._changes.quarantine
        if reason is not None:
            return Filtered("quarantine", None, reason, self._changes.made())
        return Filtered("continue", edits=self._changes.made())

    async def _told(self, steps: Iterable[commands.Command]) -> Filtered | None:
        """Says each command and hears its reply; the first verdict that ends the letter."""
        line, engine = self._line, self._engine
        for command in steps:
            line.say(command)
            while engine.pending is not None or line.broken is not None:
                reply = await self._reply()
                if isinstance(reply, replies.Skip):
                    return None
                if isinstance(reply, replies.VERDICTS):
                    filtered = _verdict(reply)
                    if filtered is not None:
                        return filtered
                    break
        return None

    async def _reply(self) -> Any:
        reply = await self._line.hear()
        self.heard = True
        return reply


def _verdict(reply: replies.Reply) -> Filtered | None:
    """What a reply means for the letter; None: go on."""
    if isinstance(reply, _PASS):
        return None
    if isinstance(reply, replies.ReplyCode):
        action = "reject" if reply.code >= 500 else "defer"
        code = reply.enhanced if reply.enhanced[:1] == str(reply.code)[:1] else f"{str(reply.code)[0]}.7.1"
        return Filtered(action, Status(code, reply.text or "Refused by a filter"))
    return Filtered(_ACTIONS[reply.__class__])


_ACTIONS: dict[type, str] = {
    replies.Accept: "accept",
    replies.Reject: "reject",
    replies.TempFail: "defer",
    replies.Discard: "discard",
    replies.Shutdown: "defer",
    replies.ConnectionFailure: "defer",
}


def _behind(question: Question) -> Iterator[bytes]:
    """The body: what stands behind the header and the empty line."""
    skip = len(question.block)
    line_end = True  # the empty line, if there is one, is no body
    for piece in question.pieces():
        data = piece
        if skip:
            data, skip = piece[skip:], max(0, skip - len(piece))
        if line_end and data:
            data = data.removeprefix(b"\r\n")
            line_end = False
        if data:
            yield data


def _cut(pieces: Iterable[bytes], most: int) -> Iterator[bytes]:
    for piece in pieces:
        for at in range(0, len(piece), most):
            yield piece[at : at + most]

"""Intake: the octets of a client cut into commands: lines, literals, messages, SASL responses, DONE.

Owned by wire.imap.server, which asks it for the next event.
Never gathers a message, and of other literals no more than `Limits` allow; what is refused is skipped, not kept.
Everything wrong becomes a Malformed event (or the fault of an AppendEnd), too many of them a Closing.
"""

from __future__ import annotations

import re
from typing import ClassVar, Final

from hatoba.wire.imap import access, appending, commands, events, judging, responses, states
from hatoba.wire.imap.buffer import Buffer, LineTooLong
from hatoba.wire.imap.faults import Faults
from hatoba.wire.imap.offer import Limits, Offer
from hatoba.wire.imap.scanner import Bad, Incomplete, Scanner

# What an event waits for, where it is no verb: the reply of a Malformed, of a Proceed, of a step of APPEND.
FAULT, PROCEED, STEP = "!", "+", ">"
_COMMANDS, _LITERAL, _STEPS, _MESSAGE, _REST, _RESPONSE, _IDLING, _DRAIN, _SKIP = range(9)

_COMMAND = re.compile(rb"([!#$&',-\[\]^-z|}~]{1,128}) (UID )?([A-Za-z]+)(?=[ \r]|\Z)", re.IGNORECASE).match
_TAG = re.compile(rb"([!#$&',-\[\]^-z|}~]{1,128})[ \r]").match
_MARK = re.compile(rb"~?\{([0-9]{1,19})(\+?)\}\r?\n\Z").search
_HEAD: Final = 32  # octets that hold the head of any literal
_START: Final = 200  # octets that hold any tag and verb
_MINUS: Final = 4096  # octets of a literal that need not wait under LITERAL-
_SHORT: Final = 64  # octets of DONE, and of what is written in its place

_Read = tuple["events.Event | None", str]
_AGAIN: Final[_Read] = (None, "again")
_STARVED: Final[_Read] = (None, "")


class Intake:
    """`over`: nothing will be read any more; `shaking`: a TLS handshake is under way."""

    __slots__ = (
        "_appending", "_at", "_binary", "_buffer", "_faults", "_held", "_mode", "_need", "_nonsync", "_nul", "_steps",
        "_tag", "held", "limits", "offer", "over", "shaking",
    )  # fmt: skip

    def __init__(self, buffer: Buffer, at: states.Dialogue) -> None:
        self.offer = Offer()
        self.limits = Limits()
        self._buffer = buffer
        self._at = at
        self._faults = Faults()
        self.over = False
        self.begin()

    def begin(self) -> None:
        """A command is next; nothing is held of another."""
        self.shaking = False
        self._mode = _COMMANDS
        self._tag = ""  # of the command at hand, where its lines do not bear it
        self._held: list[bytes] = []  # what has come of the command at hand
        self.held = 0  # octets of that
        self._need = 0  # octets of a literal, a message or a drain still to come
        self._nonsync = False  # they come whatever we say
        self._appending: appending.Appending | None = None
        self._steps: list[appending.Step] = []
        self._binary = False  # the message at hand may hold NULs
        self._nul = False  # one that may not has one

    # What the engine tells

    def end(self) -> None:
        """Nothing is read any more."""
        self.begin()
        self.over = True
        self._buffer.clear()

    def well(self) -> None:
        """A command went well: faults before it are forgiven, once somebody has logged in."""
        if self._at.state != states.GREETED:
            self._faults.forgive()

    def await_response(self, tag: str) -> None:
        """A line of base64 is next."""
        self._mode, self._tag = _RESPONSE, tag

    def await_done(self, tag: str) -> None:
        """DONE is next."""
        self._mode, self._tag = _IDLING, tag

    def proceed(self) -> bool:
        """The session takes the step at hand; True where the client waits for a "+"."""
        if self._steps:
            return False
        self._mode = _MESSAGE
        return not self._nonsync

    def abandon(self) -> None:
        """The session has refused: what comes of the command anyway is skipped."""
        self._forget(self._need if self._nonsync else -1)

    def _forget(self, drain: int) -> None:
        self.begin()
        if drain >= 0:
            self._mode, self._need = _DRAIN, drain

    # Reading

    def read(self, offer: Offer, limits: Limits) -> _Read:
        """(event, what it waits for: a verb, FAULT, PROCEED, STEP, or "" for nothing); (None, "") when starved."""
        self.offer, self.limits = offer, limits
        while True:
            found = self._READ[self._mode](self)
            if found is not _AGAIN:
                return found

    def _early(self) -> bool:
        return self._at.state == states.GREETED

    def _room(self) -> int:
        """Octets that the command at hand may still have."""
        return (self.limits.early_command if self._early() else self.limits.command) - self.held

    def _line(self, limit: int) -> bytes | _Read:
        """A line with its CRLF, or what to return instead."""
        try:
            line = self._buffer.line(max(1, limit))
        except LineTooLong:
            bad = Bad("The line is too long", kind="line")
            found = self._broken(bad, self._buffer.peek(_START), hang_up=self._early())
            self._mode = _SKIP
            return found
        if line is None:
            return _STARVED
        if line.endswith(b"\r\n") and b"\r" not in line[:-2] and b"\0" not in line:
            return line
        return self._broken(Bad("A NUL, or a CR or LF that ends no line", kind="line"), line, _mark(line))

    def _broken(self, bad: Bad, line: bytes, mark: re.Match[bytes] | None = None, hang_up: bool = False) -> _Read:
        """The command at hand has come to nothing; `mark` of a literal that nobody keeps from coming is heeded."""
        found = _TAG(b"".join((*self._held, line))[:_START])
        tag = self._tag or (found[1].decode() if found else "")
        begun = self._appending
        self._forget(int(mark[1]) if mark is not None and mark[2] else -1)
        most = self.limits.early_faults if self._early() else self.limits.faults
        answer = self._faults.answer(bad, tag, most, hang_up)
        if begun is not None and begun.given and not isinstance(answer, responses.Untagged):
            return events.AppendEnd(tag, answer), begun.verb
        return events.Malformed(answer, bad.kind), FAULT

    def _command(self) -> _Read:
        line = self._line(self._room())
        if not isinstance(line, bytes):
            return line
        mark = _mark(line)
        text = b"".join((*self._held, line)) if self._held else line
        try:
            self._heed(mark)
            tag, verb, at = self._admitted(text)
            if verb in appending.VERBS:
                begun = appending.Appending(tag, verb)
                return self._stepping(begun, begun.begin(self._scanner(text, mark, at), self.offer.append_limit), mark)
            if mark is not None:
                return self._literal_begins(line, mark)
            return self._parse(Scanner(text[:-2], self._at.utf8, at), tag, verb)
        except Incomplete:
            return self._literal_begins(line, mark)
        except Bad as bad:
            return self._broken(bad, line, mark, hang_up=bad.kind == "injection")

    def _admitted(self, text: bytes) -> tuple[str, str, int]:
        """(tag, verb, where its arguments begin) of a command that may be given now. Bad."""
        found = _COMMAND(text)
        if found is None:
            raise Bad("A tag, a command and its arguments are needed")
        word = found[3].decode().upper()
        verb = f"UID {word}" if found[2] else word
        if verb not in states.VERBS or not self.offer.has(states.NEEDS.get(verb, "")):
            raise Bad("No such command", kind="unknown")
        if verb not in states.TAKES[self._at.state]:
            raise Bad(states.why(self._at.state, verb), kind="state")
        if verb in states.NUMBERED and "UIDONLY" in self._at.enabled:
            raise judging.uid_required()
        if verb == "STARTTLS" and len(self._buffer):
            raise Bad("STARTTLS has to be the last command before the handshake", kind="injection")
        return found[1].decode(), verb, found.end()

    def _parse(self, scanner: Scanner, tag: str, verb: str) -> _Read:
        """A command that is whole. Bad."""
        event = commands.READERS[verb](scanner, tag)
        scanner.end()
        event = judging.judge(self._at, self.offer, verb, event, scanner)
        self.begin()
        return event, verb

    def _scanner(self, text: bytes, mark: re.Match[bytes] | None, at: int) -> Scanner:
        """Without the last CRLF, unless the head of a literal ends in it."""
        return Scanner(text if mark is not None else text[:-2], self._at.utf8, at)

    # Literals of commands

    def _literal_begins(self, line: bytes, mark: re.Match[bytes] | None) -> _Read:
        """An ordinary literal: it is gathered, where it is small enough."""
        assert mark is not None  # noqa: S101 # only the head of a literal lacks octets
        size, nonsync, early = int(mark[1]), bool(mark[2]), self._early()
        most = self.limits.early_literal if early else self.limits.literal
        if size > min(most, self._room() - len(line)):
            bad = Bad("The literal is too large here", "BAD" if early else "NO", "TOOBIG", "size")
            return self._broken(bad, line, mark, hang_up=early and nonsync)  # RFC 7888 §4
        self._hold(line)
        self._need = size
        self._mode = _LITERAL
        return _AGAIN if nonsync else (events.Proceed(responses.GO_AHEAD), PROCEED)

    def _heed(self, mark: re.Match[bytes] | None) -> None:
        """Bad: the literal does not wait, which one of its size has to.  # RFC 7888 §5"""
        if mark is not None and mark[2] and not self.offer.has("LITERAL+") and int(mark[1]) > _MINUS:
            raise Bad("A literal of more than 4096 octets has to wait for our word", "NO", "TOOBIG", "size")

    def _hold(self, octets: bytes) -> None:
        self._held.append(octets)
        self.held += len(octets)

    def _literal(self) -> _Read:
        if self._need:
            octets = self._buffer.take(self._need)
            if not octets:
                return _STARVED
            self._hold(octets)
            self._need -= len(octets)
        else:
            self._mode = _COMMANDS if self._appending is None else _REST
        return _AGAIN

    # Messages

    def _stepping(self, begun: appending.Appending, steps: list[appending.Step], mark: re.Match[bytes] | None) -> _Read:
        """What a line of APPEND or REPLACE has brought is given out step by step, before the message it ends in."""
        self._held, self.held = [], 0
        self._appending, self._tag, self._steps = begun, begun.tag, steps
        self._need = max(0, begun.size)
        self._nonsync = mark is not None and bool(mark[2])
        self._mode = _STEPS
        return _AGAIN

    def _step(self) -> _Read:
        begun = self._appending
        assert begun is not None  # noqa: S101 # by _stepping
        step = self._steps.pop(0)
        if isinstance(step, events.AppendEnd):
            self.begin()
            return step, begun.verb
        begun.given = True
        self._binary = isinstance(step, events.Append) and step.binary
        return step, STEP

    def _message(self) -> _Read:
        if not self._need:
            self._mode = _REST
            return _AGAIN
        octets = self._buffer.take(min(self._need, self.limits.piece))
        if not octets:
            return _STARVED
        self._need -= len(octets)
        if self._nul:
            return _AGAIN
        if not self._binary and (end := octets.find(b"\0")) >= 0:
            self._nul = True  # the rest is not given: it will be refused
            octets = octets[:end]
        return (events.Piece(octets), "") if octets else _AGAIN

    def _rest(self) -> _Read:
        """What stands behind a message: the end, or another."""
        line = self._line(self._room())
        if not isinstance(line, bytes):
            return line
        mark = _mark(line)
        begun = self._appending
        assert begun is not None  # noqa: S101 # by _stepping
        try:
            if self._nul:
                raise Bad("A NUL in a message: send it as a literal8 (~{...})", "NO", "CANNOT")
            self._heed(mark)
            scanner = self._scanner(b"".join((*self._held, line)), mark, 0)
            return self._stepping(begun, begun.read(scanner, self.offer.append_limit), mark)
        except Incomplete:
            return self._literal_begins(line, mark)
        except Bad as bad:
            return self._broken(bad, line, mark)

    # Lines that are no commands

    def _response(self) -> _Read:
        """A SASL response; a bad one ends the exchange.  # RFC 9051 §6.2.2"""
        line = self._line(self.limits.response)
        if not isinstance(line, bytes):
            return line
        tag = self._tag
        data = None if line == b"*\r\n" else access.base64_of(line[:-2])
        if data is None and line != b"*\r\n":
            return self._broken(Bad("The response is not base64"), line)
        self.begin()
        return events.Response(tag, data), "AUTHENTICATE"

    def _idling(self) -> _Read:
        line = self._line(_SHORT)
        if not isinstance(line, bytes):
            return line
        if line.upper() != b"DONE\r\n":
            return self._broken(Bad("DONE was expected"), line, _mark(line))
        tag = self._tag
        self.begin()
        return events.Done(tag), "DONE"

    # What nobody wants

    def _drain(self) -> _Read:
        if self._need:
            octets = self._buffer.take(min(self._need, self.limits.piece))
            self._need -= len(octets)
            return _AGAIN if octets else _STARVED
        self._mode = _SKIP
        return _AGAIN

    def _skip(self) -> _Read:
        tail = self._buffer.skip()
        if tail is None:
            return _STARVED
        mark = _mark(tail)
        self._forget(int(mark[1]) if mark is not None and mark[2] else -1)
        return _AGAIN

    _READ: ClassVar = (_command, _literal, _step, _message, _rest, _response, _idling, _drain, _skip)


def _mark(line: bytes) -> re.Match[bytes] | None:
    """The head of a literal at the line's end."""
    return _MARK(line, max(0, len(line) - _HEAD))

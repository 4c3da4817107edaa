"""ServerEngine: the server's side of an SMTP or LMTP dialogue, bytes in, events out, answers in, bytes out.

Driven by net.pump, answered by doors.smtp.
Never decides: what it gives out is grammatical, in sequence and offered; who may do it is the session's to say.
Fails with PeerError only: plaintext before TLS, or more input ahead of an answer than `Limits.ahead`.
"""

import re
from typing import ClassVar

from hatoba.model.status import PeerError, Status
from hatoba.wire.engine import CLOSED, NEED_DATA, PAUSED, Signal
from hatoba.wire.lines import Lines, LineTooLong
from hatoba.wire.smtp import data, esmtp, events, faults, grammar, sequence, states
from hatoba.wire.smtp.data import ChunkReader, DataReader
from hatoba.wire.smtp.offer import Limits, Offer
from hatoba.wire.smtp.reply import Challenge, Reply

Answer = Reply | Challenge | tuple[Reply, ...] | None

# What the next octets are.
_COMMANDS, _LETTER, _CONTENT, _RESPONSE, _SKIP, _DRAIN, _HANDSHAKE, _OVER = range(8)

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]").search
_GO_AHEAD, _GO_ON = 354, 334
_ENVELOPE = frozenset((states.MAIL, states.RCPT))
_TURNS = frozenset(("DATA", "AUTH", "QUIT"))
_FAULT, _END = "!", "."  # in place of a verb: a Malformed, the end of content
_DATA, _DATA_LINE = events.Data(), b"DATA\r\n"
_NO_CONTENT = DataReader(Limits())


class ServerEngine:
    """One dialogue. `offer` may be replaced at any time; it binds from the next command on.

    `send` without an open event (the greeting, a 421) changes no state; `send(None)` says nothing and leaves the
    event open.
    """

    __slots__ = ("_after", "_at", "_drain", "_eof", "_lines", "_mode", "_reader", "_waiting", "limits", "lmtp", "offer")

    def __init__(self, offer: Offer, limits: Limits, lmtp: bool = False) -> None:
        self.offer = offer
        self.limits = limits
        self.lmtp = lmtp
        self._lines = Lines()
        self._eof = False
        self._at = states.Dialogue()
        self._mode = _COMMANDS
        self._waiting = ""  # the verb of the event that waits for its answer
        self._reader: DataReader | ChunkReader = _NO_CONTENT
        self._drain = 0  # octets of a refused chunk that are still to come, and what is said behind them
        self._after = faults.UNKNOWN

    @property
    def buffered(self) -> int:
        """Octets received that no event has eaten (content being gathered not counted)."""
        return len(self._lines)

    def receive(self, octets: bytes) -> None:
        """Take bytes; b"" is the end of the client's stream. PeerError: too much ahead of an answer."""
        if not octets:
            self._eof = True
        elif self._mode != _OVER:
            self._lines.feed(octets)
            if self._waiting and len(self._lines) > self.limits.ahead:
                raise PeerError(Status("4.5.0", "Too much input ahead of an answer"))

    def next_event(self) -> events.Event | Signal:
        """The next event, NEED_DATA, PAUSED (send first) or CLOSED."""
        if self._waiting:
            return PAUSED
        mode = self._mode
        if mode <= _LETTER:
            lines = self._lines
            if lines.at == len(lines.data) and not lines.more:
                return self._starved()
            return self._letter() if mode else self._command()
        return self._READ[mode](self)

    def tls_started(self) -> None:
        """Begin anew, as before EHLO. PeerError when plaintext is still here.  # RFC 3207 §4.2"""
        if len(self._lines):
            raise PeerError(Status("5.5.1", "Plaintext behind STARTTLS"))
        self._at.begin()
        self._mode = _COMMANDS

    def _starved(self) -> Signal:
        if self._eof:
            self._mode = _OVER
            return CLOSED
        return NEED_DATA

    def _give(self, verb: str, event: events.Event) -> events.Event:
        self._waiting = verb
        return event

    # Commands

    def _command(self) -> events.Event | Signal:
        """The next command: the short way for what nearly every letter says, the long way for all else."""
        at, lines = self._at, self._lines
        if at.state == states.READY:
            found = grammar.MAIL_LINE(lines.data, lines.at)
            if found and (mail := grammar.plain_mail(found)):
                lines.at = found.end()
                at.mail = mail
                self._waiting = "MAIL"
                return mail
        elif at.state in _ENVELOPE:
            found = grammar.RCPT_LINE(lines.data, lines.at)
            if found and (rcpt := grammar.plain_rcpt(found)):
                lines.at = found.end()
                self._waiting = "RCPT"
                return rcpt
            if at.accepted and lines.data.startswith(_DATA_LINE, lines.at) and not at.binary:
                lines.at += len(_DATA_LINE)
                self._waiting = "DATA"
                return _DATA
        try:
            line = lines.line(self.limits.line)
        except LineTooLong:
            self._mode = _SKIP
            return self._give(_FAULT, faults.LONG_LINE)
        if line is None:
            return self._starved()
        try:
            return self._parse(line.decode())
        except UnicodeDecodeError:
            return self._give(_FAULT, faults.NOT_UTF8)

    def _parse(self, text: str) -> events.Event | Signal:
        """The long way: any command, any fault."""
        self._waiting = _FAULT
        if _CONTROL(text):
            return faults.BARE
        verb, argument = grammar.split(text)
        if verb not in states.VERBS or (verb in states.HELLOS and self.lmtp != (verb == "LHLO")):
            return faults.strange(verb)
        if verb == "BDAT":
            return self._bdat(argument)
        fault = sequence.fault(self._at, self.offer, verb)
        if fault is not None:
            return fault
        try:
            event = self._event(verb, argument)
        except esmtp.Bad as error:
            return error.event
        self._waiting = verb
        return event

    def _event(self, verb: str, argument: str) -> events.Event:
        at = self._at
        offer = self.offer if at.extended else None
        if verb == "MAIL":
            at.mail = grammar.mail(argument, offer)
            return at.mail
        if verb == "RCPT":
            return grammar.rcpt(argument, offer, at.mail is not None and at.mail.smtputf8)
        if verb in states.HELLOS:
            return grammar.hello(verb, argument)
        if verb == "AUTH":
            return grammar.auth(argument, self.offer)
        if verb == "XCLIENT":
            return grammar.xclient(argument, self.offer)
        event = grammar.PLAIN[verb](argument)
        if verb == "STARTTLS" and len(self._lines):  # RFC 3207 §4.2: it would be taken as if sent inside TLS
            raise esmtp.Bad(faults.INJECTION)
        return event

    # Content

    def _bdat(self, argument: str) -> events.Event | Signal:
        """A chunk follows its command whatever we think of it: it is swallowed before the refusal is said."""
        chunk = grammar.chunk(argument)
        if chunk is None:
            return faults.BAD_CHUNK
        octets, last = chunk
        fault = sequence.fault(self._at, self.offer, "BDAT")
        self._waiting = ""
        if fault is not None:
            self._mode, self._drain, self._after = _DRAIN, octets, fault
            return self._drained()
        reader = self._reader
        if self._at.state != states.CHUNKS or not isinstance(reader, ChunkReader):
            self._reader = reader = ChunkReader(self.limits, self._at.binary)
        reader.begin(octets, last)
        self._mode = _CONTENT
        return self._content()

    def _drained(self) -> events.Event | Signal:
        self._drain -= len(self._lines.take(self._drain))
        if self._drain:
            return self._starved()
        self._mode = _COMMANDS
        return self._give(_FAULT, self._after)

    def _letter(self) -> events.Event | Signal:
        """The beginning of what stands behind DATA; nearly always it is all of it."""
        self._reader = _NO_CONTENT
        event = data.whole(self._lines, self.limits)
        if event is None:
            self._reader = DataReader(self.limits)
            self._mode = _CONTENT
            return self._content()
        self._mode = _COMMANDS
        self._waiting = _END
        return event

    def _content(self) -> events.Event | Signal:
        event = self._reader.read(self._lines)
        if event is None:
            return self._starved()
        if isinstance(event, events.End):
            self._mode = _COMMANDS
            self._waiting = _END
        elif event.due:
            self._mode = _COMMANDS
            self._waiting = "BDAT"
        return event

    # SASL responses, and lines that are too long

    def _response(self) -> events.Event | Signal:
        """A SASL response; a bad one ends the exchange.  # RFC 4954 §4"""
        try:
            line = self._lines.line(self.limits.auth_line)
        except LineTooLong:
            self._mode = _SKIP
            return self._give(_FAULT, faults.LONG_RESPONSE)
        if line is None:
            return self._starved()
        self._mode = _COMMANDS
        response = None if line == b"*" else grammar.base64(line)
        if response is None and line != b"*":
            return self._give(_FAULT, faults.BAD_BASE64)
        return self._give("AUTH", events.AuthData(response))

    def _skip(self) -> events.Event | Signal:
        if not self._lines.skip():
            return self._starved()
        self._mode = _COMMANDS
        return self._command()

    def _paused(self) -> Signal:
        return PAUSED

    def _over(self) -> Signal:
        return CLOSED

    # Answers

    def send(self, answer: Answer) -> bytes:
        """The bytes of the answer. LMTP: behind the content a tuple, one Reply a recipient, or one for them all."""
        if answer is None or self._mode == _OVER:
            return b""
        verb = self._waiting
        if isinstance(answer, tuple) or (self.lmtp and verb == _END):
            wire, answer = self._each(answer)
        else:
            wire = answer.wire
        if verb:
            self._waiting = ""
            if verb != _FAULT:
                self._at.move(verb, answer.code)
                if verb in _TURNS:
                    self._turn(verb, answer.code)
        if answer.then:
            self._mode = _OVER if answer.then == "close" else _HANDSHAKE
        return wire

    def _turn(self, verb: str, code: int) -> None:
        """What octets come next, where they are no commands."""
        if verb == "DATA" and code == _GO_AHEAD:
            self._mode = _LETTER
        elif verb == "AUTH" and code == _GO_ON:
            self._mode = _RESPONSE
        elif verb == "QUIT":
            self._mode = _OVER

    def _each(self, answer: Reply | Challenge | tuple[Reply, ...]) -> tuple[bytes, Reply | Challenge]:
        """One reply for each recipient, joined, and the last of them.  # RFC 2033 §4.2

        Where a chunk that is not the last failed, one reply is due.
        """
        early = isinstance(self._reader, ChunkReader) and not self._reader.last
        count = self._at.accepted if self.lmtp and not early else 1
        replies = answer if isinstance(answer, tuple) else (answer,) * count
        if len(replies) != count or self._waiting != _END:
            raise ValueError(f"{len(replies)} replies where {count} are due")
        return b"".join(reply.wire for reply in replies), replies[-1]

    _READ: ClassVar = (_command, _letter, _content, _response, _skip, _drained, _paused, _over)

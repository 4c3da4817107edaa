"""ServerEngine: the server's side of a POP3 dialogue, bytes in, events out, answers in, bytes out.

Driven by net.pump, answered by doors.pop3.
Never decides: what it gives out is grammatical, in sequence and offered; who may do it is the session's to say.
Fails with PeerError only: plaintext before TLS, or more input ahead of an answer than `Limits.ahead`.
"""

import re
from collections.abc import Mapping
from typing import ClassVar

from hatoba.model.status import PeerError, Status
from hatoba.wire.engine import CLOSED, NEED_DATA, PAUSED, Signal
from hatoba.wire.lines import LF, Lines, LineTooLong
from hatoba.wire.pop3 import events, faults, grammar, states
from hatoba.wire.pop3.offer import Limits, Offer
from hatoba.wire.pop3.reply import Challenge, Data, Reply

Answer = Reply | Challenge | Data | None

# What the next octets are.
_COMMANDS, _RESPONSE, _SKIP, _HANDSHAKE, _OVER = range(5)

_CONTROL = re.compile(r"[\x00-\x1f\x7f]").search
ENGLISH: Mapping[str, str] = {}
_FAULT = "!"  # in place of a verb: a Malformed


class ServerEngine:
    """One dialogue. `offer` may be replaced at any time; it binds from the next command on.

    `words` are the texts of replies in the language chosen with LANG, by their English ones. `send` without an open
    event (the greeting, a farewell) changes no state; `send(None)` says nothing and leaves the event open.
    """

    __slots__ = ("_at", "_eof", "_lines", "_mode", "_waiting", "limits", "offer", "words")

    def __init__(self, offer: Offer, limits: Limits) -> None:
        self.offer = offer
        self.limits = limits
        self.words = ENGLISH
        self._lines = Lines()
        self._eof = False
        self._at = states.Dialogue()
        self._mode = _COMMANDS
        self._waiting = ""  # the verb of the event that waits for its answer

    @property
    def buffered(self) -> int:
        """Octets received that no event has eaten."""
        return len(self._lines)

    @property
    def utf8(self) -> bool:
        """The client has said UTF8."""
        return self._at.utf8

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
        return self._READ[self._mode](self)

    def tls_started(self) -> None:
        """Begin anew, as at the greeting. PeerError when plaintext is still here.  # RFC 2595 §4"""
        if len(self._lines):
            raise PeerError(Status("5.5.1", "Plaintext behind STLS"))
        self._at.begin()
        self.words = ENGLISH
        self._mode = _COMMANDS

    def _starved(self) -> Signal:
        if self._eof:
            self._mode = _OVER
            return CLOSED
        return NEED_DATA

    def _give(self, verb: str, event: events.Event) -> events.Event:
        self._waiting = verb
        return event

    def _line(self) -> events.Malformed | str | None:
        """The next line, None when it is not complete; the fault of one that is none."""
        try:
            line = self._lines.line(self.limits.line, LF)
        except LineTooLong:
            self._mode = _SKIP
            return faults.LONG_LINE
        if line is None:
            return None
        if line[-1:] != b"\r":
            return faults.BARE
        try:
            text = line[:-1].decode()
        except UnicodeDecodeError:
            return faults.NOT_UTF8
        return faults.BARE if _CONTROL(text) else text

    # Commands

    def _command(self) -> events.Event | Signal:
        """The next command: the short way for what nearly every session is made of, the long way for all else."""
        lines = self._lines
        if self._at.state == states.TRANSACTION:
            found = grammar.RETR_LINE(lines.data, lines.at)
            if found:
                lines.at = found.end()
                self._waiting = "RETR"
                return events.Retr(int(found[1]))
        text = self._line()
        if text is None:
            return self._starved()
        if not isinstance(text, str):
            return self._give(_FAULT, text)
        verb, argument = grammar.split(text)
        fault = self._fault(verb)
        if fault is not None:
            return self._give(_FAULT, fault)
        try:
            event = self._event(verb, argument)
        except grammar.Bad as error:
            return self._give(_FAULT, error.event)
        return self._give("CAPA" if isinstance(event, events.Mechanisms) else verb, event)

    def _fault(self, verb: str) -> events.Malformed | None:
        """Why `verb` has no place here and now."""
        if verb not in states.VERBS:
            return faults.strange(verb)
        if verb not in states.NEXT[self._at.state]:
            return states.why(self._at.state, verb)
        offer = self.offer
        if (verb == "USER" and not offer.user) or (verb == "AUTH" and not offer.mechanisms):
            return faults.NEED_TLS if offer.tls else faults.NO_LOGIN
        if verb == "STLS":
            if not offer.tls:
                return faults.NO_TLS
            return faults.TLS_AFTER_UTF8 if self._at.utf8 else None
        return None

    def _event(self, verb: str, argument: str) -> events.Event:
        if verb == "USER":
            if not argument:
                raise grammar.Bad(faults.SYNTAX)
            self._at.name = argument
            return events.User(argument)
        if verb == "PASS":
            return events.Pass(self._at.name, argument)
        if verb == "AUTH":
            return grammar.auth(argument, self.offer)
        if verb == "QUIT":
            return events.Quit(self._at.state == states.TRANSACTION)
        event = grammar.PLAIN[verb](argument)
        if verb == "STLS" and len(self._lines):  # RFC 2595 §4: it would be taken as if sent inside TLS
            raise grammar.Bad(faults.INJECTION)
        return event

    # SASL responses, and lines that are too long

    def _response(self) -> events.Event | Signal:
        """A SASL response; a bad one ends the exchange.  # RFC 5034 §4"""
        self._mode = _COMMANDS
        text = self._line()
        if text is None:
            self._mode = _RESPONSE
            return self._starved()
        if not isinstance(text, str):
            return self._give(_FAULT, text)
        response = None if text == "*" else grammar.base64(text)
        if response is None and text != "*":
            return self._give(_FAULT, faults.BAD_BASE64)
        return self._give("AUTH", events.AuthData(response))

    def _skip(self) -> events.Event | Signal:
        if not self._lines.skip(LF):
            return self._starved()
        self._mode = _COMMANDS
        return self._command()

    def _paused(self) -> Signal:
        return PAUSED

    def _over(self) -> Signal:
        return CLOSED

    # Answers

    def send(self, answer: Answer) -> bytes | list[bytes]:
        """The bytes of the answer; a list is written before the next event is taken."""
        if answer is None or self._mode == _OVER:
            return b""
        verb = self._waiting
        self._waiting = ""
        if isinstance(answer, Data):
            return [answer.wire]  # all commands that are answered so leave the state as it is
        if verb == "AUTH" and isinstance(answer, Challenge):
            self._mode = _RESPONSE
            return answer.wire
        if verb and verb != _FAULT:
            self._at.move(verb, answer.ok)
            if verb == "QUIT":
                self._mode = _OVER
        if answer.then:
            self._mode = _OVER if answer.then == "close" else _HANDSHAKE
        if self.words and isinstance(answer, Reply) and answer.text in self.words:
            answer = answer.in_words(self.words[answer.text])
        return answer.wire

    _READ: ClassVar = (_command, _response, _skip, _paused, _over)

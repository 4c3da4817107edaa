"""ServerEngine: the server's side of a ManageSieve dialogue, bytes in, events out, answers in, bytes out.

Driven by net.pump, answered by doors.sieve.
Never decides: what it gives out is grammatical, in sequence and offered; who may do it is the session's to say.
Fails with PeerError only: plaintext before TLS, or more input ahead of an answer than `Limits.ahead`.
"""

from typing import ClassVar

from hatoba.model.status import PeerError, Status
from hatoba.wire.engine import CLOSED, NEED_DATA, PAUSED, Signal
from hatoba.wire.lines import LF, Lines, LineTooLong
from hatoba.wire.managesieve import events, faults, grammar, states
from hatoba.wire.managesieve.grammar import Bad, Word
from hatoba.wire.managesieve.offer import Limits, Offer
from hatoba.wire.managesieve.reply import Challenge, Data, Reply

Answer = Reply | Challenge | Data | None

# What the next octets are.
_LINE, _LITERAL, _HANDSHAKE, _OVER = range(4)

_FAULT, _GREETING = "!", ""  # in place of a verb: a Malformed; nothing that waits for an answer


class ServerEngine:
    """One dialogue. `offer` may be replaced at any time; it binds from the next command on.

    `send` without an open event (the greeting, a farewell) changes no state; `send(None)` says nothing and leaves the
    event open.
    """

    __slots__ = (
        "_eof", "_exchange", "_fault", "_left", "_lines", "_literal", "_mode", "_state", "_waiting", "_words",
        "limits", "offer",
    )  # fmt: skip

    def __init__(self, offer: Offer, limits: Limits) -> None:
        self.offer = offer
        self.limits = limits
        self._lines = Lines()
        self._eof = False
        self._state = states.NON_AUTHENTICATED
        self._mode = _LINE
        self._waiting = _GREETING  # the verb of the event that waits for its answer
        self._exchange = False  # the next command is a response to a challenge
        self._words: list[Word] = []  # of the command that is being read
        self._fault: events.Malformed | None = None  # what is wrong with it: it is read to its end all the same
        self._literal = bytearray()  # what has come of a literal
        self._left = 0  # octets of it that are still to come

    @property
    def buffered(self) -> int:
        """Octets received that no event has eaten, those of an open literal included."""
        return len(self._lines) + len(self._literal) + sum(len(word.octets) for word in self._words)

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
        while not self._waiting:
            found = self._READ[self._mode](self)
            if found is not None:
                return found
        return PAUSED

    def tls_started(self) -> None:
        """Begin anew, as before the greeting. PeerError when plaintext is still here.  # RFC 5804 §2.2"""
        if len(self._lines):
            raise PeerError(Status("5.5.1", "Plaintext behind STARTTLS"))
        self._state = states.NON_AUTHENTICATED
        self._mode = _LINE

    def _starved(self) -> Signal:
        if self._eof:
            self._mode = _OVER
            return CLOSED
        return NEED_DATA

    def _give(self, verb: str, event: events.Event) -> events.Event:
        self._words.clear()
        self._fault = None
        self._waiting = verb
        return event

    # A command is lines with literals between them

    def _line(self) -> events.Event | Signal | None:
        """The next line of a command: the event where it is the last, None where a literal follows."""
        try:
            line = self._lines.line(self.limits.line, LF)
        except LineTooLong:
            return self._give(_FAULT, faults.LONG_LINE)
        if line is None:
            return self._starved()
        octets: int | None = None
        try:
            if line[-1:] != b"\r" or b"\r" in line[:-1] or b"\0" in line:
                raise Bad(faults.BARE)
            if self._fault is not None:
                raise Bad(self._fault)
            octets = grammar.words(line[:-1], self._words)
        except Bad as error:
            self._fault = error.event
            marked = grammar.MARK(line[:-1]) if line[-1:] == b"\r" else None
            octets = int(marked[1]) if marked else None
        return self._complete() if octets is None else self._open(octets)

    def _open(self, octets: int) -> events.Event | None:
        """A literal begins: it is kept where it may be, thrown away where it is wrong or too large."""
        if octets > self.limits.waste:
            return self._give(_FAULT, faults.HUGE)
        script = self._state == states.AUTHENTICATED and not self._exchange
        script = script and grammar.SCRIPT_AT.get(grammar.verb(self._words)) == len(self._words)
        if self._fault is None and octets > (self.limits.script if script else self.limits.string):
            self._fault = faults.TOO_LARGE
        self._left = octets
        self._mode = _LITERAL
        return None

    def _gather(self) -> Signal | None:
        """What has come of a literal."""
        piece = self._lines.take(self._left)
        self._left -= len(piece)
        if self._fault is None:
            self._literal += piece
        if self._left:
            return self._starved()
        if self._fault is None:
            if len(self._words) >= grammar.WORDS_MAX:
                self._fault = faults.SYNTAX
            self._words.append(Word("string", bytes(self._literal)))
        self._literal.clear()
        self._mode = _LINE
        return None

    def _complete(self) -> events.Event:
        """The event of a command that is here to its end."""
        if self._exchange:
            self._exchange = False
            if self._fault is not None:
                return self._give(_FAULT, self._fault)
            try:
                return self._give("AUTHENTICATE", grammar.response(self._words))
            except Bad as error:
                return self._give(_FAULT, error.event)
        verb = grammar.verb(self._words)
        fault = self._wrong(verb) if verb and verb not in states.VERBS else self._fault or self._wrong(verb)
        if fault is not None:
            return self._give(_FAULT, fault)
        try:
            return self._give(verb, self._event(verb))
        except Bad as error:
            return self._give(_FAULT, error.event)

    def _wrong(self, verb: str) -> events.Malformed | None:
        """Why `verb` has no place here and now."""
        if verb not in states.VERBS:
            return faults.strange(verb)
        if verb not in states.NEXT[self._state]:
            return states.why(self._state)
        if verb == "STARTTLS" and not self.offer.tls:
            return faults.NO_TLS
        if verb == "AUTHENTICATE" and not self.offer.mechanisms and self.offer.tls:
            return faults.NEED_TLS
        return None

    def _event(self, verb: str) -> events.Event:
        arguments = self._words[1:]
        if verb == "AUTHENTICATE":
            return grammar.authenticate(arguments, self.offer)
        if verb == "NOOP":
            return grammar.noop(arguments)
        event = grammar.plain(verb, arguments)
        if verb == "STARTTLS" and len(self._lines):  # it would be taken as if sent inside TLS
            raise Bad(faults.INJECTION)
        return event

    def _paused(self) -> Signal:
        return PAUSED

    def _over(self) -> Signal:
        return CLOSED

    # Answers

    def send(self, answer: Answer) -> bytes | list[bytes]:
        """The bytes of the answer; a list is written before the next event is taken."""
        if answer is None or self._mode == _OVER:
            return b""
        verb, self._waiting = self._waiting, _GREETING
        if isinstance(answer, Data):
            return [answer.wire]  # all commands that are answered so leave the state as it is
        if isinstance(answer, Challenge):
            self._exchange = verb == "AUTHENTICATE"
            return answer.wire
        if verb not in (_GREETING, _FAULT) and answer.ok:
            self._state = states.NEXT[self._state][verb]
        if answer.then:
            self._mode = _HANDSHAKE if answer.then == "tls" else _OVER
        return answer.wire

    _READ: ClassVar = (_line, _gather, _paused, _over)

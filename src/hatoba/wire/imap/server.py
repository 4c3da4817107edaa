"""ServerEngine: the server's side of an IMAP dialogue, bytes in, events out, answers in, bytes out.

Driven by net.pump, answered by doors.imap.
Never decides: what it gives out is grammatical, allowed in its state, offered; who may do it is the session's say.
Fails with PeerError only: plaintext before TLS, a broken deflated stream, or more input ahead of an answer than
`Limits.ahead`. ValueError is a bug of the caller's: an answer that fits no open command.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from hatoba.model.status import PeerError, Status
from hatoba.wire.engine import CLOSED, NEED_DATA, PAUSED, Signal
from hatoba.wire.imap import events, responses, states
from hatoba.wire.imap.buffer import Buffer
from hatoba.wire.imap.deflate import Deflate
from hatoba.wire.imap.intake import FAULT, PROCEED, STEP, Intake
from hatoba.wire.imap.offer import Limits, Offer

Said = responses.Answer | bytes
Answer = Said | Sequence[Said] | None

JOIN: Final = 32768  # answers up to this size go out as one piece
_Turns = responses.Tagged | responses.Closing | responses.Continue | responses.Challenge | responses.Untagged


class ServerEngine:
    """One dialogue. `offer` may be replaced at any time; it binds from the next command on.

    `send` takes one answer, or a sequence of them, ready octets among them. The event is answered by its Tagged (or by
    Continue, Challenge, the `reply` of Malformed and Proceed); data before that leaves it open. Without an open event
    data is unsolicited. `stream` is for answers too large for memory.
    """

    __slots__ = ("_at", "_buffer", "_deflate", "_eof", "_event", "_input", "_waiting", "limits", "offer")

    def __init__(self, offer: Offer, limits: Limits) -> None:
        self.offer = offer
        self.limits = limits
        self._buffer = Buffer()
        self._deflate: Deflate | None = None
        self._eof = False
        self._at = states.Dialogue()
        self._waiting = ""  # the verb of the event that waits for its answer
        self._event: events.Event | None = None
        self._input = Intake(self._buffer, self._at)

    # Where the dialogue stands

    @property
    def state(self) -> str:
        """One of states.GREETED, AUTHENTICATED, SELECTED, LOGOUT."""
        return self._at.state

    @property
    def enabled(self) -> frozenset[str]:
        """What was enabled, in capitals; CONDSTORE also by the commands that enable it."""
        return frozenset(self._at.enabled)

    @property
    def utf8(self) -> bool:
        """Names and quoted strings are UTF-8."""
        return self._at.utf8

    @property
    def compressed(self) -> bool:
        return self._at.compressed

    @property
    def buffered(self) -> int:
        """Octets received that no event has eaten."""
        return len(self._buffer) + self._input.held

    def capabilities(self) -> tuple[str, ...]:
        """What to announce now."""
        return self.offer.capabilities(self._at.state not in (states.GREETED, states.LOGOUT), self._at.compressed)

    def deselect(self) -> None:
        """The selected mailbox is gone: none is selected now. (Say Untagged OK with the code CLOSED.)"""
        if self._at.state == states.SELECTED:
            self._at.state = states.AUTHENTICATED

    # Input

    def receive(self, octets: bytes) -> None:
        """Take bytes; b"" is the end of the client's stream. PeerError: too much ahead of an answer."""
        if not octets:
            self._eof = True
        elif not self._input.over:
            self._buffer.feed(octets)
            if self._waiting and len(self._buffer) > self.limits.ahead:
                raise PeerError(Status("4.5.0", "Too much input ahead of an answer"))

    def next_event(self) -> events.Event | Signal:
        """The next event, NEED_DATA, PAUSED (send first) or CLOSED."""
        if self._waiting:
            return PAUSED
        source = self._input
        if source.over:
            return CLOSED
        if source.shaking:
            return PAUSED
        event, self._waiting = source.read(self.offer, self.limits)
        if event is None:
            if self._eof:
                source.end()
                return CLOSED
            return NEED_DATA
        self._event = event
        return event

    def tls_started(self) -> None:
        """Begin anew. PeerError when plaintext is still here.  # RFC 9051 §6.2.1"""
        if len(self._buffer):
            raise PeerError(Status("5.5.1", "Plaintext behind STARTTLS"))
        self._at.begin()
        self._input.begin()

    # Output

    def send(self, answer: Answer) -> bytes | list[bytes]:
        """The octets of the answer; a list where they are many. None says nothing and leaves the event open."""
        if answer is None or self._input.over:
            return b""
        deflate = self._deflate  # what switches it on goes out plainly  # RFC 4978 §3
        if isinstance(answer, list | tuple):
            parts = [self._say(part) for part in answer]
            if deflate is None and len(parts) > 1 and sum(map(len, parts)) > JOIN:
                return parts
            octets = b"".join(parts)
        else:
            octets = self._say(answer)  # type: ignore[arg-type]  # no sequence: bytes are none of list and tuple
        return octets if deflate is None or not octets else deflate.whole(octets)

    def stream(self, pieces: Iterable[Said]) -> Iterator[bytes]:
        """What pump.stream is to write: the pieces, joined to a good size; the Tagged at their end closes the event."""
        deflate = self._deflate
        waiting: list[bytes] = []
        size = 0
        for piece in pieces:
            octets = self._say(piece)
            waiting.append(octets)
            size += len(octets)
            if size >= JOIN:
                joined = b"".join(waiting) if deflate is None else deflate.part(b"".join(waiting))
                waiting, size = [], 0
                if joined:
                    yield joined
        rest = b"".join(waiting) if deflate is None else deflate.whole(b"".join(waiting))
        if rest:
            yield rest

    def _say(self, part: Said) -> bytes:
        """One part as octets. What it does to the dialogue comes behind its writing."""
        if isinstance(part, bytes):
            return part
        wire = part.wire(self._at.utf8)
        if isinstance(part, _Turns) and not self._answered(part):
            return b""
        return wire

    def _answered(self, part: _Turns) -> bool:
        """Closes the open event with `part`, where that does it; False: nothing is to be written."""
        verb, tag = self._waiting, self._tag()
        if isinstance(part, responses.Untagged):
            if verb == FAULT:
                self._waiting = ""
            elif part.status == "PREAUTH":
                self._at.move("LOGIN", "OK")
            return True
        if not verb or (isinstance(part, responses.Tagged) and tag not in ("", part.tag)):
            raise ValueError(f"the command {tag!r} is open, which is not answered by {part!r}")
        if isinstance(part, responses.Continue | responses.Challenge):
            return self._go_on(verb, part)
        self._waiting = ""
        if isinstance(part, responses.Closing):
            self._input.end()
            return True
        if verb in (STEP, PROCEED):
            self._input.abandon()
        elif verb != FAULT:
            self._done(verb, part)
        if part.then == "close":
            self._input.end()
        elif part.then == "tls":
            self._input.shaking = True
        return True

    def _go_on(self, verb: str, part: responses.Continue | responses.Challenge) -> bool:
        """The command is not over: its next octets may come."""
        if verb == "AUTHENTICATE":
            self._input.await_response(self._tag())
        elif verb == "IDLE":
            self._input.await_done(self._tag())
        elif verb not in (PROCEED, STEP):
            raise ValueError(f"{verb} is not answered by {part!r}")
        self._waiting = ""
        return self._input.proceed() if verb == STEP else True

    def _tag(self) -> str:
        return self._event.tag if isinstance(self._event, events.Command) else ""

    def _done(self, verb: str, tagged: responses.Tagged) -> None:
        """# RFC 9051 §3: what the end of a command changes."""
        event, self._event = self._event, None
        self._at.move(verb, tagged.status)
        if tagged.status != "OK":
            return
        self._input.well()
        if isinstance(event, events.Enable):
            self._at.enable(event.names)
        elif verb == "COMPRESS":
            self._at.compressed = True
            self._deflate = Deflate()
            self._buffer.inflate()
        elif verb == "LOGOUT":
            self._input.end()

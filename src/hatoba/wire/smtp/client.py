"""ClientEngine: our side of an SMTP or LMTP dialogue as client. Commands in, octets out; octets in, answers out.

Driven by net.pump for delivery's sessions. Any number of commands may be under way; each reply is matched to its own.
Never waits, never decides what to say next, never looks at a clock.
Fails with PeerError when the peer breaks the protocol, ValueError when the caller does (a command out of order).
"""

import base64
import binascii
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from hatoba.wire.engine import CLOSED, NEED_DATA, PAUSED, Signal
from hatoba.wire.smtp import commands, extensions
from hatoba.wire.smtp.commands import Command
from hatoba.wire.smtp.extensions import Extensions
from hatoba.wire.smtp.outgoing import Stuffing, content
from hatoba.wire.smtp.peer import PeerReply, Replies, fault

__all__ = ["Answer", "ClientEngine", "Extensions", "Greeting", "PeerReply", "Unsolicited", "challenge", "content"]


class Greeting(msgspec.Struct, frozen=True, gc=False):
    """The peer's first words: 220, or 554 and the like. # RFC 5321 §3.1"""

    reply: PeerReply


class Answer(msgspec.Struct, frozen=True, gc=False):
    """The reply to the oldest command under way. `command` is its verb: "MAIL", "RCPT", "." for content …"""

    command: str
    reply: PeerReply


class Unsolicited(msgspec.Struct, frozen=True, gc=False):
    """A 421 nobody asked for: the peer is closing the connection. # RFC 5321 §3.8"""

    reply: PeerReply


# Where the dialogue stands: what may be sent next.
GREETING = "before the greeting"
READY = "ready"  # any command
WAITING = "waiting"  # the command under way must be answered first  # RFC 2920 §3.1
INVITED = "after the 354"  # content
CHALLENGED = "after a 334"  # a SASL response
SECURING = "before TLS"  # nothing until tls_started()
ENDED = "after QUIT"

# command: where it may be sent, where it leads. Those that lead to WAITING end a pipelined group. # RFC 2920 §3.1
_ORDER: dict[type[Command], tuple[str, str]] = {
    commands.MailFrom: (READY, READY),
    commands.RcptTo: (READY, READY),
    commands.DataCommand: (READY, WAITING),
    commands.Content: (INVITED, READY),
    commands.Dot: (INVITED, READY),
    commands.Bdat: (READY, READY),
    commands.Rset: (READY, READY),
    commands.Ehlo: (READY, WAITING),
    commands.Lhlo: (READY, WAITING),
    commands.Helo: (READY, WAITING),
    commands.StartTls: (READY, WAITING),
    commands.AuthCommand: (READY, WAITING),
    commands.AuthResponse: (CHALLENGED, WAITING),
    commands.Vrfy: (READY, WAITING),
    commands.Noop: (READY, WAITING),
    commands.Quit: (READY, ENDED),
}


class ClientEngine:
    """`pending` holds the verbs under way, oldest first; `extensions` what the peer offers now (empty before EHLO
    and again after STARTTLS: what was said in plaintext counts for nothing). # RFC 3207 §4.2
    """

    __slots__ = ("_accepted", "_after", "_ended", "_mode", "_owed", "_replies", "extensions", "lmtp", "pending")

    def __init__(self, lmtp: bool = False) -> None:
        self.lmtp = lmtp
        self.pending: deque[str] = deque()
        self.extensions = Extensions()
        self._replies = Replies()
        self._mode = GREETING
        self._ended = False
        self._after = _LMTP_AFTER if lmtp else _AFTER
        self._accepted = 0  # LMTP: recipients of this transaction, each of which is answered for after the content
        self._owed = 0  # LMTP: replies to this content that are still to come

    @property
    def idle(self) -> bool:
        """Nothing is under way and no content is owed: any command may be sent, QUIT too."""
        return self._mode == READY and not self.pending

    def receive(self, data: bytes) -> None:
        """Octets from the peer; b"" is the end of its stream."""
        if data:
            self._replies.receive(data)
        else:
            self._ended = True

    def next_event(self) -> Greeting | Answer | Unsolicited | Signal:
        """The next event or Signal; several in a row without a send between. PeerError when the peer errs."""
        if self._mode is SECURING:
            return PAUSED
        reply = self._replies.next()
        if reply is None:
            return CLOSED if self._ended else NEED_DATA
        if not self.pending:
            return self._unasked(reply)
        verb = self.pending[0]
        after = self._after.get(verb)
        if after is not None:
            after(self, reply)
        elif 300 <= reply.code < 400:
            raise fault(f"{reply.code} to {verb}: {reply.text}")
        if not self._owed:
            self.pending.popleft()
        return Answer(verb, reply)

    def send(self, answer: Sequence[Command] | None) -> bytes | list[bytes]:
        """The octets of the commands: a list (for writelines) when content is among them, else one bytes.

        ValueError, and nothing is under way that was not before, when a command may not be sent now: before the
        greeting, behind one that must be answered first, several at once without PIPELINING. # RFC 2920 §3.1
        """
        if not answer:
            return b""
        mode, wire, verbs, bulk = self._mode, [], [], False
        for command in answer:
            needed, leads = _ORDER[command.__class__]
            if mode is not needed:
                raise ValueError(f"{command.verb} cannot be sent {mode}")
            mode = leads
            verbs.append(command.verb)
            wire.append(command.wire)
            if command.parts:
                wire += command.parts
                bulk = True
        if len(self.pending) + len(verbs) > 1 and not self.extensions.pipelining:
            raise ValueError("the peer does not offer PIPELINING")
        self._mode = mode
        self.pending += verbs
        return wire if bulk else b"".join(wire)

    def content(self, data: bytes, dotted: bool = True, *, vouched: bool = False) -> list[bytes]:
        """`send([Content(...)])`: see `outgoing.content` for the arguments."""
        parts = content(data, dotted, vouched=vouched)
        self.send((_CONTENT,))
        return parts

    def pieces(self, chunks: Iterable[bytes], dotted: bool = True, *, vouched: bool = False) -> Iterator[bytes]:
        """Content that does not fit the memory, as parts to write, its end included; the reply is expected from then.

        ValueError in the middle on a bare CR or LF: the connection can only be cut then.
        """
        stuffing = Stuffing(dotted, vouched=vouched)
        for chunk in chunks:
            yield from stuffing.piece(chunk)
        end = stuffing.finish()
        self.send((_CONTENT,))
        yield end + b".\r\n"

    def tls_started(self) -> None:
        """The handshake is done (or about to begin): everything said before is forgotten.

        PeerError when plaintext stands behind the 220: it would be read as if it came inside TLS (the class of
        CVE-2011-0411). # RFC 3207 §4.2
        """
        if self._replies.buffered:
            raise fault("plaintext behind the 220 of STARTTLS", "4.7.0")
        self.extensions = Extensions()
        if self._mode is SECURING:
            self._mode = READY

    def _unasked(self, reply: PeerReply) -> Greeting | Unsolicited:
        """The greeting, a 421, or an error."""
        if self._mode is GREETING and not 300 <= reply.code < 400:
            self._mode = READY
            return Greeting(reply)
        if reply.code == 421:
            return Unsolicited(reply)
        raise fault(f"a reply nobody asked for: {reply}")


def challenge(reply: PeerReply) -> bytes:
    """The challenge in a 334. PeerError when it is not base64. # RFC 4954 §4"""
    try:
        return base64.b64decode(reply.text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        raise fault(f"a challenge that is no base64: {reply}", "4.5.2") from None


def _data(engine: ClientEngine, reply: PeerReply) -> None:
    if reply.code == 354:
        if engine.lmtp and not engine._accepted:  # RFC 2033 §4.2
            raise fault("354 without an accepted recipient")
        engine._mode = INVITED
    elif reply.code < 400:
        raise fault(f"{reply.code} to DATA: {reply.text}")
    else:
        engine._mode = READY


def _auth(engine: ClientEngine, reply: PeerReply) -> None:
    if 300 <= reply.code < 400 and reply.code != 334:
        raise fault(f"{reply.code} to AUTH: {reply.text}")
    engine._mode = CHALLENGED if reply.code == 334 else READY


def _starttls(engine: ClientEngine, reply: PeerReply) -> None:
    _settled(engine, reply)
    if reply.code == 220:
        engine._mode = SECURING


def _hello(engine: ClientEngine, reply: PeerReply) -> None:
    _settled(engine, reply)
    engine._accepted = 0
    engine.extensions = extensions.parse(reply)


def _settled(engine: ClientEngine, reply: PeerReply) -> None:
    if 300 <= reply.code < 400:
        raise fault(f"{reply.code} out of place: {reply.text}")
    engine._mode = READY


def _helo(engine: ClientEngine, reply: PeerReply) -> None:
    _settled(engine, reply)
    engine.extensions = Extensions()


def _rcpt(engine: ClientEngine, reply: PeerReply) -> None:
    if 300 <= reply.code < 400:
        raise fault(f"{reply.code} to RCPT: {reply.text}")
    engine._accepted += reply.code < 300


def _restart(engine: ClientEngine, reply: PeerReply) -> None:
    if 300 <= reply.code < 400:
        raise fault(f"{reply.code} out of place: {reply.text}")
    if reply.code < 300:
        engine._accepted = 0


def _final(engine: ClientEngine, reply: PeerReply) -> None:
    """One reply for each accepted recipient; one in all where there is none. # RFC 2033 §4.2"""
    if 300 <= reply.code < 400:
        raise fault(f"{reply.code} to the content: {reply.text}")
    engine._owed = (engine._owed or max(1, engine._accepted)) - 1
    if not engine._owed:
        engine._accepted = 0


_CONTENT = commands.Dot()

# What an answer changes; a verb that is not here changes nothing.
_AFTER: dict[str, Callable[[ClientEngine, PeerReply], None]] = {
    "DATA": _data,
    "EHLO": _hello,
    "LHLO": _hello,
    "HELO": _helo,
    "STARTTLS": _starttls,
    "AUTH": _auth,
    "VRFY": _settled,
    "NOOP": _settled,
}
_LMTP_AFTER = _AFTER | {"RCPT": _rcpt, "MAIL": _restart, "RSET": _restart, ".": _final, "BDAT LAST": _final}

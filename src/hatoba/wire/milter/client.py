"""MilterEngine: our side of the dialogue with a filter. Commands in, octets out; octets in, replies out.

Driven by net.pump for net.milter. One command waits for its reply at a time; those not answered go out at once.
Never waits, never decides what to say next, never looks at a clock.
Fails with PeerError when the filter breaks the protocol, ValueError when the caller does (a command out of order).
"""

import struct
from collections.abc import Sequence

from hatoba.wire.engine import CLOSED, NEED_DATA, Signal
from hatoba.wire.milter import commands, replies, states, terms
from hatoba.wire.milter.commands import Command
from hatoba.wire.milter.replies import Negotiated, Reply, wrong
from hatoba.wire.milter.states import RULES, State
from hatoba.wire.milter.terms import NOTHING, Action, Step

_BUFFER_MOST = 2 * terms.PACKET_MOST


class MilterEngine:
    """`macros` are told stage by stage, as far as they have values: b"i" and b"{auth_type}" are names of some.

    `pending` is the command whose reply is due. `negotiated` is None before the filter has answered Negotiate.
    """

    __slots__ = ("_buffer", "_changes", "_ended", "_offered", "macros", "negotiated", "pending", "piece", "state")

    def __init__(self) -> None:
        self.macros: dict[bytes, bytes] = {}
        self.negotiated: Negotiated | None = None
        self.pending: Command | None = None
        self.piece = terms.SIZE_64K  # octets of the body that one packet may carry
        self.state = State.NEW
        self._offered = commands.Negotiate(Action(0), NOTHING)
        self._buffer = bytearray()
        self._changes = 0
        self._ended = False

    # ---- the three verbs

    def receive(self, data: bytes) -> None:
        """Octets from the filter; b"" is the end of its stream."""
        if not data:
            self._ended = True
            return
        self._buffer += data
        if len(self._buffer) > _BUFFER_MOST:
            raise wrong("more said than was asked")

    def next_event(self) -> Reply | Signal:
        """The next reply or Signal; several in a row without a send between. PeerError when the filter errs."""
        buffer = self._buffer
        if len(buffer) < 4:
            return self._starved()
        (length,) = struct.unpack_from(">I", buffer)
        if not 1 <= length <= terms.PACKET_MOST:
            raise wrong(f"a packet of {length} octets")
        if len(buffer) < 4 + length:
            return self._starved()
        code, data = bytes(buffer[4:5]), bytes(buffer[5 : 4 + length])
        del buffer[: 4 + length]
        reply = replies.read(code, data)
        self._judge(reply)
        return reply

    def send(self, answer: Command | Sequence[Command] | None) -> bytes:
        """The octets of one command or several: with its macros, b"" for those the filter does not want.

        `pending` tells afterwards whether a reply is due. ValueError when a command may not be sent now.
        """
        if answer is None:
            return b""
        if isinstance(answer, Command):
            return self._say(answer)
        return b"".join([self._say(command) for command in answer])

    def tls_started(self) -> None:
        """The protocol knows no TLS of its own; a connection under TLS has had its handshake before."""

    # ---- what the caller asks

    def wants(self, kind: type[Command]) -> bool:
        """Whether the filter is to be told such a command at all."""
        agreed = self.negotiated
        if agreed is None:
            return True
        return agreed.version >= states.SINCE.get(kind, 0) and not agreed.steps & RULES[kind].left_out

    def answers(self, kind: type[Command]) -> bool:
        """Whether it is told such a command and says something to it."""
        agreed = self.negotiated
        return self.wants(kind) and not (agreed is not None and agreed.steps & RULES[kind].unanswered)

    @property
    def leading(self) -> bool:
        """Values of fields begin with the white space behind the colon, in both directions."""
        return self.negotiated is not None and bool(self.negotiated.steps & Step.LEADING_SPACE)

    # ---- within

    def _say(self, command: Command) -> bytes:
        kind = command.__class__
        rule = RULES[kind]
        if self.pending is not None and rule.answered:
            raise ValueError(f"{kind.__name__} while {self.pending.__class__.__name__} waits for its reply")
        if self.state not in rule.where:
            raise ValueError(f"{kind.__name__} cannot be sent {self.state.value}")
        if kind is commands.Body and len(command.payload(False)) > self.piece:
            raise ValueError(f"a piece above {self.piece} octets")
        if not self.wants(kind):
            if kind is commands.QuitNew:
                raise ValueError("the filter knows no QuitNew")
            self._goes(rule)
            return b""
        wire = self._told(command) + commands.packet(command.code, command.payload(self.leading))
        self._goes(rule)
        if isinstance(command, commands.Negotiate):
            self._offered = command
        self.pending = command if rule.answered and self.answers(kind) else None
        return wire

    def _goes(self, rule: states.Rule) -> None:
        if rule.leads is not None:
            self.state = rule.leads
        if rule.leads in (State.READY, State.MAIL):
            self._changes = 0

    def _told(self, command: Command) -> bytes:
        """The macros of the command's stage."""
        stage = command.stage
        if not stage:
            return b""
        wanted = self.negotiated.macros.get(stage) if self.negotiated is not None else None
        names = terms.MACROS[stage] if wanted is None else wanted
        words = [word for name in names for word in self._macro(name)]
        return commands.packet(b"D", command.code + commands.text(*words)) if words else b""

    def _macro(self, name: bytes) -> tuple[bytes, ...]:
        """Name and value; a filter may write the braces of a long name or leave them out."""
        value = self.macros.get(name) or self.macros.get(b"{" + name + b"}")
        return (name, value) if value else ()

    def _starved(self) -> Signal:
        if not self._ended:
            return NEED_DATA
        if self._buffer:
            raise wrong("a packet that is cut short")
        return CLOSED

    def _judge(self, reply: Reply) -> None:
        """Whether it may be said now, and what follows from it."""
        pending = self.pending
        if pending is None:
            if not isinstance(reply, replies.Shutdown | replies.ConnectionFailure):
                raise wrong(f"{reply.__class__.__name__} that nobody asked for")
            return
        if isinstance(pending, commands.Negotiate) != isinstance(reply, Negotiated):
            raise wrong(f"{reply.__class__.__name__} to {pending.__class__.__name__}")
        if isinstance(reply, Negotiated):
            self._agree(reply)
        elif isinstance(reply, replies.VERDICTS):
            self._verdict(reply, pending)
        elif not isinstance(reply, replies.Progress):
            self._change(reply, pending)

    def _agree(self, reply: Negotiated) -> None:
        offered = self._offered
        if reply.version > offered.version:
            raise wrong(f"version {reply.version} of the protocol")
        if int(reply.actions) & ~int(offered.actions) or int(reply.steps) & ~int(offered.steps):
            raise wrong("a negotiation for more than was offered")
        self.negotiated = reply
        self.pending = None
        self.piece = next((size for flag, size in terms.SIZES if reply.steps & flag), terms.SIZE_64K)

    def _verdict(self, reply: Reply, pending: Command) -> None:
        if isinstance(reply, replies.Skip) and not (
            isinstance(pending, commands.Body) and self.negotiated and self.negotiated.steps & Step.SKIP
        ):
            raise wrong(f"Skip to {pending.__class__.__name__}")
        self.pending = None
        ends = isinstance(reply, replies.FINAL) and not (
            isinstance(pending, commands.Rcpt) and not isinstance(reply, replies.Accept | replies.Discard)
        )  # a recipient that is refused leaves the letter as it is
        if ends or isinstance(pending, commands.End):
            self.state = State.CONNECTED

    def _change(self, reply: Reply, pending: Command) -> None:
        name = reply.__class__.__name__
        if not isinstance(pending, commands.End):
            raise wrong(f"{name} before the end of the letter")
        if self.negotiated is None or not self.negotiated.actions & states.NEEDS[reply.__class__]:
            raise wrong(f"{name} without having negotiated it")
        if not isinstance(reply, replies.ReplaceBody):
            self._changes += 1
            if self._changes > terms.CHANGES_MOST:
                raise wrong(f"more than {terms.CHANGES_MOST} changes")

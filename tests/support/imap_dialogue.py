"""A session without a policy for the IMAP engine, and a connection without a wire.

Used by the dialogue and property tests of wire.imap.
Never refuses what the engine lets through, but for mailboxes called "refused" and SASL answers other than "secret".
Fails with what the engine fails with.
"""

from hatoba.wire.engine import Signal
from hatoba.wire.imap import events, fetched, responses
from hatoba.wire.imap.offer import Limits, Offer
from hatoba.wire.imap.responses import Tagged
from hatoba.wire.imap.server import Answer, ServerEngine

OFFER = Offer(tls=True, mechanisms=("PLAIN",), append_limit=1000)
LIMITS = Limits(command=2000, literal=300, early_command=400, early_literal=40, response=200, piece=64)


def answer(engine: ServerEngine, event: events.Event) -> Answer:
    """What is said to an event."""
    match event:
        case events.Malformed(reply=reply) | events.Proceed(reply=reply):
            return reply
        case events.Piece():
            return None
        case events.Append(mailbox="refused") | events.Url(mailbox="refused"):
            return Tagged(event.tag, "NO", "No such mailbox", "TRYCREATE")
        case events.Append() | events.Text() | events.Url():
            return responses.GO_AHEAD
        case events.AppendEnd(fault=fault):
            return fault or Tagged(event.tag, "OK", "Appended")
        case events.Authenticate(initial=None):
            return responses.Challenge(b"go")
        case events.Authenticate(initial=data) | events.Response(data=data):
            if data is None:
                return Tagged(event.tag, "BAD", "Cancelled")
            return Tagged(event.tag, "OK" if data == b"secret" else "NO", "Heard")
    return _command(engine, event)


def _command(engine: ServerEngine, event: events.Event) -> Answer:
    assert isinstance(event, events.Command)
    done = Tagged(event.tag, "OK", type(event).__name__)
    match event:
        case events.Capability():
            return responses.Capability(engine.capabilities()), done
        case events.Logout():
            return responses.Untagged("BYE", "Goodbye"), done
        case events.Enable(names=names):
            return [responses.Enabled(names), done]
        case events.Idle():
            return responses.Continue("idling")
        case events.StartTls():
            return Tagged(event.tag, "OK", "Begin", then="tls")
        case events.Select(mailbox="refused"):
            return Tagged(event.tag, "NO", "No such mailbox", "NONEXISTENT")
        case events.Select():
            return responses.Flags(("\\Seen",)), responses.Exists(1), done
        case events.List(patterns=patterns):
            return *(responses.List((), name) for name in patterns), done
        case events.Fetch(items=items):
            labels: list[bytes] = [getattr(item, "label", b"X") for item in items]
            return fetched.fetch(1, [(label, b"NIL") for label in labels]), done
    return done


class Bare:
    """`said` are the octets not yet looked at, `seen` all events."""

    def __init__(self, offer: Offer = OFFER, limits: Limits = LIMITS) -> None:
        self.engine = ServerEngine(offer, limits)
        self.said = b""
        self.seen: list[events.Event] = []

    def hear(self, data: bytes) -> Signal:
        """Takes octets and answers all events."""
        self.engine.receive(data)
        while not isinstance(event := self.engine.next_event(), Signal):
            self.seen.append(event)
            said = self.engine.send(answer(self.engine, event))
            self.said += said if isinstance(said, bytes) else b"".join(said)
        return event


def heard(command: str | bytes, *before: str, limits: Limits | None = None, given: Offer | None = None) -> events.Event:
    """The last event that comes of a command in the selected state."""
    bare = Bare(given or Offer(), limits or Limits())
    for line in ("z LOGIN a b", "z SELECT INBOX", *before):
        bare.hear(line.encode() + b"\r\n")
    bare.seen.clear()
    bare.hear(b"t " + (command.encode() if isinstance(command, str) else command) + b"\r\n")
    return bare.seen[-1]


def refused(command: str | bytes, *before: str) -> responses.Tagged:
    event = heard(command, *before)
    assert isinstance(event, events.Malformed | events.AppendEnd), event
    reply = event.reply if isinstance(event, events.Malformed) else event.fault
    assert isinstance(reply, responses.Tagged)
    return reply

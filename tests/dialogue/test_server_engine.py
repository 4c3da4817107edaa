"""The scripts of tests/dialogue/smtp against the bare server engine, whole and octet by octet."""

from pathlib import Path

import pytest
from tests.dialogue import script

from hatoba.wire.engine import Signal
from hatoba.wire.smtp import events, offer
from hatoba.wire.smtp.reply import Challenge, Reply
from hatoba.wire.smtp.server import Answer, ServerEngine

PLAIN_ANSWERS: dict[type, Answer] = {
    events.Mail: Reply(250, "2.1.0", "Ok"),
    events.Data: Reply(354, "", "Go ahead"),
    events.Content: Reply(250, "2.0.0", "Ok"),
    events.Rset: Reply(250, "2.0.0", "Ok"),
    events.Noop: Reply(250, "2.0.0", "Ok"),
    events.Vrfy: Reply(252, "2.1.5", "Try it"),
    events.Expn: Reply(252, "2.1.5", "Try it"),
    events.Help: Reply(214, "2.0.0", "RFC 5321"),
    events.Quit: Reply(221, "2.0.0", "Bye", then="close"),
    events.StartTls: Reply(220, "2.0.0", "Go ahead", then="tls"),
    events.Xclient: Reply(220, "", "bare.example"),
}


def answer(engine: ServerEngine, event: events.Event) -> Answer:
    """What a session without a policy says."""
    match event:
        case events.Malformed(reply=reply):
            return reply
        case events.Hello(verb="HELO"):
            return Reply(250, "", engine.offer.hostname)
        case events.Hello():
            return offer.greeting(engine.offer)
        case events.Rcpt(recipient=recipient):
            refused = recipient.address.local == "refused"
            return Reply(550, "5.1.1", "No such user") if refused else Reply(250, "2.1.5", "Ok")
        case events.End(fault=fault):
            return fault or Reply(250, "2.6.0", "Taken")
        case events.Content(due=False):
            return None
        case events.Auth(initial=None):
            return Challenge(b"")
        case events.Auth() | events.AuthData(data=bytes()):
            return Reply(235, "2.7.0", "Authenticated")
        case events.AuthData():
            return Reply(501, "5.7.0", "Cancelled")
    return PLAIN_ANSWERS[type(event)]


def engine_for(needs: dict[str, str]) -> ServerEngine:
    size = int(needs.get("size", 1_000_000))
    offered = offer.Offer(
        "bare.example",
        size=size,
        tls="tls" in needs,
        mechanisms=("PLAIN", "LOGIN") if "auth" in needs else (),
        xclient=("NAME", "ADDR") if "xclient" in needs else (),
    )
    return ServerEngine(offered, offer.Limits(size=size), lmtp="lmtp" in needs)


class Bare:
    """A connection without a wire."""

    def __init__(self, engine: ServerEngine) -> None:
        self.engine = engine
        self.said = b""

    def hear(self, data: bytes) -> Signal:
        self.engine.receive(data)
        while not isinstance(event := self.engine.next_event(), Signal):
            self.said += self.engine.send(answer(self.engine, event))
        return event


@pytest.mark.parametrize("step", [0, 1, 7], ids=["whole", "octets", "sevens"])
@pytest.mark.parametrize("path", script.paths(), ids=lambda path: path.stem)
def test_script(path: Path, step: int) -> None:
    play = script.read(path)
    step = 0 if "injection" in path.stem else step  # what is injected must be there with the command
    bare = Bare(engine_for(play.needs))
    lines: list[str] = []
    for move in play.steps:
        if move.kind == "send":
            width = step or len(move.data)
            for at in range(0, len(move.data), width):
                bare.hear(move.data[at : at + width])
        elif move.kind == "closed":
            assert not bare.said
            assert bare.engine.next_event() is Signal.CLOSED
        else:
            if move.kind == "reply":
                reply = script.take_reply(bare.said)
                assert reply is not None, f"line {move.line}: no reply"
                lines, bare.said = reply
            assert script.differs(move, lines) == ""
    assert not bare.said

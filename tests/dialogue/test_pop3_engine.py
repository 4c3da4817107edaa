"""The scripts of tests/dialogue/pop3 against the bare POP3 engine, whole and octet by octet."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.dialogue import line_play, script

from hatoba.wire.pop3 import content, events, languages, offer
from hatoba.wire.pop3.reply import Challenge, Data, Reply
from hatoba.wire.pop3.server import Answer, ServerEngine

LETTERS = (b"Subject: one\r\n\r\nfirst\r\n.\r\n.dotted\r\nlast\r\n", b"Subject: two\r\n\r\nno end of line")
SIZES = (47, 38)  # as a store might count them: they are the session's to say, not the engine's

OK, NO = Reply(True), Reply(False)
SCRIPTS = Path(__file__).parent / "pop3"


class Drop:
    """A session without a policy, with a maildrop of two letters."""

    def __init__(self, engine: ServerEngine) -> None:
        self.engine = engine
        self.gone: set[int] = set()

    def left(self) -> list[int]:
        return [number for number in (1, 2) if number not in self.gone]

    def answer(self, event: Any) -> Answer:
        if isinstance(event, events.Malformed):
            return event.reply
        return ANSWERS[type(event)](self, event)

    def stat(self, event: events.Stat) -> Answer:
        left = self.left()
        return Reply(True, f"{len(left)} {sum(SIZES[n - 1] for n in left)}")

    def each(self, event: events.List | events.Uidl) -> Answer:
        facts = {n: SIZES[n - 1] if isinstance(event, events.List) else f"u{n}" for n in self.left()}
        if event.number:
            return Reply(True, f"{event.number} {facts[event.number]}") if event.number in facts else NO
        lines = [f"{n} {fact}".encode() for n, fact in facts.items()]
        return Data(f"+OK {len(lines)}\r\n".encode() + b"".join(content.listing(lines)))

    def retr(self, event: events.Retr) -> Answer:
        if event.number not in self.left():
            return Reply(False, "No such message")
        return content.letter(LETTERS[event.number - 1], SIZES[event.number - 1])

    def top(self, event: events.Top) -> Answer:
        if event.number not in self.left():
            return NO
        pieces = content.top((LETTERS[event.number - 1],), event.lines)
        return Data(b"+OK\r\n" + b"".join(content.stuffed(pieces)))

    def dele(self, event: events.Dele) -> Answer:
        if event.number not in self.left():
            return NO
        self.gone.add(event.number)
        return OK

    def rset(self, event: events.Rset) -> Answer:
        self.gone.clear()
        return OK

    def lang(self, event: events.Lang) -> Answer:
        if not event.tag:
            return content.listed("Languages", [f"{tag} {name}" for tag, name in languages.NAMES.items()])
        chosen = languages.choose(event.tag)
        if chosen is None:
            return NO
        self.engine.words = languages.JA if chosen == "ja" else {}
        return Reply(True, chosen)


ANSWERS: dict[type, Callable[[Drop, Any], Answer]] = {
    events.Capa: lambda drop, _: offer.capabilities(drop.engine.offer, False),
    events.User: lambda drop, _: OK,
    events.Pass: lambda drop, event: Reply(False, "No", "AUTH") if event.secret == "wrong" else OK,
    events.Auth: lambda drop, event: Challenge(b"") if event.initial is None else OK,
    events.AuthData: lambda drop, event: Reply(False, "Cancelled") if event.data is None else OK,
    events.Mechanisms: lambda drop, _: content.listed("Mechanisms", drop.engine.offer.mechanisms),
    events.Stls: lambda drop, _: Reply(True, "Begin TLS", then="tls"),
    events.Utf8: lambda drop, _: OK,
    events.Lang: Drop.lang,
    events.Stat: Drop.stat,
    events.List: Drop.each,
    events.Uidl: Drop.each,
    events.Retr: Drop.retr,
    events.Top: Drop.top,
    events.Dele: Drop.dele,
    events.Rset: Drop.rset,
    events.Noop: lambda drop, _: OK,
    events.Quit: lambda drop, _: Reply(True, "Bye", then="close"),
}


def engine_for(needs: dict[str, str]) -> ServerEngine:
    offered = offer.Offer(
        tls="tls" in needs,
        user="user" in needs,
        mechanisms=("PLAIN", "LOGIN") if "auth" in needs else (),
        implementation="bare",
    )
    return ServerEngine(offered, offer.Limits(line=int(needs.get("line", 12288))))


@pytest.mark.parametrize("step", [0, 1, 7], ids=["whole", "octets", "sevens"])
@pytest.mark.parametrize("path", sorted(SCRIPTS.glob("*.txt")), ids=lambda path: path.stem)
def test_script(path: Path, step: int) -> None:
    played = script.read(path)
    engine = engine_for(played.needs)
    line_play.play(played, engine, Drop(engine).answer, step)

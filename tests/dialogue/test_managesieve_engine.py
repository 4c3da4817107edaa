"""The scripts of tests/dialogue/managesieve against the bare ManageSieve engine, whole and octet by octet."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.dialogue import line_play, script

from hatoba.wire.managesieve import events, offer
from hatoba.wire.managesieve.reply import Challenge, Data, Reply, listed, string
from hatoba.wire.managesieve.reply import script as fetched
from hatoba.wire.managesieve.server import Answer, ServerEngine

OK = Reply("OK")
NONE = Reply("NO", "There is none", "NONEXISTENT")
SCRIPTS = Path(__file__).parent / "managesieve"


class Cabinet:
    """A session without a policy: scripts in memory, of which those that say "error" do not compile."""

    def __init__(self, engine: ServerEngine) -> None:
        self.engine = engine
        self.scripts: dict[str, bytes] = {}
        self.active = ""

    def answer(self, event: Any) -> Answer:
        if isinstance(event, events.Malformed):
            return event.reply
        return ANSWERS[type(event)](self, event)

    def space(self, event: events.HaveSpace) -> Answer:
        return OK if event.size <= 1000 else Reply("NO", "No", "QUOTA/MAXSIZE")

    def check(self, event: events.CheckScript | events.PutScript) -> Answer:
        if event.content == b"error":
            return Reply("NO", "line 1: error")
        if isinstance(event, events.PutScript):
            self.scripts[event.name] = event.content
        return OK

    def listing(self, event: events.ListScripts) -> Answer:
        return listed([(name, name == self.active) for name in self.scripts], OK)

    def get(self, event: events.GetScript) -> Answer:
        return fetched(self.scripts[event.name], OK) if event.name in self.scripts else NONE

    def activate(self, event: events.SetActive) -> Answer:
        if event.name and event.name not in self.scripts:
            return NONE
        self.active = event.name
        return OK

    def delete(self, event: events.DeleteScript) -> Answer:
        if event.name == self.active:
            return Reply("NO", "It is active", "ACTIVE")
        return OK if self.scripts.pop(event.name, None) is not None else NONE

    def rename(self, event: events.RenameScript) -> Answer:
        if event.old not in self.scripts:
            return NONE
        if event.new in self.scripts:
            return Reply("NO", "It is there", "ALREADYEXISTS")
        self.scripts[event.new] = self.scripts.pop(event.old)
        self.active = event.new if self.active == event.old else self.active
        return OK

    def noop(self, event: events.Noop) -> Answer:
        return OK if event.tag is None else Reply("OK", "Done", f"TAG {string(event.tag).decode()}")


ANSWERS: dict[type, Callable[[Cabinet, Any], Answer]] = {
    events.Capability: lambda cabinet, _: offer.capabilities(cabinet.engine.offer, OK),
    events.Authenticate: lambda cabinet, event: Challenge(b"") if event.initial is None else OK,
    events.Response: lambda cabinet, event: Reply("NO", "Cancelled") if event.data is None else OK,
    events.StartTls: lambda cabinet, _: Reply("OK", "Begin TLS", then="tls"),
    events.Logout: lambda cabinet, _: Reply("OK", "Bye", then="close"),
    events.Unauthenticate: lambda cabinet, _: OK,
    events.Noop: Cabinet.noop,
    events.HaveSpace: Cabinet.space,
    events.PutScript: Cabinet.check,
    events.CheckScript: Cabinet.check,
    events.ListScripts: Cabinet.listing,
    events.GetScript: Cabinet.get,
    events.SetActive: Cabinet.activate,
    events.DeleteScript: Cabinet.delete,
    events.RenameScript: Cabinet.rename,
}


def engine_for(needs: dict[str, str]) -> ServerEngine:
    offered = offer.Offer(
        "bare",
        tls="tls" in needs,
        mechanisms=("PLAIN", "LOGIN") if "auth" in needs else (),
        sieve="fileinto vacation",
        notify="mailto",
        redirects=4,
    )
    numbers = {name: int(value) for name, value in needs.items() if value}
    return ServerEngine(offered, offer.Limits(**numbers))


@pytest.mark.parametrize("step", [0, 1, 7], ids=["whole", "octets", "sevens"])
@pytest.mark.parametrize("path", sorted(SCRIPTS.glob("*.txt")), ids=lambda path: path.stem)
def test_script(path: Path, step: int) -> None:
    played = script.read(path)
    engine = engine_for(played.needs)
    line_play.play(played, engine, Cabinet(engine).answer, step)


def test_a_list_of_no_scripts_is_its_ok() -> None:
    assert listed([], OK) == Data(b"OK\r\n")

"""hold, release, retry and drop from the command line: the letter obeys, and the journal names who ordered it."""

import getpass
import os

from tests.support import post, report
from tests.support.town import ALICE, Town
from tests.support.wait import until

BY = f"cli:{os.environ.get('SUDO_USER') or getpass.getuser()}"
LATER = "450 4.2.1 Not now"


def waiting(town: Town, to: str) -> str:
    """A letter that was refused for now."""
    letter = town.send(ALICE, to)
    post.story_with(town.node, letter, "deferred")
    return letter


def state(town: Town, letter: str) -> str:
    rows = town.node.json("queue", "show", letter)
    return str(rows[0]["state"]) if rows else "gone"


def orders(town: Town, letter: str) -> list[tuple[str, str, str]]:
    tale = post.story(town.node, letter)
    return [
        (entry["kind"], entry["form"]["by"], entry["form"].get("reason", ""))
        for entry in tale["entries"]
        if entry["form"].get("by")
    ]


def held(town: Town, letter: str, *words: str) -> None:
    """Orders the hold until it has met the letter at rest, not in the middle of an attempt."""
    town.node.cli("queue", "hold", letter, *words)
    until(lambda: state(town, letter) == "held", "held", every=0.2)


def test_hold_release(town: Town) -> None:
    with town.peer("hold.example", {"RCPT": LATER}) as peer:
        letter = waiting(town, "bob@hold.example")
        held(town, letter, "--reason", "looked at")
        peer.stages["RCPT"] = "250 2.1.5 Ok"
        tale = post.story(town.node, letter)
        assert tale["waiting"][0]["binds"] == ["held"]
        town.node.cli("queue", "release", letter)
        assert peer.wait_letters(1, 60)
        post.story_with(town.node, letter, "delivered")
    assert orders(town, letter) == [("held", BY, "looked at"), ("released", BY, "")]


def test_a_held_lane_holds_what_comes(town: Town) -> None:
    with town.peer("lane.example") as peer:
        first = town.send(ALICE, "bob@lane.example")
        post.story_with(town.node, first, "delivered")
        lane = "mx:mx.lane.example"
        town.node.cli("queue", "hold", "--lane", lane, "--reason", "maintenance")
        second = town.send(ALICE, "bob@lane.example")
        assert "lane held: maintenance" in post.story(town.node, second)["waiting"][0]["binds"]
        assert len(peer.letters) == 1
        town.node.cli("queue", "release", "--lane", lane)
        peer.wait_letters(2, 60)


def test_drop_is_silent_unless_told(town: Town) -> None:
    with town.peer("drop.example", {"RCPT": LATER}):
        silent = waiting(town, "silent@drop.example")
        told = waiting(town, "told@drop.example")
        town.node.cli("queue", "drop", silent, "--reason", "spam")
        town.node.cli("queue", "drop", told, "--reason", "not wanted here", "--bounce")
        dsn = report.read(town.alice.holding(b"told@drop.example"))
        tale = post.story_with(town.node, silent, "dropped")
    assert dsn.of("told@drop.example")["Action"] == "failed"
    assert state(town, silent) == state(town, told) == "gone"
    assert not tale["queued"]
    assert "bounced" not in post.kinds(tale)
    assert ("dropped", BY, "spam") in orders(town, silent)
    assert not any(b"silent@drop.example" in octets for octets in town.alice.letters())

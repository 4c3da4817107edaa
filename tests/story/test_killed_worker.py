"""kill -9 of one worker: the other goes on, a new one takes the place, and what was queued there is delivered."""

import os
import signal
import smtplib
from pathlib import Path

from tests.support.town import Town
from tests.support.wait import until

COUNT = 30


def test_the_other_goes_on(tmp_path: Path) -> None:
    with Town(tmp_path, workers=2) as town, town.peer("away.example", {"banner": "421 4.3.2 Not yet"}) as peer:
        sent = {town.send("carol@example.org", f"bob{n}@away.example") for n in range(COUNT)}
        before = town.node.workers()
        victim = before[0]
        os.kill(victim, signal.SIGKILL)
        refused = 0
        for n in range(COUNT, 2 * COUNT):  # some meet the dead one's socket and wait there, none is refused
            try:
                sent.add(town.send("carol@example.org", f"bob{n}@away.example"))
            except (OSError, smtplib.SMTPException):
                refused += 1  # it was in the dead worker's hands
        until(lambda: len(town.node.workers()) == 2 and victim not in town.node.workers(), "a new worker")
        peer.stages["banner"] = "220 here now"
        peer.wait_letters(len(sent), 60)
        until(lambda: town.node.json("queue", "ls") == [], "an empty queue", every=0.3)
        assert before[1] in town.node.workers()
        town.node.end()
        audit = town.node.audit()
    assert refused == 0
    assert (audit.faults, audit.lost, audit.queued) == ([], set(), set())
    assert len(audit.accepted) == 2 * COUNT
    assert {letter.recipients[0] for letter in peer.letters} == {f"bob{n}@away.example" for n in range(2 * COUNT)}

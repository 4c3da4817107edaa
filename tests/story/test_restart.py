"""Stops and starts: what is queued stays queued, what is in progress ends first, and every letter arrives once."""

from collections import Counter
from pathlib import Path

import pytest
from tests.support import post
from tests.support.smtp_peer import Delay
from tests.support.town import Town
from tests.support.wait import until

COUNT = 40


def numbered(number: int) -> bytes:
    return post.LETTER.replace(b"a letter", b"number %d" % number)


@pytest.mark.parametrize("how", ["SIGTERM", "kill -9"])
def test_nothing_queued_is_lost(tmp_path: Path, how: str) -> None:
    with Town(tmp_path, workers=2) as town, town.peer("away.example", {"banner": "421 4.3.2 Not yet"}) as peer:
        sent = {town.send("carol@example.org", f"bob{n}@away.example", numbered(n)) for n in range(COUNT)}
        if how == "SIGTERM":
            town.node.end()
        else:
            town.node.kill()
        audit = town.node.audit()
        assert audit.faults == []
        assert len(audit.queued) == COUNT
        peer.stages["banner"] = "220 here now"
        town.node.start()
        peer.wait_letters(COUNT, 60)
        until(lambda: town.node.json("queue", "ls") == [], "an empty queue", every=0.3)
        town.node.end()
        audit = town.node.audit()
    came = Counter(letter.recipients[0] for letter in peer.letters)
    assert came == {f"bob{n}@away.example": 1 for n in range(COUNT)}
    assert (len(sent), len(audit.accepted), audit.queued, audit.lost) == (COUNT, COUNT, set(), set())


def test_sigterm_lets_a_letter_and_a_delivery_end(tmp_path: Path) -> None:
    """A client in the middle of DATA, one that idles, and a peer that thinks before it answers the dot."""
    with Town(tmp_path) as town, town.peer("slow.example", {"CONTENT": Delay(2.0, "250 2.0.0 Ok")}) as peer:
        first = town.send("carol@example.org", "bob@slow.example", numbered(1))
        until(lambda: peer.connections and any("C: DATA" in c.dialogue for c in peer.connections), "the peer's turn")
        busy, idle = post.dial(town.mx), post.dial(town.mx)
        for line in ("MAIL FROM:<carol@example.org>", "RCPT TO:<bob@slow.example>", "DATA"):
            code, _ = busy.docmd(line)
        assert code == 354
        busy.send(b"Subject: number 2\r\n\r\nthe first half\r\n")
        assert town.node.process is not None
        town.node.process.terminate()
        assert idle.getreply()[0] == 421
        busy.send(b"the second half\r\n.\r\n")
        assert busy.getreply()[0] == 250
        assert busy.getreply()[0] == 421
        for client in (busy, idle):
            client.close()
        assert town.node.process.wait(60) == 0
        audit = town.node.audit()
        assert len(audit.accepted) == 2
        assert audit.lost == set()
        town.node.start()
        letters = peer.wait_letters(2, 60)
        assert post.kinds(post.story(town.node, first)) == ["accepted", "delivered"]
        assert any(letter.content.endswith(b"the first half\r\nthe second half\r\n") for letter in letters)

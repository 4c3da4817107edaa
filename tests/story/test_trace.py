"""hatoba trace --json: the whole dialogue of every attempt, the next try, and what binds now."""

import time

from tests.support import post
from tests.support.town import Town


def test_the_whole_story(town: Town) -> None:
    with town.peer("trace.example", {"CONTENT": "452 4.3.1 Full for now"}) as peer:
        content = post.LETTER.replace(b"Subject:", b"Message-ID: <trace-1@example.org>\r\nSubject:")
        letter = town.send("carol@example.org", "bob@trace.example", content)
        tale = post.story_with(town.node, letter, "deferred")
        form = next(entry for entry in tale["entries"] if entry["kind"] == "deferred")
        opening, dialogue = form["opening"].splitlines(), form["form"]["dialogue"].splitlines()
        assert opening[:2] == [
            f"* connecting to mx.trace.example[{peer.host}]:{peer.port}",
            "S: 220 mx.trace.example ESMTP ready",
        ]
        assert "C: EHLO hatoba.test" in opening
        assert any(line.startswith("C: MAIL FROM:<carol@example.org>") for line in dialogue)
        assert "C: RCPT TO:<bob@trace.example>" in dialogue
        assert "C: DATA" in dialogue
        assert dialogue[-1] == "S: 452 4.3.1 Full for now"
        assert form["form"]["results"][0]["next_at"] > form["at"]
        row = tale["waiting"][0]
        assert (row["to"], row["status"]) == ("bob@trace.example", "4.3.1")
        assert row["state"] in ("ready", "active")
        assert abs(row["next_at"] / 1000 - time.time()) < 60
        for query in ("<trace-1@example.org>", "bob@trace.example", letter.lower(), "trace.example"):
            assert [told["story"]["id"] for told in town.node.json("trace", query)] == [letter]
        town.node.cli("queue", "hold", "--lane", "mx:mx.trace.example", "--reason", "why not")
        assert "lane held: why not" in post.story(town.node, letter)["waiting"][0]["binds"]
        peer.stages["CONTENT"] = "250 2.0.0 Ok"
        town.node.cli("queue", "release", "--lane", "mx:mx.trace.example")
        post.story_with(town.node, letter, "delivered")
        said = town.node.cli("trace", letter)
    assert "452 4.3.1 Full for now" in said
    assert "no longer in the queue; last: delivered" in said

"""An auditor's questions: which letters were these, what was in them, who changed what, is it still true."""

import base64
import signal
import sqlite3
from pathlib import Path

from tests.support import post
from tests.support.node import Node
from tests.support.town import Town
from tests.support.wait import until

MORE = """
[audit]
content = "whole"
encrypt = true
"""
SUBJECT = base64.b64encode("請求書のご確認".encode()).decode()


def letter(subject: bytes, body: bytes = b"secret words\r\n") -> bytes:
    head = b"From: Hanako <hanako@example.org>\r\nMessage-ID: <7@example.org>\r\nSubject: " + subject
    return head + b"\r\n\r\n" + body


def shard(node: Node) -> Path:
    (found,) = (node.data / "shards").glob("*.db")
    return found


def test_what_an_auditor_asks(tmp_path: Path) -> None:
    with Town(tmp_path, more=MORE) as town:
        node = town.node
        with town.peer("away.example") as peer:
            mine = town.send("carol@example.org", "bob@away.example", letter(f"=?UTF-8?B?{SUBJECT}?=".encode()))
            town.send("carol@example.org", ["bob@away.example", "dora@away.example"], letter(b"Invoice 12"))
            peer.wait_letters(2, 60)
            post.story_with(node, mine, "delivered")
        for words in (
            ("請求",),
            ("--from", "hanako@example.org", "--subject", "請求書"),
            ("--to", "bob@away.example", "確認"),
        ):
            (hit,) = node.json("search", *words)
            assert (hit["id"], hit["subject"], hit["ip"]) == (mine, "請求書のご確認", "127.0.0.1")
            assert hit["status"] == ["delivered"]
        assert (
            len(node.json("search", "--domain", "away.example", "--since", "1h", "--message-id", "<7@example.org>"))
            == 2
        )

        assert "secret words" in node.cli("audit", "content", mine)
        with sqlite3.connect(shard(node)) as database:
            kept = [data for (data,) in database.execute("SELECT data FROM content")]
        database.close()
        assert len(kept) == 2
        assert not [data for data in kept if b"secret" in data]

        node.cli("queue", "hold", "--lane", "mx:mx.away.example", "--reason", "why not")
        assert node.process is not None
        text = node.file.read_text()
        node.file.write_text(text.replace("[audit]", "[smtp]\nconnections_per_ip = 77\n\n[audit]"))
        node.process.send_signal(signal.SIGHUP)
        until(lambda: node.json("audit", "log", "--verb", "config reload"), "the reload in the log", every=0.2)
        log = node.json("audit", "log")
        assert [one["verb"] for one in log][:3] == ["config reload", "queue hold", "audit content"]
        assert log[0]["arguments"]["changed"] == ["smtp.connections_per_ip"]
        assert log[1]["arguments"]["reason"] == "why not"

        until(lambda: "shard" in node.cli("audit", "head"), "a link", every=0.5)
        assert node.json("verify")["ok"]
        node.end()
    with sqlite3.connect(shard(node)) as database:
        assert database.execute("UPDATE event SET at = at - 1 WHERE seq = 1").rowcount == 1
    database.close()
    assert "event-changed" in node.cli("verify", check=False)

"""A node is backed up while it takes mail, and another one made from it delivers what was queued."""

import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from tests.support import pg, post
from tests.support.node import Node
from tests.support.town import ALICE, Town
from tests.support.wait import until

LARGE = b"Subject: large\r\n\r\n" + b"0123456789abcdef" * 4 * 1024 + b"\r\n"
MORE = "\n[store]\ninline = 4096\n"


def put(node: Node, master: bytes) -> None:
    """The master key, which no backup holds: whoever takes one keeps it apart."""
    (node.data / "master.key").write_bytes(master)
    (node.data / "master.key").chmod(0o600)


def numbered(n: int) -> bytes:
    return (LARGE if n % 3 == 0 else post.LETTER).replace(b"Subject: ", b"Subject: number %d, " % n)


def test_live_and_then_delivered_elsewhere(tmp_path: Path) -> None:
    """Letters keep coming and going while it is taken. The first node is gone; the second delivers each letter once."""
    place = tmp_path / "backup"
    ended, sent = threading.Event(), []
    with Town(tmp_path / "one", workers=2, more=MORE) as town, town.peer("brisk.example") as brisk:
        town.names("away.example", [(10, "mx.away.example", "127.0.0.250")])  # nobody is there yet

        def load() -> None:
            n = 0
            while not ended.is_set():
                to = f"bob{n}@{'away' if n % 2 else 'brisk'}.example"
                sent.append((town.send("carol@example.org", to, numbered(n)), n))
                n += 1

        town.send("carol@example.org", ALICE)
        town.alice.wait()
        worker = threading.Thread(target=load)
        worker.start()
        try:
            until(lambda: len(sent) > 20 and len(brisk.letters) > 5, "some mail")
            before = len(sent)
            said = town.node.json("backup", str(place))
            assert town.node.json("verify")["ok"]  # beside all this
        finally:
            ended.set()
            worker.join()
        assert said["missing_bodies"] == []
        assert said["letters"] >= before // 2 - 1
        assert town.node.json("verify", "--backup", str(place))["ok"]
        refused = town.node.cli("restore", str(place), check=False)
        assert refused == ""  # it runs
        waiting = {n for _, n in sent[:before] if n % 2}
        secret = (town.node.data / "tls" / "self-signed.key").read_bytes()
        master = (town.node.data / "master.key").read_bytes()
    shutil.rmtree(tmp_path / "one" / "node" / "data")

    def move_in(node: Node) -> None:
        assert node.json("restore", str(place))["letters"] == said["letters"]
        assert (node.data / "tls" / "self-signed.key").read_bytes() == secret
        put(node, master)
        assert node.json("verify")["ok"]

    second = Town(tmp_path / "two", workers=2, more=MORE, move_in=move_in)
    with second.peer("brisk.example") as late, second.peer("away.example") as away, second:
        assert len(second.alice.letters()) == 1  # her mailbox came along
        post.send(second.mx, "carol@example.org", ALICE)  # and she is known
        until(lambda: second.node.json("queue", "ls") == [], "an empty queue", every=0.3)
        assert second.node.json("verify")["ok"]
        second.node.end()
        assert second.node.audit().lost == set()
    came = Counter(one.recipients[0] for one in away.letters)
    assert {f"bob{n}@away.example" for n in waiting} <= came.keys()
    assert set(came.values()) == {1}
    assert {one.recipients[0] for one in late.letters} <= {f"bob{n}@brisk.example" for _, n in sent}
    bodies = {one.recipients[0]: one.content for one in away.letters}
    assert all(bodies[f"bob{n}@away.example"].endswith(numbered(n).partition(b"\r\n\r\n")[2]) for n in waiting)


def test_held_until_somebody_has_looked(tmp_path: Path) -> None:
    place = tmp_path / "backup"
    with Town(tmp_path / "one") as town:
        town.names("away.example", [(10, "mx.away.example", "127.0.0.250")])
        town.send("carol@example.org", "bob@away.example")
        town.node.cli("backup", str(place))
    second = Town(tmp_path / "two", move_in=lambda node: node.cli("restore", "--hold", str(place)))
    with second.peer("away.example") as away, second:
        assert [row["state"] for row in second.node.json("queue", "ls")] == ["held"]
        assert away.letters == []
        second.node.cli("queue", "release", "--all")
        assert away.wait_letters(1, 30)[0].recipients == ["bob@away.example"]


def test_a_killed_backup_is_no_backup(tmp_path: Path) -> None:
    """kill -9 in the middle: nothing has the name asked for, and the next one takes its place."""
    place = tmp_path / "backup"
    with Town(tmp_path / "one", more=MORE) as town:
        town.names("away.example", [(10, "mx.away.example", "127.0.0.250")])
        for n in range(30):
            town.send("carol@example.org", f"bob{n}@away.example", numbered(0))
        command = [sys.executable, "-m", "hatoba.app.cli", "backup", str(place)]
        killed = subprocess.Popen(command, env=town.node.environ, stderr=subprocess.DEVNULL)
        until(lambda: list(tmp_path.glob("backup.partial-*")), "the beginning of a backup", every=0.001)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        if not place.exists():  # it was not quicker than we
            half = next(tmp_path.glob("backup.partial-*"))
            assert "has no manifest.json" in failed(town.node, "verify", "--backup", str(half))
            town.node.cli("backup", str(place))
        assert town.node.json("verify", "--backup", str(place))["ok"]
        assert list((town.node.data / "blobs").glob("kept-*")) == []


def failed(node: Node, *words: str) -> str:
    """What a verb says when it declines."""
    command = [sys.executable, "-m", "hatoba.app.cli", *words]
    done = subprocess.run(command, env=node.environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stdout
    return done.stderr


@pytest.mark.parametrize("how", ["export", "backup"])
def test_from_files_to_a_server_and_on(tmp_path: Path, how: str) -> None:
    """A node outgrows its files: it is stopped, exported, imported into PostgreSQL, and goes on there."""
    name = pg.database()
    served = MORE + f'\n[database]\nurl = "{pg.url(name)}"\nshards = 2\nlease = "2s"\n'
    out = tmp_path / "node.jsonl.gz"
    with Town(tmp_path / "one", workers=2, more=MORE) as town:
        town.names("away.example", [(10, "mx.away.example", "127.0.0.250")])
        sent = [town.send("carol@example.org", f"bob{n}@away.example", numbered(n)) for n in range(8)]
        town.node.end()
        town.node.cli("export", str(out))
        master = (town.node.data / "master.key").read_bytes()
        assert "there already" in failed(town.node, "export", str(out))

    def move_in(node: Node) -> None:
        if how == "export":
            node.cli("import", str(out))
        else:  # first to the server, then a backup of it, then back from that
            first = Node(tmp_path / "first", served)
            first.cli("import", str(out))
            first.cli("backup", str(tmp_path / "b"))
            pg.again(name)
            node.json("restore", "--hold", str(tmp_path / "b"))
            node.cli("queue", "release", "--all")
        assert "is not empty" in failed(node, "import", str(out))
        put(node, master)
        assert node.json("verify")["ok"]

    second = Town(tmp_path / "two", more=served, move_in=move_in)
    try:
        with second.peer("away.example") as away, second:
            until(lambda: second.node.json("queue", "ls") == [], "an empty queue", every=0.3)
            tale = post.story(second.node, sent[0])
            assert post.kinds(tale)[0] == "accepted"
            assert post.kinds(tale)[-1] == "delivered"
            assert second.node.json("verify")["ok"]
        assert Counter(one.recipients[0] for one in away.letters) == {f"bob{n}@away.example": 1 for n in range(8)}
        assert all(
            one.content.endswith(numbered(int(one.recipients[0][3:].partition("@")[0])).partition(b"\r\n\r\n")[2])
            for one in away.letters
        )
    finally:
        pg.drop(name)


def test_databases_in_a_folder_of_their_own(tmp_path: Path) -> None:
    """`database.url = "sqlite:///…"`: mailboxes and keys lie in the data directory, and a backup has both."""

    def node(name: str) -> Node:
        return Node(tmp_path / name, f'\n[database]\nurl = "sqlite://{tmp_path / name / "apart"}"\n')

    first, second = node("one"), node("two")
    first.cli("domain", "add", "home.example")
    box = first.data / "mail" / "home.example" / "alice" / "cur"
    box.mkdir(parents=True)
    (box / "1.x:2,S").write_bytes(b"Subject: kept\r\n\r\n")
    first.cli("upgrade")
    assert first.json("backup", str(tmp_path / "backup"))["domains"] == 1
    second.cli("restore", str(tmp_path / "backup"))
    assert (second.folder / "apart" / "hatoba.db").exists()
    assert (second.data / "mail/home.example/alice/cur/1.x:2,S").read_bytes() == b"Subject: kept\r\n\r\n"
    put(second, (first.data / "master.key").read_bytes())
    assert second.json("verify")["ok"]
    assert "hatoba.db" in second.cli("upgrade")

"""Large letters with their bodies in an object store: in, killed, out again; the store away at both ends."""

import hashlib
import smtplib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support import post
from tests.support.node import Node
from tests.support.object_server import KEY, SECRET, ObjectServer
from tests.support.town import ALICE, Town
from tests.support.wait import until

MEGABYTE = 1 << 20
LINE = b"." + b"0123456789abcdef" * 4 + b"\r\n"
BODY = LINE * (45 * MEGABYTE // len(LINE))
LETTER = b"Subject: large\r\nFrom: <carol@example.org>\r\n\r\n" + BODY
BOUND = 128 * MEGABYTE  # of growth, with parts of 5 MB under way; the mailbox has the letter whole, and packed
SETTINGS = """
[blobs]
url = "{url}"
endpoint = "{endpoint}"
region = "us-east-1"
access_key = "{key}"
secret_key = "{secret}"
timeout = "8s"
connect_timeout = "4s"
retries = 1
"""


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectServer]:
    with ObjectServer() as server:
        yield server


@pytest.fixture(scope="module")
def town(server: ObjectServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    words: dict[str, Any] = {"url": server.url, "endpoint": server.endpoint, "key": KEY, "secret": SECRET}
    with Town(tmp_path_factory.mktemp("town"), more=SETTINGS, **words) as town:
        yield town
        assert SECRET not in town.log()


def peak(node: Node) -> int:
    """The most memory a worker has had so far, in octets."""
    lines = Path(f"/proc/{node.workers()[0]}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def digest(octets: bytes) -> str:
    return hashlib.sha256(octets[-len(BODY) :]).hexdigest()


def files(node: Node) -> list[Path]:
    return [path for path in (node.data / "blobs").rglob("*") if path.is_file() and path.name != "installation"]


def swept(town: Town, server: ObjectServer) -> None:
    """Nothing is left of a letter that is done: no object, no local copy."""
    until(lambda: town.node.json("queue", "ls") == [], "an empty queue", every=0.3)
    until(lambda: not server.keys(), "the object removed")
    until(lambda: not files(town.node), "the local copy removed")


def test_to_a_peer_and_a_mailbox(town: Town, server: ObjectServer) -> None:
    with town.peer("large.example") as peer, post.dial(town.mx) as client:
        town.send("carol@example.org", ["bob@large.example", ALICE])
        peer.wait_letters(1, 60)
        before = peak(town.node)
        letter = post.hand_in(client, "carol@example.org", ["bob@large.example", ALICE], LETTER)
        came = peer.wait_letters(2, 120)[1]
        kept = town.alice.wait(lambda octets: len(octets) > MEGABYTE and letter.encode() in octets[:2000], 120)
        grown = peak(town.node) - before
        swept(town, server)
    assert digest(came.content) == digest(BODY)
    assert digest(kept) == digest(BODY)
    assert grown < BOUND, f"the worker grew by {grown / MEGABYTE:.0f} MB"


def test_taken_in_killed_and_delivered(town: Town, server: ObjectServer) -> None:
    """Accepted, kill -9, started again while the store is away: the letter waits; the store back, it goes."""
    with town.peer("away.example", {"banner": "421 4.3.2 Not yet"}) as peer:
        with post.dial(town.mx) as client:
            letter = post.hand_in(client, "carol@example.org", ["bob@away.example"], LETTER)
        assert len(server.keys()) == 1
        town.node.kill()
        audit = town.node.audit()
        assert (audit.faults, len(audit.queued)) == ([], 1)
        server.down()
        peer.stages["banner"] = "220 here now"
        town.node.start()
        small = town.send("carol@example.org", "bob@away.example")  # small mail does not care
        until(lambda: len(peer.letters) == 1, "the small letter")
        until(lambda: "content cannot be read now" in town.log(), "the large one put off")
        assert post.kinds(post.story(town.node, letter))[-1] != "delivered"
        server.up()
        came = peer.wait_letters(2, 60)[1]
        swept(town, server)
        assert post.kinds(post.story(town.node, small))[-1] == "delivered"
        assert post.kinds(post.story(town.node, letter))[-1] == "delivered"
        town.node.end()
        audit = town.node.audit()
        town.node.start()
    assert digest(came.content) == digest(BODY)
    assert len(peer.letters) == 2
    assert (audit.faults, audit.queued, audit.lost) == ([], set(), set())


@pytest.mark.parametrize("how", ["down", "pause"])
def test_a_store_that_is_away_is_451_and_the_letter_stays_with_the_peer(
    town: Town, server: ObjectServer, how: str
) -> None:
    with town.peer(f"{how}.example") as peer:
        getattr(server, how)()
        with post.dial(town.mx) as client, pytest.raises(smtplib.SMTPResponseException) as told:
            post.hand_in(client, "carol@example.org", [f"bob@{how}.example"], LETTER)
        (server.up if how == "down" else server.resume)()
        assert told.value.smtp_code == 451
        assert "4.3.0" in str(told.value)
        until(lambda: not files(town.node), "nothing left on the disk")
        with post.dial(town.mx) as client:
            post.hand_in(client, "carol@example.org", [f"bob@{how}.example"], LETTER)
        peer.wait_letters(1, 60)
        swept(town, server)
        assert len(peer.letters) == 1

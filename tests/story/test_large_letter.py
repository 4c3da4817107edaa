"""40 MB through the mx door to a peer and to a mailbox: through a file, with the workers' memory bounded."""

import hashlib
import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import post
from tests.support.node import Node
from tests.support.town import ALICE, Town
from tests.support.wait import until

MEGABYTE = 1 << 20
LINE = b"." + b"0123456789abcdef" * 4 + b"\r\n"
BODY = LINE * (40 * MEGABYTE // len(LINE))
LETTER = b"Subject: large\r\nFrom: <carol@example.org>\r\n\r\n" + BODY
BOUND = 128 * MEGABYTE  # what a worker may grow by: a mailbox's letter of 40 MB stands in memory whole, and packed


@pytest.fixture(scope="module")
def roomy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with Town(tmp_path_factory.mktemp("roomy")) as town:
        yield town


def peak(node: Node) -> int:
    """The most memory a worker has had so far, in octets."""
    lines = Path(f"/proc/{node.workers()[0]}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def digest(octets: bytes) -> str:
    return hashlib.sha256(octets).hexdigest()


@pytest.mark.parametrize("chunking", [False, True], ids=["DATA", "BDAT"])
def test_through_to_a_peer_and_a_mailbox(roomy: Town, chunking: bool) -> None:
    domain = f"large{int(chunking)}.example"
    with roomy.peer(domain) as peer, post.dial(roomy.mx) as client:
        roomy.send("carol@example.org", [f"bob@{domain}", ALICE])
        peer.wait_letters(1, 60)
        before = peak(roomy.node)
        to = [f"bob@{domain}", ALICE]
        letter = in_chunks(client, to) if chunking else post.hand_in(client, "carol@example.org", to, LETTER)
        came = peer.wait_letters(2, 120)[1]
        kept = roomy.alice.wait(lambda octets: len(octets) > MEGABYTE and letter.encode() in octets[:2000], 120)
        grown = peak(roomy.node) - before
        blobs = Path(roomy.node.data, "blobs")
        until(lambda: not any(path.is_file() for path in blobs.rglob("*")), "the letter's file removed")
    assert digest(came.content[-len(BODY) :]) == digest(BODY)
    assert digest(kept[-len(BODY) :]) == digest(BODY)
    assert grown < BOUND, f"the worker grew by {grown / MEGABYTE:.0f} MB"


def in_chunks(client: smtplib.SMTP, to: list[str]) -> str:
    """The letter by BDAT in chunks of 1 MB. # RFC 3030 §2"""
    for line in (f"MAIL FROM:<carol@example.org> SIZE={len(LETTER)}", *(f"RCPT TO:<{one}>" for one in to)):
        assert client.docmd(line)[0] == 250
    for at in range(0, len(LETTER), MEGABYTE):
        piece = LETTER[at : at + MEGABYTE]
        last = b" LAST" if at + MEGABYTE >= len(LETTER) else b""
        client.send(b"BDAT %d%b\r\n" % (len(piece), last) + piece)
        code, text = client.getreply()
        assert code == 250
    return str(text.decode().rsplit(maxsplit=1)[-1])


def test_beyond_the_limit_it_is_refused_before_it_is_sent(roomy: Town) -> None:
    with post.dial(roomy.mx) as client:
        code, text = client.docmd(f"MAIL FROM:<carol@example.org> SIZE={60 * MEGABYTE}")
    assert code == 552
    assert text.startswith(b"5.3.4")

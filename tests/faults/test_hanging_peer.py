"""A next hop that hangs at every stage, answers half, or takes the letter and goes: every letter arrives, and one that
was answered 250 arrives once.

All stages at the same time, each with a domain and a mail host of its own. A copy is a content that came in whole; it
counts as answered when the peer got its 250 out. RFC 5321 §4.5.3.2.6 leaves a second copy to a client only where no
answer came.
"""

import socket
import time
from contextlib import ExitStack
from pathlib import Path

from tests.support import post
from tests.support.smtp_dialogue import HANG, Connection, Drop, Gone
from tests.support.smtp_peer import SmtpPeer
from tests.support.town import HASTY, Town
from tests.support.wait import until

from hatoba.kit import ids
from hatoba.store import shard
from hatoba.store.settings import Settings as StoreSettings

PATIENCE = 1.0  # seconds: every stage's time-out
STAGES = ("connect", "greeting", "hello", "tls", "auth", "mail", "rcpt", "data", "content", "end", "quit")
DELIVERY = "timeouts = {" + ", ".join(f"{stage} = {PATIENCE}" for stage in STAGES) + "}\nlimits = {connections = 1}"
LARGE = post.LETTER + (b"y" * 76 + b"\r\n") * 100_000  # more than the socket's buffers hold


def deaf(_line: str, connection: Connection) -> str:
    """Says 354 and reads no more: the content gets stuck in the middle."""
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.write("354 Go ahead")
    connection.peer.stopping.wait(5 * PATIENCE)
    raise Gone


def half_line(_line: str, connection: Connection) -> str:
    connection.write("250-half an answer")
    while True:
        connection.fill()  # until the client leaves


# stage → what the peer says there, the copies that come without an answer
HANGS: dict[str, tuple[dict[str, object], int]] = {
    "banner": ({"banner": [HANG, "220 peer ESMTP"]}, 0),
    "ehlo": ({"EHLO": [HANG, "250 peer"]}, 0),
    "mail": ({"MAIL": [HANG, "250 Ok"]}, 0),
    "rcpt": ({"RCPT": [HANG, "250 Ok"]}, 0),
    "data": ({"DATA": [HANG, "354 Go"]}, 0),
    "drop-data": ({"DATA": [Drop("354 Go"), "354 Go"]}, 0),
    "content": ({"DATA": [deaf, "354 Go"]}, 0),
    "dot": ({"CONTENT": [HANG, "250 Ok"]}, 1),
    "drop-dot": ({"CONTENT": [Drop(), "250 Ok"]}, 1),
    "half-code": ({"CONTENT": [Drop("25", whole=False), "250 Ok"]}, 1),
    "half-answer": ({"CONTENT": [half_line, "250 Ok"]}, 1),
}
# It answered: whatever it does then, no second copy.
ANSWERED: dict[str, dict[str, object]] = {
    "quit": {"QUIT": HANG},
    "answered-drop": {"CONTENT": [Drop("250 2.0.0 Ok"), "250 2.0.0 Ok"]},
    "answered-reset": {"CONTENT": [Drop("250 2.0.0 Ok", reset=True), "250 2.0.0 Ok"]},
    "answered-quit-drop": {"QUIT": Drop()},
}


def kinds(town: Town, letter: str) -> list[str]:
    """What the journal says of a letter."""
    with shard.reader(town.node.data, 0, StoreSettings()) as reader:
        return [
            str(kind)
            for (kind,) in reader.rows("SELECT kind FROM event WHERE letter = ? ORDER BY seq", (ids.number(letter),))
        ]


def waiting(town: Town) -> int:
    """Recipients in the queue."""
    with shard.reader(town.node.data, 0, StoreSettings()) as reader:
        return int(reader.rows("SELECT count(*) FROM recipient")[0][0])


class Full:
    """A listener whose queue is full: whoever dials it hears nothing."""

    def __init__(self, host: str, port: int) -> None:
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((host, port))
        self._listener.listen(0)
        self._waiting = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex((host, port))
            self._waiting.append(one)

    def close(self) -> None:
        for one in (*self._waiting, self._listener):
            one.close()


def test_every_stage(tmp_path: Path) -> None:
    with Town(tmp_path, queue=HASTY + "crashes = 9\n", delivery=DELIVERY) as town, ExitStack() as open_:
        full = Full(town.address(), town.port)
        host = str(full._listener.getsockname()[0])
        town.names("connect.example", [(10, "mx.connect.example", host)])
        peers = {name: open_.enter_context(town.peer(f"{name}.example", says)) for name, (says, _) in HANGS.items()}
        peers |= {name: open_.enter_context(town.peer(f"{name}.example", says)) for name, says in ANSWERED.items()}
        began = time.monotonic()
        sent = {
            name: town.send("carol@example.org", f"bob@{name}.example", LARGE if name == "content" else post.LETTER)
            for name in (*peers, "connect")
        }
        until(lambda: "deferred" in kinds(town, sent["connect"]), "the deferral", every=0.2)
        full.close()
        peers["connect"] = open_.enter_context(SmtpPeer(host=host, port=town.port))
        for name, peer in peers.items():
            peer.wait_letters(1 + (HANGS[name][1] if name in HANGS else 0), 60)
        until(lambda: all("delivered" in kinds(town, number) for number in sent.values()), "all deliveries", every=0.2)
        took = time.monotonic() - began
        until(
            lambda: waiting(town) == 0, "an empty queue", every=0.2
        )  # nothing is left of which a second copy could come
        tales = {name: kinds(town, number) for name, number in sent.items()}
        copies = {name: len(peer.letters) for name, peer in peers.items()}
    for name, (_, unanswered) in HANGS.items():
        assert copies[name] == 1 + unanswered, (name, copies)
        assert tales[name].count("deferred") == 1, (name, tales[name])
        assert sum(letter.accepted for letter in peers[name].letters) == 1, name
    for name in ANSWERED:
        assert tales[name] == ["accepted", "delivered"], name
    for name in (*ANSWERED, "connect"):
        assert copies[name] == 1, (name, copies)
    again = sum(copies.values()) - len(copies)
    print(  # noqa: T201  the figures of docs/reliability.md
        f"{len(copies)} ways to hang: {len(copies)} delivered, {again} second copies, all where no answer came;"
        f" all within {took:.1f} s at time-outs of {PATIENCE:g} s"
    )

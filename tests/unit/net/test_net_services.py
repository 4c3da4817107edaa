"""Clients of services against programs that behave, hang, leave, talk rubbish or are not there; the circuit breaker."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from tests.support import service_peers as peers
from tests.support.letter_question import HEADER, question
from tests.support.service_peers import Filter, Peer

from hatoba.kit import breaker
from hatoba.model.opinion import Failed, Filtered, Hooked, Rated, Scanned
from hatoba.model.status import PeerError
from hatoba.net import clamd, hook, line, milter, rspamd
from hatoba.net.service import Service, Terms
from hatoba.wire import clamd as wire_clamd

LOG = structlog.get_logger("test")


@pytest.fixture
def started() -> Iterator[list[Peer]]:
    peers_: list[Peer] = []
    yield peers_
    for each in peers_:
        each.close()


def client_of(kind: str, peer: Peer) -> Any:
    if kind == "clamd":
        return clamd.Clamd(line.place(peer.address), LOG)
    if kind == "milter":
        return milter.Milter(line.place(peer.address), LOG)
    if kind == "rspamd":
        return rspamd.Rspamd(peer.url, parallel=4)
    return hook.Hook(peer.url, parallel=4, secret="secret")


TALKS: dict[str, Callable[[Peer, peers.Wire], None]] = {
    "clamd": peers.clamd,
    "milter": Filter(),
    "rspamd": peers.answering(peers.CLEAN),
    "hook": peers.answering({"action": "accept"}),
}
WELL: dict[str, Any] = {
    "clamd": Scanned(),
    "milter": Filtered("continue"),
    "rspamd": Rated("no action", 0.5, 15.0, (("OK", 0.5),)),
    "hook": Hooked("accept"),
}
kinds = pytest.mark.parametrize("kind", sorted(TALKS))


# ---- the circuit


@kinds
@pytest.mark.parametrize("mode", peers.MODES)
async def test_whatever_the_peer_does_it_becomes_failed_and_the_circuit_opens_and_closes(
    kind: str, mode: str, started: list[Peer]
) -> None:
    peer = Peer(TALKS[kind])
    started.append(peer)
    client = client_of(kind, peer)
    asked = Service(kind, Terms(timeout=0.3 if mode == "hang" else 5.0, failures=2, pause=0.2), client, LOG)
    peer.become(mode)
    first = [await asked(question()) for _ in range(2)]
    assert all(isinstance(each, Failed) for each in first), first
    assert asked.breaker.state == breaker.OPEN
    assert asked.trouble == first[1].why
    before = peer.connections
    told = await asked(question())
    assert isinstance(told, Failed)
    assert told.why.startswith("not asked, it failed 2 times")
    assert (peer.connections, asked.counts.unasked, asked.counts.failed) == (before, 1, 2)
    peer.become("well")
    await asyncio.sleep(0.21)  # the pause of the circuit
    assert await asked(question()) == WELL[kind]
    assert asked.breaker.state == breaker.CLOSED
    assert (asked.trouble, asked.breaker.times) == ("", 1)
    await client.close()


async def test_one_question_alone_probes_and_a_cancelled_one_decides_nothing() -> None:
    under_way: list[asyncio.Future[str]] = []

    async def ask(question: str) -> str:
        under_way.append(asyncio.get_running_loop().create_future())
        return await under_way[-1]

    asked = Service("x", Terms(timeout=30.0, failures=1, pause=0.05), ask, LOG)
    failing = asyncio.ensure_future(asked("one"))
    await asyncio.sleep(0)
    under_way[0].set_exception(ConnectionRefusedError(111, "Connection refused"))
    assert await failing == Failed("Connection refused")
    await asyncio.sleep(0.06)
    probe = asyncio.ensure_future(asked("two"))
    await asyncio.sleep(0)
    assert asked.breaker.state == breaker.HALF_OPEN
    assert isinstance(await asked("three"), Failed)
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    assert asked.breaker.state == breaker.OPEN
    await asyncio.sleep(0.06)
    again = asyncio.ensure_future(asked("four"))
    await asyncio.sleep(0)
    under_way[-1].set_result("well")
    assert await again == "well"


async def test_no_more_than_parallel_are_asked_and_waiting_in_vain_is_no_failure_of_the_service() -> None:
    gate, most, now = asyncio.Event(), 0, 0

    async def ask(question: int) -> int:
        nonlocal most, now
        now += 1
        most = max(most, now)
        await gate.wait()
        now -= 1
        return question

    asked = Service("x", Terms(timeout=0.3, parallel=3, failures=1), ask, LOG)
    tasks = [asyncio.ensure_future(asked(n)) for n in range(3)]
    late = Service("y", Terms(timeout=30.0), asked, LOG)
    await asyncio.sleep(0)
    waiting = asyncio.ensure_future(late(3))
    asked._terms = Terms(timeout=30.0, parallel=3, failures=1)
    await asyncio.sleep(0)
    patient = asyncio.ensure_future(asked(4))
    await asyncio.sleep(0.1)
    gate.set()
    assert await asyncio.gather(*tasks, patient) == [0, 1, 2, 4]
    assert most == 3
    assert await waiting == 3
    assert asked.breaker.state == breaker.CLOSED


async def test_all_places_taken() -> None:
    gate = asyncio.Event()

    async def ask(question: int) -> int:
        if question:
            await gate.wait()
        return question

    asked = Service("x", Terms(timeout=0.2, parallel=1, failures=1), ask, LOG)
    blocker = asyncio.ensure_future(asked(1))
    await asyncio.sleep(0)
    failed = await asked(0)
    assert failed == Failed("not asked, 1 questions were under way")
    assert isinstance(await blocker, Failed)


async def test_a_bug_is_failed_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    async def ask(question: int) -> int:
        raise KeyError(question)

    failed = await Service("x", Terms(), ask, LOG)(1)
    assert isinstance(failed, Failed)
    assert failed.why.startswith("internal error ")
    assert "KeyError" in capsys.readouterr().out


# ---- clamd


async def test_clamd_finds_and_does_not_find(started: list[Peer], tmp_path: Path) -> None:
    peer = Peer(peers.clamd, path=tmp_path / "clamd.ctl")
    started.append(peer)
    client = clamd.Clamd(line.place(peer.address), LOG)
    assert await client(question()) == Scanned()
    assert await client(question(b"\r\n" + peers.EICAR)) == Scanned("Test-Eicar")
    large = b"x" * 3_000_000
    assert await client(question(large)) == Scanned()
    assert peer.told[-1] == HEADER + large


async def test_clamd_that_has_enough_in_the_middle(started: list[Peer]) -> None:
    def full(peer: Peer, wire: peers.Wire) -> None:
        wire.until(b"\0")
        wire.exactly(1000)
        wire.say(b"INSTREAM size limit exceeded. ERROR\0")
        raise EOFError

    peer = Peer(full)
    started.append(peer)
    client = clamd.Clamd(line.place(peer.address), LOG)
    assert await client(question(b"x" * 2000)) == Scanned(unscanned="larger than clamd's StreamMaxLength")


async def test_clamd_that_answered_and_reset_before_we_wrote_on(started: list[Peer], tmp_path: Path) -> None:
    left = threading.Event()

    def full(peer: Peer, wire: peers.Wire) -> None:
        wire.until(b"\0")
        wire.say(b"INSTREAM size limit exceeded. ERROR\0")
        wire.reset()
        left.set()

    def slow() -> Iterator[bytes]:
        yield b"x" * 100
        assert left.wait(10)  # the loop reads nothing meanwhile: answer and reset lie in the socket
        yield b"x" * 100
        yield b"x" * 100

    peer = Peer(full)
    started.append(peer)
    engine = wire_clamd.ClamdEngine()
    at = await line.connect(line.place(peer.address), engine, LOG)
    at.say(wire_clamd.Scan())
    at.stream(engine.pieces(slow()))
    reply = await at.hear()
    assert isinstance(reply, wire_clamd.Trouble)
    assert reply.too_large
    at.cut()


async def test_clamds_errors_and_version(started: list[Peer]) -> None:
    def ill(peer: Peer, wire: peers.Wire) -> None:
        word = wire.until(b"\0")
        wire.say(b"ClamAV 1.4.3/27000/today\0" if word == b"zVERSION" else b"Can't allocate memory ERROR\0")

    peer = Peer(ill)
    started.append(peer)
    client = clamd.Clamd(line.place(peer.address), LOG)
    assert await client.version() == "ClamAV 1.4.3/27000/today"
    with pytest.raises(PeerError, match="allocate"):
        await client(question())
    await client.close()


# ---- places


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("127.0.0.1:8891", "127.0.0.1:8891"),
        ("inet:localhost:8891", "localhost:8891"),
        ("[::1]:8891", "[::1]:8891"),
        ("/run/x.sock", "unix:/run/x.sock"),
        ("unix:/run/x.sock", "unix:/run/x.sock"),
    ],
)
def test_places(written: str, shown: str) -> None:
    assert str(line.place(written)) == shown


@pytest.mark.parametrize("written", ["", "host", "host:0", "host:65536", "::1:80", "unix:x", "http://host:80"])
def test_what_is_no_place(written: str) -> None:
    with pytest.raises(ValueError, match="is no place"):
        line.place(written)


@pytest.mark.parametrize("url", ["", "host:80", "ftp://host/", "unix:relative", "http://"])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(ValueError, match="is no URL"):
        hook.Hook(url, parallel=1)

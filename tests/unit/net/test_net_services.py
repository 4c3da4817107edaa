"""Clients of services against programs that behave, hang, leave, talk rubbish or are not there; the circuit breaker."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from tests.support import service_peers as peers
from tests.support.letter_question import BODY, HEADER, question
from tests.support.loops import until
from tests.support.service_peers import Filter, Peer, packet

from hatoba.kit import breaker
from hatoba.model import edits
from hatoba.model.edits import FieldEdit
from hatoba.model.opinion import Failed, Filtered, Hooked, Question, Rated, Scanned
from hatoba.model.status import PeerError, Status
from hatoba.net import clamd, hook, line, milter, rspamd
from hatoba.net.service import Service, Terms

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


# ---- milter


def said(peer: Peer, code: bytes) -> list[bytes]:
    return [data for letter, data in peer.told if letter == code]


async def ask_filter(peer: Peer, asked: Question) -> Filtered:
    client = milter.Milter(line.place(peer.address), LOG)
    try:
        return await client(asked)
    finally:
        await client.close()


async def test_a_milter_is_told_everything(started: list[Peer]) -> None:
    peer = Peer(Filter())
    started.append(peer)
    assert await ask_filter(peer, question(b"\r\n" + b"y" * 100_000)) == Filtered("continue")
    assert said(peer, b"C") == [b"client.example\x004\0\x00192.0.2.1\0"]
    assert said(peer, b"H") == [b"helo.example\0"]
    assert said(peer, b"M") == [b"<a@example.org>\0"]
    assert said(peer, b"R") == [b"<b@example.com>\0", b"<c@example.com>\0"]
    assert said(peer, b"L") == [b"Subject\0one\0", b"X-Folded\0a\n\tb\0"]
    assert [len(data) for data in said(peer, b"B")] == [65535, 100_000 - 65535]
    macros = b"".join(said(peer, b"D"))
    for pair in (b"i\x000123456789ABC\0", b"j\0here.example\0", b"{rcpt_addr}\0c@example.com\0", b"{cipher}\0TLS_AES"):
        assert pair in macros
    assert b"{auth_authen}" not in macros


async def test_changes_come_back_as_edits(started: list[Peer]) -> None:
    end = b"".join(
        (
            packet(b"p"),
            packet(b"i", b"\0\0\0\1DKIM-Signature\0v=1;\n\tb=x\0"),
            packet(b"h", b"X-Last\0z\0"),
            packet(b"m", b"\0\0\0\1Subject\0two\0"),
            packet(b"m", b"\0\0\0\1X-Folded\0\0"),
            packet(b"b", b"new\n"),
            packet(b"b", b"body\r\n"),
            packet(b"+", b"<d@example.com>\0"),
            packet(b"-", b"c@example.com\0"),
            packet(b"e", b"<>\0"),
            packet(b"c"),
        )
    )
    peer = Peer(Filter(end))
    started.append(peer)
    filtered = await ask_filter(peer, question())
    assert filtered.action == "continue"
    assert filtered.edits == edits.Edits(
        (
            FieldEdit(edits.INSERT, b"DKIM-Signature", b" v=1;\r\n\tb=x", 1),
            FieldEdit(edits.ADD, b"X-Last", b" z"),
            FieldEdit(edits.CHANGE, b"Subject", b" two", 1),
            FieldEdit(edits.CHANGE, b"X-Folded", b"", 1),
        ),
        b"new\r\nbody\r\n",
        ("d@example.com",),
        ("c@example.com",),
        "",
    )


async def test_the_leading_space_is_the_filters_where_it_asked_for_it(started: list[Peer]) -> None:
    peer = Peer(Filter(packet(b"h", b"X-Last\0  z\0") + packet(b"c"), steps=0x100000))
    started.append(peer)
    filtered = await ask_filter(peer, question())
    assert filtered.edits.fields == (FieldEdit(edits.ADD, b"X-Last", b"  z"),)
    assert said(peer, b"L")[0] == b"Subject\0 one\0"


@pytest.mark.parametrize(
    ("at", "answer", "filtered"),
    [
        (b"C", packet(b"a"), Filtered("continue")),
        (b"H", packet(b"r"), Filtered("reject")),
        (b"M", packet(b"t"), Filtered("defer")),
        (b"M", packet(b"y", b"550 5.7.9 no\0"), Filtered("reject", Status("5.7.9", "no"))),
        (b"R", packet(b"y", b"451 4.2.1 later\0"), Filtered("defer", Status("4.2.1", "later"))),
        (b"T", packet(b"y", b"554 5.x\0"), Filtered("reject", Status("5.7.1", "5.x"))),
        (b"L", packet(b"d"), Filtered("discard")),
        (b"N", packet(b"f"), Filtered("defer")),
        (b"B", packet(b"4"), Filtered("defer")),
        (b"B", packet(b"s"), Filtered("continue")),
        (b"E", packet(b"q", b"odd\0") + packet(b"c"), Filtered("quarantine", None, "odd")),
        (b"E", packet(b"h", b"A\0b\0") + packet(b"r"), Filtered("reject")),
    ],
)
async def test_verdicts_at_each_step(at: bytes, answer: bytes, filtered: Filtered, started: list[Peer]) -> None:
    peer = Peer(Filter(at={at: answer}, steps=0x400))
    started.append(peer)
    client = milter.Milter(line.place(peer.address), LOG, reuse=True)
    found = await client(question())
    if filtered.action == "continue":
        assert found.action in ("continue", "accept")
    else:
        assert found == filtered
    peer_filter = await client(question())  # the line is as good as new
    assert peer_filter == found
    assert peer.connections == 1
    await client.close()


async def test_one_recipient_is_asked_about_only_where_the_filter_wants_it(started: list[Peer]) -> None:
    alone = question(block=b"", size=0, pieces=tuple, recipients=("b@example.com",))
    refusing = Peer(Filter(at={b"R": packet(b"y", b"550 5.1.1 nobody\0")}))
    deaf = Peer(Filter(steps=0x7 | 0x8))  # NO_CONNECT NO_HELO NO_MAIL NO_RCPT
    started += [refusing, deaf]
    assert await ask_filter(refusing, alone) == Filtered("reject", Status("5.1.1", "nobody"))
    await until(lambda: len(said(refusing, b"Q")) == 2)
    told = b"".join(code for code, _ in refusing.told if code != b"D")
    assert sorted(told) == sorted(b"OQ" + b"OCHMRAQ")  # two connections: what it wants to judge, then the recipient
    client = milter.Milter(line.place(deaf.address), LOG, reuse=True)
    for _ in range(3):
        assert await client(alone) == Filtered("continue")
    assert [code for code, _ in deaf.told] == [b"O"]
    await client.close()


async def test_lines_are_used_again_and_replaced_when_the_filter_was_restarted(started: list[Peer]) -> None:
    peer = Peer(Filter())
    started.append(peer)
    client = milter.Milter(line.place(peer.address), LOG, reuse=True)
    for _ in range(3):
        await client(question())
    assert peer.connections == 1
    await until(lambda: len(said(peer, b"K")) == 3)
    peer.drop()
    assert await client(question()) == Filtered("continue")
    assert peer.connections == 2
    await client.close()
    old = Peer(Filter(version=2))
    started.append(old)
    client = milter.Milter(line.place(old.address), LOG, reuse=True)
    for _ in range(2):
        await client(question())
    assert old.connections == 2
    assert not said(old, b"T")


async def test_silent_steps_are_streamed(started: list[Peer]) -> None:
    peer = Peer(Filter(steps=0xFF080 | 0x20000000))
    started.append(peer)
    body = b"\r\n" + b"y" * 5_000_000
    assert await ask_filter(peer, question(body)) == Filtered("continue")
    assert b"".join(said(peer, b"B")) == body[2:]
    assert max(map(len, said(peer, b"B"))) == (1 << 20) - 1


async def test_a_new_body_without_end_is_refused(started: list[Peer]) -> None:
    peer = Peer(Filter(packet(b"b", b"x" * 60_000) * 3 + packet(b"c")))
    started.append(peer)
    client = milter.Milter(line.place(peer.address), LOG, most=150_000)
    with pytest.raises(PeerError, match="above 150000"):
        await client(question())


# ---- rspamd


async def test_rspamd_is_told_who_and_what(started: list[Peer], tmp_path: Path) -> None:
    peer = Peer(TALKS["rspamd"], path=tmp_path / "rspamd.sock")
    started.append(peer)
    client = rspamd.Rspamd(peer.url, parallel=2, password="q1", profile="strict")
    for _ in range(2):
        assert await client(question(helo="bad\r\nInjected: yes", account="alice@example.com")) == WELL["rspamd"]
    headers, body = peer.told[0]
    assert headers[":request"] == ["POST /checkv2 HTTP/1.1"]
    assert body == HEADER + BODY
    assert headers["rcpt"] == ["b@example.com", "c@example.com"]
    told = {name: headers[name][0] for name in ("from", "ip", "helo", "hostname", "user", "queue-id", "settings-id")}
    assert told == {
        "from": "a@example.org",
        "ip": "192.0.2.1",
        "helo": "badInjected: yes",
        "hostname": "client.example",
        "user": "alice@example.com",
        "queue-id": "0123456789ABC",
        "settings-id": "strict",
    }
    assert headers["password"] == ["q1"]
    assert peer.connections == 1
    peer.drop()
    assert await client(question()) == WELL["rspamd"]
    await client.close()


def test_rspamds_answer_is_read() -> None:
    rated = rspamd.read(
        json.dumps(
            {
                "action": "rewrite subject",
                "score": 8.25,
                "required_score": 15,
                "symbols": {"A": {"score": 1.0, "options": ["x"]}, "B": {"score": -7.0}, "C": {}},
                "subject": "[SPAM] one",
                "messages": {"smtp_message": "no", "other": {"deep": 1}},
                "milter": {
                    "add_headers": {
                        "X-One": "1",
                        "X-Two": {"value": "2\n\tb", "order": 1},
                        "X-Three": [{"value": "3"}, "4"],
                    },
                    "remove_headers": {"X-Old": 0, "X-Nth": [1, -1]},
                },
                "dkim-signature": "v=1;\r\n\tb=x",
                "unknown": None,
            }
        ).encode()
    )
    assert (rated.action, rated.score, rated.required) == ("rewrite subject", 8.25, 15.0)
    assert rated.symbols == (("B", -7.0), ("A", 1.0), ("C", 0.0))
    assert (rated.subject, rated.text) == ("[SPAM] one", "no")
    assert rated.edits.fields == (
        FieldEdit(edits.CHANGE, b"X-Old", b"", 0),
        FieldEdit(edits.CHANGE, b"X-Nth", b"", 1),
        FieldEdit(edits.CHANGE, b"X-Nth", b"", -1),
        FieldEdit(edits.INSERT, b"X-One", b" 1", 0),
        FieldEdit(edits.INSERT, b"X-Two", b" 2\r\n\tb", 1),
        FieldEdit(edits.INSERT, b"X-Three", b" 3", 0),
        FieldEdit(edits.INSERT, b"X-Three", b" 4", 0),
        FieldEdit(edits.INSERT, b"DKIM-Signature", b" v=1;\r\n\tb=x", 0),
    )


BASE = {"action": "no action", "score": 1, "required_score": 15}


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b'{"action": "reject"}',
        json.dumps({**BASE, "score": "high"}).encode(),
        json.dumps({**BASE, "milter": {"add_headers": {"X A": "1"}}}).encode(),
        json.dumps({**BASE, "milter": {"add_headers": {"X-A": "1\r\nBcc: all@example.com"}}}).encode(),
        json.dumps({**BASE, "milter": {"add_headers": {"X-A": {"order": 1}}}}).encode(),
        json.dumps({**BASE, "milter": {"add_headers": {"X-A": ["1"] * 201}}}).encode(),
        json.dumps({**BASE, "milter": {"remove_headers": {"": 0}}}).encode(),
        json.dumps({**BASE, "subject": "a\nb"}).encode(),
        json.dumps({**BASE, "dkim-signature": "a\0b"}).encode(),
    ],
)
def test_what_is_no_opinion(answer: bytes) -> None:
    with pytest.raises(PeerError):
        rspamd.read(answer)


# ---- hook


async def test_a_hook_is_told_a_signed_object(started: list[Peer]) -> None:
    peer = Peer(TALKS["hook"])
    started.append(peer)
    for content, octets in (("whole", HEADER + BODY), ("header", HEADER), ("none", None)):
        client = hook.Hook(peer.url + "/letters", parallel=2, secret="s3cret", content=content)
        assert await client(question()) == Hooked("accept")
        await client.close()
        headers, body = peer.told[-1]
        assert headers[":request"] == ["POST /letters HTTP/1.1"]
        told = json.loads(body)
        key = {"whole": "content", "header": "header"}.get(content)
        assert (base64.b64decode(told[key]) if key else None) == octets
        assert told["envelope"] == {"sender": "a@example.org", "recipients": ["b@example.com", "c@example.com"]}
        assert told["client"]["ip"] == "192.0.2.1"
        assert (told["form"], told["id"], told["size"]) == (1, "0123456789ABC", len(HEADER + BODY))
        stamp, mark = (part.partition("=")[2] for part in headers["hatoba-signature"][0].split(","))
        assert mark == hmac.new(b"s3cret", f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("size", [0, 1, 2, 3, 49_151, 49_153, 1_000_001])
async def test_a_large_letter_is_streamed_to_a_hook(size: int, started: list[Peer]) -> None:
    peer = Peer(TALKS["hook"])
    started.append(peer)
    body = bytes(range(256)) * (size // 256 + 1)
    pieces = [HEADER, *(body[at : min(at + 70_001, size)] for at in range(0, size, 70_001))]
    asked = question(b"", size=len(HEADER) + size, pieces=lambda: pieces)
    client = hook.Hook(peer.url, parallel=1, secret="x")
    assert await client(asked) == Hooked("accept")
    assert base64.b64decode(json.loads(peer.told[0][1])["content"]) == HEADER + body[:size]
    await client.close()


def test_a_hooks_verdict_is_read() -> None:
    said = hook.read(
        b'{"action": "reject", "score": 2.5, "reason": "not today", "code": "5.7.9", "later": true,'
        b' "fields": [["X-A", "1"], ["X-A", "2"]], "remove": ["X-Old"]}'
    )
    assert said == Hooked(
        "reject", 2.5, "not today", Status("5.7.9", "not today"), (("X-A", "1"), ("X-A", "2")), ("x-old",)
    )
    assert hook.read(b'{"action": "tag", "fields": {"X-A": "1"}}') == Hooked("tag", fields=(("X-A", "1"),))
    assert hook.read(b"{}") == Hooked("accept")
    assert hook.read(b'{"action": "defer", "reason": "wait"}').status == Status("4.7.1", "wait")
    assert hook.read(b'{"action": "reject", "code": "5.7.9"}').status == Status("5.7.9", "Refused by a filter")
    assert hook.read(b'{"action": "reject"}').status is None


@pytest.mark.parametrize(
    "answer",
    [
        b"null",
        b'{"action": "explode"}',
        b'{"action": "reject", "code": "4.7.1"}',
        b'{"action": "reject", "code": "5.7"}',
        b'{"reason": "two\\nlines"}',
        b'{"fields": {"X-A": "1\\r\\n\\r\\nbody"}}',
        b'{"remove": ["a:b"]}',
        b'{"score": "x"}',
    ],
)
def test_what_is_no_verdict(answer: bytes) -> None:
    with pytest.raises(PeerError):
        hook.read(answer)


@pytest.mark.parametrize(("status", "body"), [(500, b"{}"), (302, b"{}"), (200, b"x" * ((1 << 20) + 1))])
async def test_http_that_is_no_answer(status: int, body: bytes, started: list[Peer]) -> None:
    peer = Peer(peers.answering(body, status))
    started.append(peer)
    for client in (hook.Hook(peer.url, parallel=1), rspamd.Rspamd(peer.url, parallel=1)):
        with pytest.raises(PeerError):
            await client(question())
        await client.close()


async def test_no_content_is_accept(started: list[Peer]) -> None:
    peer = Peer(peers.answering(b"", 204))
    started.append(peer)
    client = hook.Hook(peer.url, parallel=1)
    assert await client(question()) == Hooked("accept")
    assert "hatoba-signature" not in peer.told[0][0]
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

"""rspamd and hooks over HTTP: what they are told, how their answers are read, what is no answer."""

import base64
import contextlib
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from tests.support import service_peers as peers
from tests.support.letter_question import BODY, HEADER, question
from tests.support.service_peers import Peer

from hatoba.model import edits
from hatoba.model.edits import FieldEdit
from hatoba.model.opinion import Hooked, Rated
from hatoba.model.status import PeerError, Status
from hatoba.net import hook, rspamd

LOG = structlog.get_logger("test")


CLEAN = Rated("no action", 0.5, 15.0, (("OK", 0.5),))


@pytest.fixture
def started() -> Iterator[list[Peer]]:
    peers_: list[Peer] = []
    yield peers_
    for each in peers_:
        each.close()


# ---- rspamd


async def test_rspamd_is_told_who_and_what(started: list[Peer], tmp_path: Path) -> None:
    peer = Peer(peers.answering(peers.CLEAN), path=tmp_path / "rspamd.sock")
    started.append(peer)
    client = rspamd.Rspamd(peer.url, parallel=2, password="q1", profile="strict")
    for _ in range(2):
        assert await client(question(helo="bad\r\nInjected: yes", account="alice@example.com")) == CLEAN
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
    assert await client(question()) == CLEAN
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
        json.dumps({**BASE, "action": "a\nb"}).encode(),
        json.dumps({**BASE, "symbols": {"A\x1b[2J": {}}}).encode(),
        json.dumps({**BASE, "dkim-signature": "a\0b"}).encode(),
    ],
)
def test_what_is_no_opinion(answer: bytes) -> None:
    with pytest.raises(PeerError):
        rspamd.read(answer)


# ---- hook


async def test_a_hook_is_told_a_signed_object(started: list[Peer]) -> None:
    peer = Peer(peers.answering({"action": "accept"}))
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
    peer = Peer(peers.answering({"action": "accept"}))
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


WORDS = st.sampled_from(["X-A", "1", "a\r\nb", "a\r\n b", "\x00", "reject", "5.7.1", "", "\ud800", "é"])
ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 300) | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
REPLY = st.fixed_dictionaries(
    {"action": WORDS | ANY, "score": st.floats(-9, 99) | ANY, "required_score": st.just(15.0)},
    optional={
        "symbols": st.dictionaries(WORDS, st.just({"score": 1.0}) | ANY, max_size=3),
        "subject": WORDS | ANY,
        "messages": st.dictionaries(st.just("smtp_message"), ANY),
        "milter": st.fixed_dictionaries(
            {}, optional={"add_headers": st.dictionaries(WORDS, ANY, max_size=3), "remove_headers": ANY}
        ),
        "dkim-signature": ANY,
        "reason": ANY,
        "code": ANY,
        "fields": ANY,
        "remove": ANY,
    },
)


@given(REPLY)
def test_only_peer_error_escapes_and_no_field_breaks_out(reply: dict[str, Any]) -> None:
    body = json.dumps(reply).encode()
    with contextlib.suppress(PeerError):
        for edit in rspamd.read(body).edits.fields:
            assert b"\0" not in edit.value
            assert all(line[:1] in (b" ", b"\t") for line in edit.value.split(b"\r\n")[1:])
    with contextlib.suppress(PeerError):
        said = hook.read(body)
        assert "\n" not in said.reason
        assert all(line[:1] in " \t" for _, value in said.fields for line in value.split("\r\n")[1:])

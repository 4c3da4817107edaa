"""Our own policy over a real socket: whose it is, what else is asked for there, and clients that misbehave."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from tests.support import delivery_scene as scene
from tests.support.loops import LOOPS, run

from hatoba.doors.http import mta_sts, web
from hatoba.doors.http.settings import MtaSts
from hatoba.mailauth import mtasts
from hatoba.net import https, listen, tls

DOMAINS = scene.Directory({"home.example": "local", "relay.example": "relay"})
OURS = MtaSts(mode="testing", mx=("mx.home.example", "*.home.example"), max_age=86400)


@asynccontextmanager
async def opened(settings: MtaSts = OURS, context: ssl.SSLContext | None = None) -> AsyncIterator[web.Door]:
    published = mta_sts.Published(settings, "MX.home.example")
    door = await web.open_door(
        listen.bind("127.0.0.1", 0),
        [mta_sts.Policy(published, DOMAINS)],
        tls=(lambda: context) if context else None,
        log=scene.Log(),
    )
    try:
        yield door
    finally:
        await door.drain(1)


async def say(port: int, octets: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(octets)
    try:
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()
        await writer.wait_closed()


def request(host: str, path: str = mta_sts.PATH, method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: x\r\n\r\n".encode()


@pytest.mark.parametrize("loop", LOOPS)
def test_served_over_tls_and_read_by_our_own_client(loop: str, tmp_path: Path) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("mta-sts.home.example").configure_cert(context)

    async def main() -> None:
        async with opened(context=context) as door:
            page = await https.get(
                "mta-sts.home.example",
                mta_sts.PATH,
                ["127.0.0.1"],
                context=tls.client_context(verify=True, ca_file=str(tmp_path / "ca.pem")),
                port=door.port,
                most=mtasts.OCTETS,
                timeout=10,
            )
        policy = mtasts.read(page.status, page.content_type, page.body)
        assert (policy.mode, policy.mx, policy.max_age) == ("testing", OURS.mx, 86400)

    run(loop, main())


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (request("mta-sts.home.example"), 200),
        (request("MTA-STS.Home.Example:443"), 200),
        (request("mta-sts.home.example", mta_sts.PATH + "?x=1"), 200),
        (request("x", "http://mta-sts.home.example" + mta_sts.PATH), 200),
        (request("mta-sts.relay.example"), 404),
        (request("mta-sts.else.example"), 404),
        (request("home.example"), 404),
        (request("mta-sts.home.example", "/"), 404),
        (request("mta-sts.home.example", method="POST"), 405),
        (request("mta-sts.home.example").replace(b"User-Agent: x", b"Content-Length: 5"), 400),
        (request("mta-sts.home.example").replace(b"User-Agent: x", b"Host: other"), 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"EHLO x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno field\r\n\r\n", 400),
        (b"GET /" + b"a" * 9000, 400),
    ],
)
async def test_who_is_told_what(asked: bytes, status: int) -> None:
    async with opened() as door:
        answer = await say(door.port, asked)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"Content-Length: %d\r\n" % len(body) in head
    if status == 200:
        assert mtasts.parse(body).mode == "testing"


async def test_head_has_no_body() -> None:
    async with opened() as door:
        answer = await say(door.port, request("mta-sts.home.example", method="HEAD"))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"Content-Length: 0" not in head
    assert body == b""


async def test_a_withdrawn_policy_says_so() -> None:
    async with opened(MtaSts(mode="none", max_age=86400)) as door:
        answer = await say(door.port, request("mta-sts.home.example"))
    assert b"mode: none\r\nmx: mx.home.example\r\n" in answer


async def test_who_says_nothing_is_let_go() -> None:
    async with opened() as door:
        _, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.close()
        await writer.wait_closed()
        assert b"200 OK" in await say(door.port, request("mta-sts.home.example"))


def test_the_id_follows_the_policy() -> None:
    first = mta_sts.Published(OURS, "mx.home.example").policy_id
    assert first == mta_sts.Published(OURS, "other.example").policy_id  # the host's name does not stand in it
    changed = [MtaSts(mode="enforce", mx=OURS.mx, max_age=86400), MtaSts(mode="testing", mx=OURS.mx, max_age=86401)]
    assert len({first, *(mta_sts.Published(each, "x").policy_id for each in changed)}) == 3
    assert mtasts.record(f"v=STSv1; id={first}".encode()) == first
    assert mta_sts.Published(MtaSts(), "mx.home.example").policy_id == ""


def test_names_that_are_none() -> None:
    with pytest.raises(mtasts.BadPolicy):
        mta_sts.Published(MtaSts(mode="enforce", mx=("a b",)), "x")

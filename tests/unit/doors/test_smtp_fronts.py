"""Fronts: the PROXY header and XCLIENT, believed from named networks only."""

import contextlib
from typing import Any

import pytest
from tests.support.loops import LOOPS, run

from hatoba.net import tls

both = pytest.mark.parametrize("loop", LOOPS)
PROXY = "PROXY TCP4 192.0.2.7 192.0.2.1 40000 25\r\n"


@both
def test_proxy_header_from_a_named_network(loop: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        async with site.door(proxy_networks=("127.0.0.0/8",)) as door, dial(door.port) as client:
            client.writer.write((PROXY + "EHLO front.example\r\n").encode())
            assert (await client.reply())[:3] in ("220", "554")
        async with site.door(proxy_networks=("127.0.0.0/8",)) as door, dial(door.port) as client:
            client.writer.write(PROXY.encode())
            await client.greet()
            assert (await client.letter()).startswith("250")

    run(loop, main())
    assert site.seam.letters[0].source.ip == "192.0.2.7"


@both
def test_proxy_header_before_implicit_tls(loop: str, site: Any, raw: Any) -> None:
    async def main() -> None:
        import asyncio

        async with site.door("submissions", proxy_networks=("127.0.0.0/8",)) as door:

            def talk() -> bytes:
                with raw(door.port) as sock:
                    sock.sendall(PROXY.encode())
                    with tls.client_context().wrap_socket(sock, server_hostname="mx.example.org") as secured:
                        return secured.recv(4)

            assert await asyncio.to_thread(talk) == b"220 "

    run(loop, main())


@both
@pytest.mark.parametrize("head", [b"PROXY TCP4 nonsense\r\n", b"EHLO x\r\n", b"PROXY TCP4 192.0.2.7"])
def test_a_proxy_that_says_nonsense_is_cut(loop: str, head: bytes, site: Any, dial: Any) -> None:
    async def main() -> None:
        house = site.house(handshake=0.2)
        async with site.door(house=house, proxy_networks=("127.0.0.0/8",)) as door, dial(door.port) as client:
            client.writer.write(head)
            with contextlib.suppress(ConnectionError):
                assert await client.reader.read() == b""

    run(loop, main())


@both
def test_proxy_header_from_elsewhere_is_rubbish(loop: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        async with site.door("submission", proxy_networks=("198.51.100.0/24",)) as door, dial(door.port) as client:
            await client.reply()
            assert (await client.say(PROXY.strip())).startswith("500")
            await client.say("EHLO x")
            assert door.sessions[0].ip == "127.0.0.1"

    run(loop, main())


@both
def test_xclient_replaces_the_client(loop: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        async with site.door(xclient_networks=("127.0.0.1",)) as door, dial(door.port) as client:
            assert "XCLIENT NAME ADDR" in await client.greet()
            said = "XCLIENT ADDR=IPV6:2001:db8::7 HELO=far.example NAME=[UNAVAILABLE] PROTO=ESMTP"
            assert (await client.say(said)).startswith("220")
            assert (await client.say("MAIL FROM:<>")).startswith("503")
            assert "XCLIENT" in await client.say("EHLO front.example")
            assert (await client.say("XCLIENT ADDR=not-an-address")).startswith("501")
            await client.say("EHLO front.example")
            assert (await client.letter()).startswith("250")
            assert door.sessions[0].network == "2001:db8::/64"

    run(loop, main())
    assert site.seam.letters[0].source.ip == "2001:db8::7"


@both
def test_xclient_without_login_logs_the_last_client_out(loop: str, site: Any, dial: Any) -> None:
    """A front keeps its connection for the next client, which must not send as the one before."""

    async def main() -> None:
        async with site.door(xclient_networks=("127.0.0.1",)) as door, dial(door.port) as client:
            await client.greet()
            for said, relayed in (("LOGIN=alice@example.org", "250"), ("ADDR=192.0.2.9", "550 5.7.1")):
                assert (await client.say("XCLIENT " + said)).startswith("220")
                await client.say("EHLO front.example")
                await client.say("MAIL FROM:<alice@example.org>")
                assert (await client.say("RCPT TO:<x@elsewhere.example>")).startswith(relayed)
                await client.say("RSET")

    run(loop, main())


@both
def test_behind_a_proxy_too_a_connection_too_many_is_told(loop: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        house = site.house(connections_per_ip=1, unlimited=())
        async with (
            site.door(house=house, proxy_networks=("198.51.100.0/24",)) as door,
            dial(door.port) as first,
            dial(door.port) as second,
        ):
            assert (await first.reply()).startswith("220")
            assert (await second.reply()).startswith("421 4.7.0")

    run(loop, main())

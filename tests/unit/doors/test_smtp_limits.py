"""Every limit of the SMTP doors: its value, its reply, on both event loops."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
from tests.support.loops import LOOPS, run, until

from hatoba.net import tls
from hatoba.net.headroom import Headroom
from hatoba.net.settings import Headroom as HeadroomSettings

both = pytest.mark.parametrize("loop", LOOPS)


@both
def test_connections_in_all(loop: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        async with site.door(house=site.house(connections=1)) as door:
            async with dial(door.port) as first:
                assert (await first.reply()).startswith("220")
                async with dial(door.port) as second:
                    assert (await second.reply()).startswith("421 4.3.2")
                    assert await second.ended()
            await until(lambda: not door.sessions)
            async with dial(door.port) as third:
                assert (await third.reply()).startswith("220")

    run(loop, main())
    assert site.houses[0].counts.turned_away == 1


@both
def test_connections_of_one_network(loop: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        async with site.door(house=site.house(connections_per_ip=1, unlimited=())) as door, dial(door.port) as first:
            assert (await first.reply()).startswith("220")
            async with dial(door.port) as second:
                assert (await second.reply()).startswith("421 4.7.0")

    run(loop, main())


@both
def test_a_client_over_its_limit_gets_no_tls_handshake(loop: str, site: Any, dial: Any) -> None:
    house = site.house(connections_per_ip=1, unlimited=())

    async def main() -> None:
        async with site.door("submissions", house=house) as door, dial(door.port, tls.client_context()) as first:
            assert (await first.reply()).startswith("220")
            with pytest.raises(ConnectionError):
                async with dial(door.port, tls.client_context()):
                    pass

    run(loop, main())


@both
def test_commands_without_a_letter(loop: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        async with site.door(house=site.house(commands=12)) as door, dial(door.port) as client:
            await client.greet()
            for _ in range(8):
                assert (await client.say("NOOP")).startswith("250")
            assert (await client.letter()).startswith("250")  # the count begins anew
            for _ in range(12):
                assert (await client.say("NOOP")).startswith("250")
            assert (await client.say("NOOP")).startswith("421 4.7.0")
            assert await client.ended()

    run(loop, main())


@both
def test_errors_without_a_letter(loop: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        async with site.door(house=site.house(errors=3)) as door, dial(door.port) as client:
            await client.greet()
            await client.say("MAIL FROM:<>")
            assert (await client.say("WHAT")).startswith("500")
            assert (await client.say("RCPT TO:<nobody@example.org>")).startswith("550")
            assert (await client.say("RCPT TO:<nobody2@example.org>")).startswith("550")
            assert (await client.say("RCPT TO:<nobody3@example.org>")).startswith("421 4.7.0")
            assert await client.ended()

    run(loop, main())


@both
def test_line_length_recipients_and_size(loop: str, site: Any, dial: Any) -> None:
    house = site.house(intake={"recipients": 100, "size": 5000}, text_line=100)

    async def main() -> None:
        async with site.door(house=house) as door, dial(door.port) as client:
            await client.greet()
            assert (await client.say("NOOP " + "x" * 5000)).startswith("500 5.5.2")
            assert (await client.say("MAIL FROM:<> SIZE=5001")).startswith("552 5.3.4")
            await client.say("MAIL FROM:<>")
            for n in range(100):
                assert (await client.say(f"RCPT TO:<u{n}@example.net>")).startswith("250")
            assert (await client.say("RCPT TO:<u100@example.net>")).startswith("452 4.5.3")
            assert (await client.say("DATA")).startswith("354")
            assert (await client.say("x: " + "\r\n y" * 2000 + "\r\n.")).startswith("552 5.3.4")
            assert (await client.letter(text="Subject: x\r\n\r\n" + "y" * 120)).startswith("550 5.6.0")

    run(loop, main())
    assert house.counts.refused_letters == 2


@both
def test_idle(loop: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        async with site.door(house=site.house(idle=0.1)) as door, dial(door.port) as client:
            await client.reply()
            assert (await client.reply()).startswith("421 4.4.2")
            assert await client.ended()

    run(loop, main())
    assert site.houses[0].counts.timeouts == 1


@both
def test_a_transaction_that_takes_too_long(loop: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        house = site.house(transaction=0.05)
        async with site.door(house=house) as door, dial(door.port) as client:
            await client.greet()
            await client.say("MAIL FROM:<>\r\nRCPT TO:<alice@example.org>\r\nDATA", 3)
            said = asyncio.ensure_future(client.reply())
            while not said.done():
                client.writer.write(b"x\r\n")  # never idle
                await asyncio.sleep(0.01)
                house.tick()
            assert said.result().startswith("421 4.4.2")

    run(loop, main())
    assert not site.seam.letters


@both
def test_short_of_resources(loop: str, site: Any, dial: Any, tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemAvailable: 1000000 kB\n")
    settings = HeadroomSettings(min_disk=0, min_memory=500_000_000)
    headroom = Headroom(tmp_path, settings, meminfo=meminfo, cgroup=tmp_path)

    async def main() -> None:
        house = site.house(headroom=headroom)
        async with site.door(house=house) as door, dial(door.port) as client:
            await client.greet()
            assert (await client.say("MAIL FROM:<>")).startswith("250")
            await client.say("RSET")
            meminfo.write_text("MemAvailable: 1000 kB\n")
            headroom.forget()
            assert (await client.say("MAIL FROM:<>")).startswith("452 4.3.1")
            async with dial(door.port) as second:
                assert (await second.reply()).startswith("421 4.3.2")
            meminfo.write_text("MemAvailable: 1000000 kB\n")
            headroom.forget()
            assert (await client.letter()).startswith("250")

    run(loop, main())
    assert site.houses[0].counts.shed == 2


@both
def test_early_talkers(loop: str, site: Any) -> None:
    """The bytes are in the listening socket's queue before the loop runs, so they are there at the greeting."""

    def talk(port: int, text: bytes) -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", port))
        sock.settimeout(5)
        sock.sendall(text)
        return sock

    async def first_words(kind: str, **settings: Any) -> bytes:
        async with site.door(kind, house=site.house(**settings)) as door:
            with talk(door.port, b"EHLO eager.example\r\n") as sock:
                return await asyncio.to_thread(sock.recv, 4)

    async def main() -> None:
        assert await first_words("mx") == b"554 "
        assert await first_words("mx", early_talkers=False) == b"220 "
        assert await first_words("submission") == b"220 "

    run(loop, main())
    assert site.houses[0].counts.early == 1


@both
def test_http_gets_one_502_and_nothing_more(loop: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        async with site.door() as door, dial(door.port) as client:
            await client.reply()
            client.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\n\r\nMAIL FROM:<>\r\n")
            heard = await client.reader.read()
            assert heard.startswith(b"502 5.5.1 ")
            assert heard.count(b"\r\n") == 1

    run(loop, main())
    assert site.houses[0].counts.foreign == 1


@both
def test_drain_lets_a_transaction_end(loop: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        async with site.door() as door, dial(door.port) as idle, dial(door.port) as busy:
            await idle.greet()
            await busy.greet()
            await busy.say("MAIL FROM:<>\r\nRCPT TO:<alice@example.org>\r\nDATA", 3)
            draining = asyncio.ensure_future(door.drain(5))
            assert (await idle.reply()).startswith("421 4.3.2")
            assert await idle.ended()
            assert (await busy.say("x: y\r\n\r\n.")).startswith("250 2.0.0")
            assert (await busy.reply()).startswith("421 4.3.2")
            await busy.close()
            await draining
            with pytest.raises(ConnectionError):
                await asyncio.open_connection("127.0.0.1", door.port)

    run(loop, main())


@both
def test_drain_cuts_whoever_does_not_end(loop: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        async with site.door() as door, dial(door.port) as busy:
            await busy.greet()
            await busy.say("MAIL FROM:<>\r\nRCPT TO:<alice@example.org>\r\nDATA", 3)
            await door.drain(0.05)
            assert not door.sessions

    run(loop, main())
    assert site.houses[0].counts.open == 0

"""The pump over real sockets and TLS, on both loops, with an engine that knows lines only."""

import asyncio
import contextlib
import socket
import struct

import pytest
from tests.support.echo import Scene, dialled, talk
from tests.support.line_engine import LineEngine
from tests.support.loops import LOOPS, run, until

from hatoba.net import tls
from hatoba.net.pump import AHEAD

both = pytest.mark.parametrize("loop", LOOPS)


@both
def test_answers_come_in_order_whatever_they_wait_for(loop: str, scene: Scene) -> None:
    async def main() -> bytes:
        async with scene.serving() as serving:
            scene.gate.set_result(None)
            return await talk(serving.port, b"a\r\nslow\r\nb\r\nfuture\r\nlater\r\nquiet\r\npush\r\nc\r\nquit\r\nd\r\n")

    assert run(loop, main()) == b"hello \r\na\r\nslow\r\nb\r\nslow\r\ndone\r\npush\r\npushed\r\nc\r\nbye\r\n"


@both
def test_large_answers_and_then(loop: str, scene: Scene) -> None:
    async def main() -> bytes:
        async with scene.serving() as serving:
            return await talk(serving.port, b"parts\r\nthen\r\n")

    assert run(loop, main()) == b"hello \r\n" + b"x" * 40_000 + b"y" * 40_000 + b"\r\nand out\r\n"


@both
@pytest.mark.parametrize("line", [b"bug", b"slow bug"])
def test_a_bug_is_logged_whole_and_closes(loop: str, line: bytes, scene: Scene) -> None:
    async def main() -> bytes:
        async with scene.serving() as serving:
            return await talk(serving.port, b"a\r\n" + line + b"\r\nb\r\n")

    assert run(loop, main()) == b"hello \r\na\r\nfault\r\n"
    assert isinstance(scene.log.faults[0]["exc_info"], KeyError)
    assert scene.sessions[0].told[-1] == ("closed", None)


@both
def test_a_peer_error_is_answered_and_closes(loop: str, scene: Scene) -> None:
    async def main() -> bytes:
        async with scene.serving() as serving:
            return await talk(serving.port, b"BAD\r\na\r\n")

    assert run(loop, main()) == b"hello \r\nerror 5.5.2\r\n"
    assert not scene.log.faults


@both
def test_starttls_and_injection(loop: str, scene: Scene) -> None:
    async def main() -> None:
        async with scene.serving() as serving:
            assert await talk(serving.port, b"tls\r\ninjected\r\n") == b"hello \r\nerror 5.5.1\r\n"
            async with dialled(serving.port) as (reader, writer):
                await reader.readline()
                writer.write(b"tls\r\n")
                assert await reader.readline() == b"go\r\n"
                await writer.start_tls(tls.client_context(), server_hostname="here.example")
                assert (await reader.readline()).startswith(b"secured TLSv1.3 ")
                writer.write(b"inside\r\nquit\r\n")
                assert await reader.read() == b"inside\r\nbye\r\n"

    run(loop, main())
    assert b"injected" not in scene.sessions[0].told


@both
def test_plaintext_between_the_go_and_the_handshake_ends_it(loop: str, scene: Scene) -> None:
    async def main() -> bytes:
        async with scene.serving() as serving, dialled(serving.port) as (reader, writer):
            await reader.readline()
            writer.write(b"tls\r\n")
            await reader.readline()
            writer.write(b"plain again\r\nquit\r\n")
            with contextlib.suppress(ConnectionError):
                return bytes(await reader.read())
            return b""

    assert b"plain again" not in run(loop, main())
    told = scene.sessions[0].told
    assert told[0] == b"tls"
    assert isinstance(told[1][1], OSError)
    assert len(told) == 2


@both
def test_implicit_tls(loop: str, scene: Scene) -> None:
    async def main() -> bytes:
        async with scene.serving(implicit=True) as serving:
            return await talk(serving.port, b"a\r\nquit\r\n", tls.client_context())

    said = run(loop, main())
    assert said.startswith(b"hello TLSv1.3 ")
    assert said.endswith(b"\r\na\r\nbye\r\n")


@both
def test_idle_is_told_but_not_while_we_are_the_slow_ones(loop: str, scene: Scene) -> None:
    async def main() -> None:
        async with scene.serving(idle=0.06) as serving:
            assert await talk(serving.port, b"a\r\n") == b"hello \r\na\r\nidle\r\n"
            async with dialled(serving.port) as (reader, writer):
                await reader.readline()
                writer.write(b"later\r\n")
                await asyncio.sleep(0.2)
                scene.gate.set_result(None)
                assert await reader.readline() == b"done\r\n"

    run(loop, main())


@both
def test_a_half_closed_client_still_gets_its_answer(loop: str, scene: Scene) -> None:
    async def main() -> None:
        async with scene.serving() as serving, dialled(serving.port) as (reader, writer):
            writer.write(b"later\r\nb\r\n")
            writer.write_eof()
            await until(lambda: scene.sessions and scene.sessions[0].told)
            scene.gate.set_result(None)
            assert await reader.read() == b"hello \r\ndone\r\nb\r\n"

    run(loop, main())


@both
def test_a_reset_is_told_once_and_late_results_are_heard(loop: str, scene: Scene) -> None:
    async def main() -> None:
        async with scene.serving() as serving:
            async with dialled(serving.port) as (reader, writer):
                await reader.readline()
                writer.write(b"later\r\n")
                await until(lambda: scene.sessions[0].told)
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            await until(lambda: not serving.pumps)
            scene.gate.set_exception(KeyError("late"))
            await until(lambda: scene.log.faults or scene.gate.exception())

    run(loop, main())
    assert [told[0] for told in scene.sessions[0].told[1:]] == ["closed"]


@both
def test_input_ahead_of_an_answer_is_bounded(loop: str, scene: Scene) -> None:
    async def main() -> None:
        async with scene.serving() as serving, dialled(serving.port) as (reader, writer):
            await reader.readline()
            writer.write(b"later\r\n")
            await until(lambda: scene.sessions[0].told)
            writer.write(b"quiet " + b"x" * 8_000_000 + b"\r\nend\r\n")
            pump = scene.sessions[0].pump
            await until(lambda: pump._paused)
            assert isinstance(pump.engine, LineEngine)
            assert pump.engine.peak < AHEAD + 1_000_000
            scene.gate.set_result(None)
            assert await reader.readline() == b"done\r\n"
            assert await reader.readline() == b"end\r\n"

    run(loop, main())


@both
def test_no_event_is_taken_while_the_client_does_not_read(loop: str, scene: Scene) -> None:
    async def main() -> None:
        async with scene.serving() as serving, dialled(serving.port) as (reader, writer):
            await reader.readline()
            count = 400
            writer.write(b"parts\r\n" * count)
            await until(lambda: scene.sessions[0].told)
            await asyncio.sleep(0.05)
            assert len(scene.sessions[0].told) < count
            assert len(await reader.readexactly(80_002 * count)) == 80_002 * count

    run(loop, main())

"""The pump over real sockets and TLS, on both loops, with an engine that knows lines only."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.line_engine import LineEngine, Words
from tests.support.loops import LOOPS, run, until

from hatoba.model.status import PeerError
from hatoba.net import client, listen, server, tls
from hatoba.net.pump import AHEAD, Pump
from hatoba.net.session import Later, Then

both = pytest.mark.parametrize("loop", LOOPS)


class Log:
    def __init__(self) -> None:
        self.faults: list[dict[str, Any]] = []

    def info(self, event: str, /, **fields: Any) -> None: ...
    def warning(self, event: str, /, **fields: Any) -> None: ...
    def error(self, event: str, /, **fields: Any) -> None:
        self.faults.append(fields)


class Echo:
    """Says each line back; some lines do more. What was told stands in `told`."""

    def __init__(self, gate: "asyncio.Future[None] | None" = None) -> None:
        self.told: list[Any] = []
        self.gate = gate
        self.pump: Pump

    def opened(self, pump: Pump) -> Any:
        self.pump = pump
        return Words(b"hello " + pump.tls.encode() + b"\r\n")

    def on(self, line: bytes) -> Any:
        self.told.append(line)
        verb, _, rest = line.partition(b" ")
        match verb:
            case b"quiet":
                return None
            case b"quit":
                return Words(b"bye\r\n", "close")
            case b"tls":
                return Words(b"go\r\n", "tls")
            case b"later":
                assert self.gate is not None
                return Later(self.gate, lambda future: Words(b"done\r\n"))
            case b"future":
                return asyncio.ensure_future(self.slowly(rest))
            case b"slow":
                return self.slowly(rest)
            case b"bug":
                raise KeyError("bug")
            case b"parts":
                return [b"x" * 40_000, b"y" * 40_000, b"\r\n"]
            case b"then":
                return Then("close", [b"and out\r\n"])
            case b"push":
                self.pump.push(Words(b"pushed\r\n"))
        return Words(line + b"\r\n")

    async def slowly(self, rest: bytes) -> Any:
        await asyncio.sleep(0.001)
        if rest == b"bug":
            raise KeyError("slow bug")
        return Words(b"slow\r\n")

    def tls_started(self, tls: str) -> Any:
        return Words(b"secured " + tls.encode() + b"\r\n")

    def timed_out(self) -> Any:
        return Words(b"idle\r\n")

    def peer_error(self, error: PeerError) -> Any:
        return Words(f"error {error.status.code}\r\n".encode())

    def fault(self, error_id: str) -> Any:
        return Words(b"fault\r\n")

    def closed(self, error: BaseException | None) -> None:
        self.told.append(("closed", error))


class Scene:
    """A server of Echo sessions; `sessions` in order of arrival."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context
        self.log = Log()
        self.sessions: list[Echo] = []
        self.gate: asyncio.Future[None]

    @asynccontextmanager
    async def serving(self, *, idle: float = 30, implicit: bool = False) -> AsyncIterator[server.Server]:
        loop = asyncio.get_running_loop()
        self.gate = loop.create_future()

        def make() -> Pump:
            session = Echo(self.gate)
            self.sessions.append(session)
            return Pump(LineEngine(), session, loop=loop, log=self.log, tls_context=self.context, idle=idle)

        tls_ = (lambda: self.context) if implicit else None
        serving = await server.listen(listen.bind("127.0.0.1", 0), make, tls=tls_, handshake=2)
        try:
            yield serving
        finally:
            serving.stop_listening()
            serving.abort()
            assert await serving.emptied(5)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    return tls.server_context(*tls.self_signed(tmp_path_factory.mktemp("tls"), ["here.example"]))


@pytest.fixture
def scene(context: ssl.SSLContext) -> Scene:
    return Scene(context)


@asynccontextmanager
async def dialled(port: int, context: ssl.SSLContext | None = None) -> AsyncIterator[Any]:
    name = "here.example" if context else None
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def talk(port: int, said: bytes, context: ssl.SSLContext | None = None) -> bytes:
    """All that comes back until the server closes."""
    async with dialled(port, context) as (reader, writer):
        writer.write(said)
        return bytes(await reader.read())


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


class Pusher(Echo):
    """A client: says nothing by itself."""

    def opened(self, pump: Pump) -> Any:
        self.pump = pump
        self.told.append(("opened", pump.tls))

    def on(self, line: bytes) -> Any:
        self.told.append(line)
        return Then("tls") if line == b"go" else None

    def tls_started(self, tls: str) -> Any:
        return [b"inside\r\n"]

    def peer_error(self, error: PeerError) -> Any:
        self.told.append(error.status.code)


class QuietEngine(LineEngine):
    """A client's: never waits for an answer to its events."""

    def next_event(self) -> Any:
        event = super().next_event()
        self.paused = False
        return event


def pusher(log: Log, *, implicit: bool = False, hostname: str = "here.example") -> tuple[Pusher, Callable[[], Pump]]:
    session = Pusher()
    loop = asyncio.get_running_loop()
    return session, lambda: Pump(
        QuietEngine(), session, loop=loop, log=log, tls_context=tls.client_context(), server_side=False,
        server_hostname=hostname, implicit_tls=implicit, idle=30,
    )  # fmt: skip


@both
@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "implicit"])
def test_a_client_pushes_streams_and_secures(loop: str, implicit: bool, scene: Scene) -> None:
    async def main() -> None:
        async with scene.serving(implicit=implicit) as serving:
            session, make = pusher(scene.log, implicit=implicit)
            pump = await client.dial(make, "127.0.0.1", serving.port, timeout=5)
            await until(lambda: any(isinstance(told, bytes) for told in session.told))
            if not implicit:
                pump.push([b"tls\r\n"])
                await until(lambda: b"inside" in session.told)
            assert pump.tls.startswith("TLSv1.3")
            assert pump.peer_certificate()
            pump.stream(iter([b"quiet " + b"s" * 60_000] * 40 + [b"\r\n"]))
            pump.push([b"after\r\n"])
            await until(lambda: b"after" in session.told)
            pump.close()
            await until(lambda: session.told[-1] == ("closed", None))

    run(loop, main())
    assert len(scene.sessions[0].told[1 if not implicit else 0]) > 0
    assert any(isinstance(line, bytes) and len(line) > 2_000_000 for line in scene.sessions[0].told)


@both
def test_a_client_refuses_plaintext_behind_the_go(loop: str, scene: Scene) -> None:
    """The server's side of the injection: text pipelined behind its own 220. # RFC 3207 §4.2"""

    async def main() -> list[Any]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"go\r\ninjected\r\n")
            await reader.read()
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as lying:
            session, make = pusher(scene.log)
            await client.dial(make, "127.0.0.1", lying.sockets[0].getsockname()[1], timeout=5)
            await until(lambda: session.told[-1] == ("closed", None))
            return session.told

    assert run(loop, main()) == [("opened", ""), b"go", "5.5.1", ("closed", None)]


@both
def test_a_client_cuts_a_plaintext_server_on_a_tls_port(loop: str, scene: Scene) -> None:
    async def main() -> None:
        async with scene.serving() as serving:
            session, make = pusher(scene.log, implicit=True)
            await client.dial(make, "127.0.0.1", serving.port, timeout=5)
            await until(lambda: session.told)
            assert session.told[0][0] == "closed"

    run(loop, main())


@both
def test_dialling_walks_on_and_says_why(loop: str, scene: Scene) -> None:
    async def main() -> None:
        free = listen.bind("127.0.0.1", 0)
        closed = free.getsockname()[1]
        free.close()
        async with scene.serving() as serving:
            session, make = pusher(scene.log)
            source = client.Source(ipv4="127.0.0.3")
            places = [("127.0.0.1", closed), ("127.0.0.1", serving.port)]
            pump = await client.connect(make, places, timeout=5, source=source)
            assert pump.local[0] == "127.0.0.3"
            assert pump.peer == ("127.0.0.1", serving.port)
            await until(lambda: session.told)
            pump.abort()
            with pytest.raises(client.Unreachable) as caught:
                await client.connect(make, places[:1], timeout=5)
            assert caught.value.tried[0].port == closed
            assert not caught.value.tried[0].timed_out

    run(loop, main())


def test_the_certificate_is_reloaded_when_its_file_changes(tmp_path: Path) -> None:
    cert, key = tls.self_signed(tmp_path, ["one.example", "192.0.2.1"])
    assert key.stat().st_mode & 0o777 == 0o600
    current = tls.ServerTls(cert, key)
    before = current.context
    assert not current.reload()
    tls.self_signed(tmp_path, ["two.example"])
    assert current.reload()
    assert current.context is not before
    cert.write_text("rubbish")
    assert not current.reload()
    assert str(cert) in current.problem
    assert tls.describe(None) == ""

"""Echo: sessions, servers and clients of the pump that know lines only, over real sockets.

Called by tests of net.
Never knows a protocol (see line_engine); what sessions were told stands in `told`.
`Scene.serving` fails when a connection is left after its end.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.support.line_engine import LineEngine, Words

from hatoba.model.status import PeerError
from hatoba.net import listen, server, tls
from hatoba.net.pump import Pump
from hatoba.net.session import Later, Then


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

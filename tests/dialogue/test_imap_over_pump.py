"""The scripts of tests/dialogue/imap over a socket: pump, engine and a session without a policy; TLS and deflate."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.dialogue import script
from tests.dialogue.test_imap_engine import SCRIPTS
from tests.support.echo import Log, dialled
from tests.support.imap_dialogue import LIMITS, OFFER, answer
from tests.support.loops import LOOPS, run

from hatoba.model.status import PeerError
from hatoba.net import listen, server, tls
from hatoba.net.pump import Pump
from hatoba.wire.imap import events
from hatoba.wire.imap.offer import Offer
from hatoba.wire.imap.responses import Tagged, Untagged
from hatoba.wire.imap.server import ServerEngine

BODY = [b"%d" % (number % 10) * 50_000 for number in range(100)]


class Plain:
    """A session that answers as the bare one does; FETCH 2 is a large one, streamed."""

    def __init__(self, engine: ServerEngine) -> None:
        self.engine = engine
        self.pump: Pump

    def opened(self, pump: Pump) -> Any:
        self.pump = pump

    def on(self, event: events.Event) -> Any:
        if isinstance(event, events.Fetch) and event.tag == "large":
            self.pump.stream(self.engine.stream(self._large(event.tag)))
            return None
        return answer(self.engine, event)

    def _large(self, tag: str) -> Iterator[bytes | Tagged]:
        yield b"* 2 FETCH (BODY[] {5000000}\r\n"
        yield from BODY
        yield b")\r\n"
        yield Tagged(tag, "OK", "Fetched")

    def tls_started(self, tls: str) -> Any:
        return None

    def timed_out(self) -> Any:
        return Untagged("BYE", "Idle")

    def peer_error(self, error: PeerError) -> Any:
        return Untagged("BYE", error.status.text)

    def fault(self, error_id: str) -> Any:
        return Untagged("BYE", error_id)

    def closed(self, error: BaseException | None) -> None: ...


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return tls.self_signed(tmp_path_factory.mktemp("tls"), ["here.example"])


@asynccontextmanager
async def serving(offer: Offer, certificate: tuple[Path, Path], log: Log) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    context = tls.server_context(*certificate)

    def make() -> Pump:
        engine = ServerEngine(offer, LIMITS)
        return Pump(engine, Plain(engine), loop=loop, log=log, tls_context=context, idle=30)

    listening = await server.listen(listen.bind("127.0.0.1", 0), make)
    try:
        yield listening.port
    finally:
        listening.stop_listening()
        listening.abort()
        assert await listening.emptied(5)
    assert not log.faults


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_script_over_a_socket(loop: str, path: Path, certificate: tuple[Path, Path]) -> None:
    play = script.read(path)
    offer = OFFER.replace(tls="tls" in play.needs, login="nologin" not in play.needs)

    async def main() -> None:
        async with serving(offer, certificate, Log()) as port, dialled(port) as (reader, writer):
            line = ""
            for move in play.steps:
                where = f"{path.name}:{move.line}: {line!r}"
                if move.kind == "send":
                    writer.write(move.data)
                elif move.kind == "closed":
                    assert await reader.read() == b"", where
                elif move.kind == "reply":
                    line = (await reader.readuntil(b"\r\n")).decode()
                    assert line.startswith(move.text), f"{path.name}:{move.line}: {line!r}"
                else:
                    assert (move.text in line) == (move.kind == "has"), where

    run(loop, main())


@pytest.mark.parametrize("loop", LOOPS)
def test_deflate_inside_tls(loop: str, certificate: tuple[Path, Path]) -> None:
    """STARTTLS, LOGIN, COMPRESS, and a body of 5 MB streamed through it all."""
    inflater = zlib.decompressobj(-15)
    deflater = zlib.compressobj(wbits=-15)

    async def inflated(reader: asyncio.StreamReader, end: bytes) -> bytes:
        heard = bytearray()
        while not heard.endswith(end):
            heard += inflater.decompress(await reader.read(65536))
        return bytes(heard)

    async def main() -> None:
        async with serving(OFFER, certificate, Log()) as port, dialled(port) as (reader, writer):
            writer.write(b"a STARTTLS\r\n")
            assert await reader.readline() == b"a OK Begin\r\n"
            await writer.start_tls(tls.client_context(), server_hostname="here.example")
            writer.write(b"b LOGIN a b\r\nc SELECT INBOX\r\nd COMPRESS DEFLATE\r\n")
            assert (await reader.readuntil(b"d OK Compress\r\n")).startswith(b"b OK Login\r\n")
            said = b"large FETCH 2 BODY[]\r\ne NOOP\r\nf LOGOUT\r\n"
            writer.write(deflater.compress(said) + deflater.flush(zlib.Z_SYNC_FLUSH))
            heard = await inflated(reader, b"f OK Logout\r\n")
            assert heard == b"".join(
                (b"* 2 FETCH (BODY[] {5000000}\r\n", *BODY, b")\r\nlarge OK Fetched\r\ne OK Noop\r\n",
                 b"* BYE Goodbye\r\nf OK Logout\r\n")
            )  # fmt: skip
            assert await reader.read() == b""

    run(loop, main())


@pytest.mark.parametrize("loop", LOOPS)
def test_a_broken_deflated_stream_ends_with_a_word(loop: str, certificate: tuple[Path, Path]) -> None:
    async def main() -> None:
        async with serving(OFFER, certificate, Log()) as port, dialled(port) as (reader, writer):
            writer.write(b"b LOGIN a b\r\nd COMPRESS DEFLATE\r\n")
            await reader.readuntil(b"d OK Compress\r\n")
            writer.write(b"\xff" * 100)
            heard = zlib.decompressobj(-15).decompress(await reader.read())
            assert heard == b"* BYE The deflated stream is broken\r\n"

    run(loop, main())

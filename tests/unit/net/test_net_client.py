"""The pump as a client, dialling, and the certificate's files."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.support.echo import Scene, pusher
from tests.support.loops import LOOPS, run, until

from hatoba.net import client, listen, tls

both = pytest.mark.parametrize("loop", LOOPS)


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

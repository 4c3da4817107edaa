"""LMTP over TCP and a unix socket: an answer for each accepted recipient. # RFC 2033"""

import asyncio
from pathlib import Path

import pytest
from tests.support import delivery_scene as scene
from tests.support.smtp_peer import DROP, SmtpPeer

from hatoba.delivery import settings
from hatoba.delivery.courier import Courier


def desk(peer: SmtpPeer) -> Courier:
    options = settings.Settings(timeouts=scene.quick(), limits=settings.Limits(connections=1))
    return scene.courier([scene.to_peer(peer.port, via="lmtp")], options=options)


@pytest.mark.parametrize("extensions", [("PIPELINING",), ()])
async def test_mixed_replies(extensions: tuple[str, ...]) -> None:
    def rcpt(line: str, _: object) -> str:
        return "550 5.1.1 unknown" if "two@" in line else "250 Ok"

    def content(line: str, _: object) -> str:
        return "452 4.2.2 over quota" if "three@" in line else "250 2.1.5 Saved"

    with SmtpPeer({"RCPT": rcpt, "CONTENT": content}, lmtp=True, extensions=extensions) as peer:
        people = ("one@x.example", "two@x.example", "three@x.example")
        feed = await scene.send(desk(peer), scene.job(*people), scene.job(*people))
        assert len(peer.connections) == 1
        assert "C: LHLO hatoba.example" in peer.connections[0].dialogue
    assert [(o.kind, o.status.code, o.scope) for o in feed.outcomes] == [
        ("delivered", "2.1.5", "recipient"), ("failed", "5.1.1", "recipient"), ("deferred", "4.2.2", "recipient"),
    ] * 2  # fmt: skip
    assert feed.ended[0][1].site == f"lmtp:127.0.0.1:{peer.port}"
    assert feed.ended[0][1].dialogue.endswith("S: 250 2.1.5 Saved\nS: 452 4.2.2 over quota")


async def test_lost_after_the_first_answer() -> None:
    with SmtpPeer({"CONTENT": ["250 2.1.5 Saved", DROP]}, lmtp=True) as peer:
        feed = await scene.send(desk(peer), scene.job("one@x.example", "two@x.example"))
    first, second = feed.outcomes
    assert first.kind == "delivered"
    assert (second.kind, second.status.code) == ("deferred", "4.4.2")
    assert "second copy" in second.status.text


async def test_all_recipients_refused() -> None:
    stages: dict[str, object] = {
        "RCPT": ["550 5.1.1 no", "250 Ok"],
        "DATA": ["503 5.5.1 no valid recipients", "354 Go"],
    }
    with SmtpPeer(stages, lmtp=True) as peer:
        feed = await scene.send(desk(peer), scene.job(), scene.job())
        assert len(peer.connections) == 1
    assert [o.status.code for o in feed.outcomes] == ["5.1.1", "2.0.0"]


async def test_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "lmtp"
    with SmtpPeer(lmtp=True) as peer:

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there, back = await asyncio.open_connection("127.0.0.1", peer.port)

            async def pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
                while data := await source.read(65536):
                    sink.write(data)
                    await sink.drain()
                sink.close()

            await asyncio.gather(pour(reader, back), pour(there, writer))

        server = await asyncio.start_unix_server(relay, str(path))
        route = settings.Route(match="*", via="lmtp", host=f"unix:{path}")
        feed = await scene.send(scene.courier([route]), scene.job())
        server.close()
    assert feed.outcomes[0].kind == "delivered"
    assert feed.ended[0][1].site == f"lmtp:unix:{path}"


async def test_no_socket_there(tmp_path: Path) -> None:
    route = settings.Route(match="*", via="lmtp", host=f"unix:{tmp_path}/none")
    feed = await scene.send(scene.courier([route]), scene.job())
    assert (feed.outcomes[0].kind, feed.outcomes[0].status.code) == ("deferred", "4.4.1")

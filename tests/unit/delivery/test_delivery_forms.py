"""Forms a peer may not take: size, 8 bit, binary, SMTPUTF8; parameters handed on; the dialogue's bound."""

from typing import Any

import msgspec
import pytest
from tests.support import delivery_scene as scene
from tests.support.smtp_peer import SmtpPeer

from hatoba.delivery import settings
from hatoba.model.envelope import Recipient


def options(**fields: Any) -> settings.Settings:
    return settings.Settings(timeouts=scene.quick(), **fields)


@pytest.mark.parametrize(
    ("fields", "offered", "kind", "code"),
    [
        ({"sender": "ä@sender.example", "smtputf8": True}, ("PIPELINING",), "failed", "5.6.7"),
        ({"sender": "ä@sender.example", "smtputf8": True}, ("SMTPUTF8", "8BITMIME"), "delivered", "2.0.0"),
        ({"smtputf8": True}, ("PIPELINING",), "delivered", "2.0.0"),  # declared, not needed
        ({"body": "8BITMIME", "eightbit": True}, ("PIPELINING",), "delivered", "2.0.0"),
        ({"body": "BINARYMIME"}, ("PIPELINING",), "failed", "5.6.1"),
        ({"body": "BINARYMIME"}, ("BINARYMIME",), "failed", "5.6.1"),
        ({"body": "BINARYMIME"}, ("BINARYMIME", "CHUNKING"), "delivered", "2.0.0"),
        ({"body": "BINARYMIME"}, ("BINARYMIME", "CHUNKING", "PIPELINING"), "delivered", "2.0.0"),
    ],
)
async def test_forms(fields: dict[str, Any], offered: tuple[str, ...], kind: str, code: str) -> None:
    with SmtpPeer(extensions=offered) as peer:
        made = scene.courier([scene.to_peer(peer.port)], options=options(limits=settings.Limits(connections=1)))
        feed = await scene.send(made, scene.job(), scene.job(**fields), scene.job())
        assert len(peer.connections) == 1
    by_id = sorted((job.letter.id, attempt.outcomes[0]) for job, attempt in feed.ended)
    assert [o.kind for _, o in by_id] == ["delivered", kind, "delivered"]
    assert by_id[1][1].status.code == code


async def test_eightbit_may_be_refused_instead() -> None:
    with SmtpPeer(extensions=()) as peer:
        made = scene.courier([scene.to_peer(peer.port)], options=options(send_eightbit_anyway=False))
        feed = await scene.send(made, scene.job(body="8BITMIME", eightbit=True))
    assert (feed.outcomes[0].kind, feed.outcomes[0].status.code) == ("failed", "5.6.3")


async def test_binary_from_a_blob_goes_in_chunks() -> None:
    pieces = [b"Subject: x\r\n\r\n", bytes(range(256)) * 400, b"\r\nend"]
    with SmtpPeer(extensions=("PIPELINING", "CHUNKING", "BINARYMIME")) as peer:
        made = scene.courier([scene.to_peer(peer.port)], options=options(), chunks=lambda _: iter(pieces))
        size = sum(map(len, pieces))
        feed = await scene.send(made, scene.job(content=None, blob="0001/b", size=size, body="BINARYMIME"))
        (letter,) = await scene.arrived(peer, 1)
    assert feed.outcomes[0].kind == "delivered"
    assert letter.content == b"".join(pieces)


async def test_parameters_are_handed_on() -> None:
    with SmtpPeer() as peer:
        made = scene.courier([scene.to_peer(peer.port)], options=options())
        job = scene.job(ret="HDRS", envid="QQ=1")
        envelope = job.letter.envelope
        person = Recipient(envelope.recipients[0].address, "SUCCESS,FAILURE", "rfc822;b@old.example")
        job.letter.envelope = msgspec.structs.replace(envelope, recipients=(person,))
        await scene.send(made, job)
        (letter,) = await scene.arrived(peer, 1)
    assert letter.mail.endswith("RET=HDRS ENVID=QQ+3D1")
    assert letter.rcpts[0].endswith("NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b@old.example")


async def test_dialogue_is_bounded() -> None:
    with SmtpPeer({"RCPT": "250 " + "y" * 400}) as peer:
        made = scene.courier([scene.to_peer(peer.port)], options=options(dialogue=1000))
        feed = await scene.send(made, scene.job(*[f"u{n}@x.example" for n in range(50)]))
    dialogue = feed.ended[0][1].dialogue
    assert 1000 <= len(dialogue) < 1100
    assert "more characters" in dialogue

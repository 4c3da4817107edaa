"""Recipients reached in several ways: a transaction for each reverse-path, fields of their own, and who ends here."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support import delivery_scene as scene
from tests.support.smtp_peer import Connection, Received, SmtpPeer

from hatoba.delivery import settings
from hatoba.model.address import Address
from hatoba.model.envelope import Way
from hatoba.model.outcome import Job

OWNER = Address("owner", "home.example")
BACK = Address("SRS0=AAAAAA=BB=sender.example=a", "home.example")
LISTED = Way(OWNER, OWNER, b"Delivered-To: team@home.example\r\nList-Id: <team.home.example>\r\n", "", True)
FORWARD = Way(BACK, None, b"Delivered-To: away@home.example\r\n")
EXPANDED = Way(ends="expanded")
WAYS = (LISTED, FORWARD, EXPANDED, Way(ends="discarded"))


def options(**fields: Any) -> settings.Settings:
    return settings.Settings(timeouts=scene.quick(), limits=settings.Limits(connections=1), **fields)


def job(*way: int, **fields: Any) -> Job:
    """A job with a recipient for each of these ways."""
    made = scene.job(*(f"r{n}@rcpt.example" for n in range(len(way))), ways=WAYS, **fields)
    envelope = made.letter.envelope
    people = tuple(
        msgspec.structs.replace(one, way=number) for one, number in zip(envelope.recipients, way, strict=True)
    )
    made.letter.envelope = msgspec.structs.replace(envelope, recipients=people)
    return made


def told(letters: list[Received]) -> list[tuple[str, list[str], bytes]]:
    return [(one.sender, one.recipients, one.content.removesuffix(scene.CONTENT)) for one in letters]


@pytest.mark.parametrize("offered", [("PIPELINING", "SIZE 100000", "DSN"), ("SIZE 100000", "DSN"), ()])
async def test_a_transaction_for_each_way(offered: tuple[str, ...]) -> None:
    with SmtpPeer(extensions=offered) as peer:
        made = scene.courier([scene.to_peer(peer.port)], options=options())
        before, after = scene.job("x@rcpt.example"), scene.job("y@rcpt.example")
        feed = await scene.send(made, before, job(2, 1, 0, 1, 3, 2, ret="FULL", envid="e"), after)
        letters = await scene.arrived(peer, 5)
        assert len(peer.connections) == 1
    assert told(letters) == [
        ("a@sender.example", ["x@rcpt.example"], b""),
        (str(BACK), ["r0@rcpt.example", "r5@rcpt.example"], FORWARD.top),
        (str(OWNER), ["r1@rcpt.example", "r3@rcpt.example"], LISTED.top),
        ("a@sender.example", ["r2@rcpt.example"], b""),
        ("a@sender.example", ["y@rcpt.example"], b""),
    ]
    if "DSN" in offered:
        size = len(scene.CONTENT)
        asked = [one.mail.partition("> ")[2] for one in letters]
        assert asked[1] == f"SIZE={size + len(FORWARD.top)} RET=FULL ENVID=e"
        assert asked[2] == f"SIZE={size + len(LISTED.top)}"  # a list's letters are its own
        assert asked[3] == f"SIZE={size} RET=FULL ENVID=e"
    assert [outcome.kind for outcome in feed.outcomes] == ["delivered"] * 8
    ended = feed.ended[1][1].outcomes[4]
    assert (ended.n, ended.kind, ended.status.code) == (4, "delivered", "2.1.5")


@pytest.mark.parametrize("offered", [("PIPELINING",), ()])
async def test_one_reverse_path_refused_the_other_taken(offered: tuple[str, ...]) -> None:
    def mail(line: str, connection: Connection) -> str:
        return "550 5.7.1 Not from you" if "SRS0" in line else "250 Ok"

    def rcpt(line: str, connection: Connection) -> str:
        return "503 5.5.1 MAIL first" if refused(connection) else "250 Ok"

    def data(line: str, connection: Connection) -> str:
        return "503 5.5.1 MAIL first" if refused(connection) else "354 Go ahead"

    def refused(connection: Connection) -> bool:
        return "SRS0" in next(line for line in reversed(connection.dialogue) if line.startswith("C: MAIL"))

    with SmtpPeer({"MAIL": mail, "RCPT": rcpt, "DATA": data}, extensions=offered) as peer:
        made = scene.courier([scene.to_peer(peer.port)], options=options())
        feed = await scene.send(made, job(2, 1, 2), scene.job("y@rcpt.example"))
        letters = await scene.arrived(peer, 2)
    assert [(outcome.kind, outcome.status.code) for outcome in feed.ended[0][1].outcomes] == [
        ("failed", "5.7.1"),
        ("delivered", "2.0.0"),
        ("failed", "5.7.1"),
    ]
    assert [one.recipients for one in letters] == [["r1@rcpt.example"], ["y@rcpt.example"]]


async def test_a_connection_cut_between_two_ways_sends_nothing_twice() -> None:
    seen: list[str] = []

    def mail(line: str, connection: Connection) -> str | None:
        seen.append(line)
        return "421 4.3.2 Closing" if len(seen) == 2 else "250 Ok"

    with SmtpPeer({"MAIL": mail}, extensions=("PIPELINING",)) as peer:
        made = scene.courier([scene.to_peer(peer.port)], options=options())
        feed = await scene.send(made, job(1, 2))
        letters = await scene.arrived(peer, 1)
    outcomes = feed.ended[0][1].outcomes
    assert outcomes[0].kind == "delivered"
    assert [one.recipients for one in letters if "r0@rcpt.example" in one.recipients] == [["r0@rcpt.example"]]


async def test_nobody_is_left_to_speak_for() -> None:
    with SmtpPeer() as peer:
        made = scene.courier([scene.to_peer(peer.port)], options=options())
        feed = await scene.send(made, job(3, 4), scene.job("y@rcpt.example"))
        letters = await scene.arrived(peer, 1)
    assert [outcome.kind for outcome in feed.outcomes] == ["delivered"] * 3
    assert [one.recipients for one in letters] == [["y@rcpt.example"]]


async def test_a_large_letter_streams_with_its_fields_on_top() -> None:
    pieces = [scene.CONTENT, b".dot\r\n" * 5000]
    with SmtpPeer() as peer:
        made = scene.courier([scene.to_peer(peer.port)], options=options(), chunks=lambda _: iter(pieces))
        size = sum(map(len, pieces))
        feed = await scene.send(made, job(1, 2, content=None, blob="0001/b", size=size, dotted=True))
        letters = await scene.arrived(peer, 2)
    assert [one.content for one in letters] == [way.top + b"".join(pieces) for way in (LISTED, FORWARD)]
    assert [outcome.kind for outcome in feed.outcomes] == ["delivered"] * 2


async def test_binary_in_chunks() -> None:
    content = b"Subject: x\r\n\r\n\x00\n\r"
    with SmtpPeer(extensions=("PIPELINING", "CHUNKING", "BINARYMIME")) as peer:
        made = scene.courier([scene.to_peer(peer.port)], options=options())
        await scene.send(made, job(1, 2, content=content, body="BINARYMIME"))
        letters = await scene.arrived(peer, 2)
    assert [one.content for one in letters] == [way.top + content for way in (LISTED, FORWARD)]


async def test_lmtp() -> None:
    with SmtpPeer(lmtp=True) as peer:
        made = scene.courier([scene.to_peer(peer.port, via="lmtp")], options=options())
        feed = await scene.send(made, job(1, 3, 2, 1))
        letters = await scene.arrived(peer, 2)
    assert [one.recipients for one in letters] == [["r0@rcpt.example", "r3@rcpt.example"], ["r2@rcpt.example"]]
    assert [outcome.kind for outcome in feed.outcomes] == ["delivered"] * 4


async def test_maildir(tmp_path: Path) -> None:
    account = Address("ann", "home.example")
    directory = scene.Directory({"home.example": "local"}, {"ann@home.example": scene.Account(account)})
    made = scene.courier(directory=directory, mail=tmp_path)
    ours = scene.job("ann@home.example", "ann+x@home.example", "team@home.example", "null@home.example", ways=WAYS)
    envelope = ours.letter.envelope
    people = tuple(
        msgspec.structs.replace(one, way=n) for one, n in zip(envelope.recipients, (0, 1, 3, 4), strict=True)
    )
    ours.letter.envelope = msgspec.structs.replace(envelope, recipients=people)
    feed = await scene.send(made, ours, to="ann@home.example")
    assert [(o.kind, o.status.code) for o in feed.outcomes] == [
        ("delivered", "2.0.0"),
        ("delivered", "2.0.0"),
        ("delivered", "2.1.5"),
        ("delivered", "2.1.5"),
    ]
    plain, listed = sorted((tmp_path / "home.example" / "ann" / "new").iterdir())
    assert plain.read_bytes().startswith(b"Return-Path: <a@sender.example>\nDelivered-To: ann@home.example\nSubject")
    assert listed.read_bytes().startswith(
        b"Return-Path: <owner@home.example>\nDelivered-To: ann+x@home.example\n"
        b"Delivered-To: team@home.example\nList-Id: <team.home.example>\nSubject"
    )

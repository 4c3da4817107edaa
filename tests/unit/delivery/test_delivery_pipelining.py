"""The next letter's envelope rides behind the last one's dot: when the dot, the next MAIL or the line fails."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from tests.support import delivery_scene as scene
from tests.support.smtp_peer import DROP, Drop, SmtpPeer

from hatoba.delivery import settings
from hatoba.delivery.courier import Courier
from hatoba.model.outcome import Job


def one_line(**limits: Any) -> settings.Settings:
    return settings.Settings(
        timeouts=scene.quick(),
        limits=settings.Limits(**{"connections": 1, "start": 1, **limits}),
    )


def desk(peer: SmtpPeer, **limits: Any) -> Courier:
    return scene.courier([scene.to_peer(peer.port)], options=one_line(**limits))


def numbered(count: int) -> list[Job]:
    return [scene.job(f"u{n}@x.example", content=b"Subject: %d\r\n\r\n%d\r\n" % (n, n)) for n in range(count)]


async def test_many_letters_over_one_connection() -> None:
    with SmtpPeer() as peer:
        feed = await scene.send(desk(peer), *numbered(12))
        letters = await scene.arrived(peer, 12)
        assert len(peer.connections) == 1
        said = [line for line in peer.connections[0].dialogue if line.startswith("C: ")]
    assert [letter.recipients for letter in letters] == [[f"u{n}@x.example"] for n in range(12)]
    assert [letter.content for letter in letters] == [b"Subject: %d\r\n\r\n%d\r\n" % (n, n) for n in range(12)]
    assert all(outcome.kind == "delivered" for outcome in feed.outcomes)
    assert [bool(attempt.opening) for _, attempt in feed.ended] == [True] + [False] * 11
    assert len({attempt.session for _, attempt in feed.ended}) == 1
    assert said[-1] == "C: QUIT"
    assert feed.back == []


async def test_the_next_letter_is_announced_before_the_answer_to_the_dot() -> None:
    seen: list[int] = []

    def answer(_: str, connection: object) -> str:
        while b"DATA\r\n" not in connection._buffer:  # type: ignore[attr-defined] # the peer's input so far
            connection.fill()  # type: ignore[attr-defined] # blocks until the next letter's envelope is here
        seen.append(1)
        return "250 2.0.0 Ok"

    with SmtpPeer({"CONTENT": [answer, "250 2.0.0 Ok"]}) as peer:
        feed = await scene.send(desk(peer), *numbered(2))
    assert seen == [1]
    assert all(outcome.kind == "delivered" for outcome in feed.outcomes)


async def test_nothing_is_pipelined_where_it_is_not_offered() -> None:
    def alone(line: str, connection: object) -> str:
        assert connection._buffer == b"", line  # type: ignore[attr-defined] # nothing stands behind a command
        return "250 Ok"

    def go(line: str, connection: object) -> str:
        assert connection._buffer == b"", line  # type: ignore[attr-defined] # as above
        return "354 Go"

    with SmtpPeer({"MAIL": alone, "RCPT": alone, "DATA": go, "CONTENT": alone}, extensions=()) as peer:
        feed = await scene.send(desk(peer), *numbered(5), scene.job("a@x.example", "b@x.example"))
        assert len(peer.connections) == 1
    assert all(outcome.kind == "delivered" for outcome in feed.outcomes)


@pytest.mark.parametrize(("reply", "kind"), [("554 5.6.0 no", "failed"), ("451 4.3.0 later", "deferred")])
async def test_refused_dot_leaves_the_announced_letter_alone(reply: str, kind: str) -> None:
    with SmtpPeer({"CONTENT": [reply, "250 Ok"]}) as peer:
        feed = await scene.send(desk(peer), *numbered(3))
        assert len(peer.connections) == 1
    assert [outcome.kind for outcome in feed.outcomes] == [kind, "delivered", "delivered"]


async def test_refused_announced_mail() -> None:
    """Its RCPT and DATA are answered 503: the refusal of MAIL is what counts."""
    stages: dict[str, object] = {
        "MAIL": ["250 Ok", "452 4.2.2 not this one", "250 Ok"],
        "RCPT": ["250 Ok", "503 5.5.1 no MAIL", "250 Ok"],
        "DATA": ["354 Go", "503 5.5.1 no RCPT", "354 Go"],
    }
    with SmtpPeer(stages) as peer:
        feed = await scene.send(desk(peer), *numbered(3))
        assert len(peer.connections) == 1
        assert [letter.recipients for letter in await scene.arrived(peer, 2)] == [["u0@x.example"], ["u2@x.example"]]
    assert [o.status.code for o in feed.outcomes] == ["2.0.0", "4.2.2", "2.0.0"]
    assert feed.outcomes[1].scope == "letter"


async def test_announced_letter_whose_recipients_are_all_refused() -> None:
    stages: dict[str, object] = {
        "RCPT": ["250 Ok", "550 5.1.1 no", "250 Ok"],
        "DATA": ["354 Go", "554 5.5.1 nobody", "354 Go"],
    }
    with SmtpPeer(stages) as peer:
        feed = await scene.send(desk(peer), *numbered(3))
        assert len(peer.connections) == 1
        assert "C: RSET" in peer.connections[0].dialogue
    assert [o.status.code for o in feed.outcomes] == ["2.0.0", "5.1.1", "2.0.0"]


@pytest.mark.parametrize("drop", [DROP, Drop(reset=True)])
async def test_unanswered_dot_defers_and_the_announced_letter_goes_back(drop: Drop) -> None:
    with SmtpPeer({"CONTENT": ["250 Ok", drop, "250 Ok"]}) as peer:
        jobs = numbered(4)
        feed = await scene.send(desk(peer), *jobs)
        assert len(peer.connections) == 2
    by_id = {job.letter.id: attempt.outcomes[0] for job, attempt in feed.ended}
    kinds = [by_id[job.letter.id].kind for job in jobs]
    assert kinds == ["delivered", "deferred", "delivered", "delivered"]
    lost = by_id[jobs[1].letter.id]
    assert lost.status.code == "4.4.2"
    assert "second copy" in lost.status.text
    assert feed.back == [jobs[2].letter.id]


async def test_connection_that_ends_between_letters_costs_no_attempt() -> None:
    """A peer that closes after each letter, or says 421 to the next: the letter goes over a new connection."""
    for answers in (["250 Ok", DROP], ["250 Ok", "421 4.4.5 enough for one connection"]):
        turn: dict[str, object] = {"MAIL": lambda _line, c, answers=answers: answers[min(len(c.dialogue) > 15, 1)]}
        with SmtpPeer(turn) as peer:
            feed = await scene.send(desk(peer), *numbered(4))
            assert len(peer.connections) == 4
        assert all(outcome.kind == "delivered" for outcome in feed.outcomes)
        assert len(feed.back) >= 3


async def test_letters_per_connection_and_mailmax() -> None:
    with SmtpPeer() as peer:
        await scene.send(desk(peer, letters=3), *numbered(7))
        assert len(peer.connections) == 3
    with SmtpPeer(extensions=("PIPELINING", "LIMITS MAILMAX=2")) as peer:
        await scene.send(desk(peer), *numbered(6))
        assert len(peer.connections) == 3


async def test_idle_connection_is_reused_then_closed() -> None:
    options = settings.Settings(timeouts=scene.quick(), idle=0.3)
    with SmtpPeer() as peer:
        made = scene.courier([scene.to_peer(peer.port)], options=options)
        feed = scene.Feed([scene.job()])
        channel = made.channel(await scene.sited(made), feed)
        channel.wake()
        await feed.told(1)
        feed.jobs.append(scene.job())
        channel.wake()
        await feed.told(2)
        assert len(peer.connections) == 1
        await asyncio.to_thread(peer.wait_closed)
        assert "C: QUIT" in peer.connections[0].dialogue
        assert channel.status().connections == 0
        feed.jobs.append(scene.job())
        channel.wake()
        await feed.told(3)
        assert len(peer.connections) == 2
        await made.close()


async def test_peer_that_leaves_an_idle_connection() -> None:
    with SmtpPeer({"QUIT": "221 Bye"}) as peer:
        made = scene.courier([scene.to_peer(peer.port)])
        feed = scene.Feed([scene.job()])
        feed.channel = channel = made.channel(await scene.sited(made), feed)
        channel.wake()
        await feed.told(1)
        peer.connections[0].sock.shutdown(2)
        await asyncio.to_thread(peer.wait_closed)
        feed.jobs.append(scene.job())
        channel.wake()  # whether or not the loop has seen the end yet
        await feed.told(2)
        await made.close()
    assert all(outcome.kind == "delivered" for outcome in feed.outcomes)


async def test_dots_are_stuffed_and_unvouched_content_is_scanned() -> None:
    dotted = b"Subject: x\r\n\r\n.\r\n..two\r\nend"
    with SmtpPeer() as peer:
        feed = await scene.send(
            desk(peer),
            scene.job(content=dotted),
            scene.job(content=dotted, door="dsn", dotted=False),  # the flag is not believed
            scene.job(content=b"Subject: x\r\n\r\na\n.\r\nMAIL FROM:<evil@x.example>\r\n", door="cli"),
        )
        letters = await scene.arrived(peer, 2)
    assert [letter.content for letter in letters] == [dotted + b"\r\n"] * 2
    assert sorted(o.status.code for o in feed.outcomes) == ["2.0.0", "2.0.0", "5.6.0"]


async def test_large_letter_streams_from_its_blob() -> None:
    size = 3_000_000
    line = b"." + b"x" * 74 + b"\r\n"
    whole = (line * (size // len(line) + 1))[: size - 2] + b"\r\n"
    cut = [whole[at : at + 100_001] for at in range(0, len(whole), 100_001)]
    with SmtpPeer() as peer:
        made = scene.courier([scene.to_peer(peer.port)], options=one_line(), chunks=lambda _: iter(cut))
        big = scene.job(content=None, blob="0001/x", size=len(whole), dotted=True)
        feed = await scene.send(made, scene.job(), big, scene.job())
        letters = await scene.arrived(peer, 3)
    assert [o.kind for o in feed.outcomes] == ["delivered"] * 3
    assert letters[1].content == whole


async def test_blob_that_cannot_be_read_defers() -> None:
    def broken(_: object) -> Iterable[bytes]:
        yield b"Subject: x\r\n\r\n"
        raise OSError("bad sector")

    log = scene.Log()
    with SmtpPeer() as peer:
        made = scene.courier([scene.to_peer(peer.port)], options=one_line(), chunks=broken, log=log)
        feed = await scene.send(made, scene.job(content=None, blob="0001/x", size=99), scene.job())
        assert [letter.content for letter in await scene.arrived(peer, 1)] == [scene.CONTENT]
    assert [o.kind for o in feed.outcomes] == ["deferred", "delivered"]
    assert log.errors


async def test_bug_defers_its_letter_only() -> None:
    """A letter that trips our own code is deferred with the id of the fault; the others go."""
    log = scene.Log()
    with SmtpPeer() as peer:
        made = scene.courier([scene.to_peer(peer.port)], options=one_line(), log=log)
        bad = scene.job()
        bad.letter.envelope = None  # type: ignore[assignment] # the bug
        feed = await scene.send(made, scene.job(), bad, scene.job())
    by_id = {job.letter.id: attempt.outcomes[0] for job, attempt in feed.ended}
    assert sorted(o.kind for o in by_id.values()) == ["deferred", "delivered", "delivered"]
    fault = by_id[bad.letter.id]
    assert fault.status.code == "4.3.0"
    assert log.errors[0][1]["error_id"] in fault.status.text

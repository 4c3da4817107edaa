"""A peer that refuses, hangs or drops at each stage: every job ends in an Outcome that says where and why."""

from typing import Any

import pytest
from tests.support import delivery_scene as scene
from tests.support.smtp_peer import DROP, HANG, Drop, SmtpPeer

from hatoba.delivery import settings


async def one(peer: SmtpPeer, **options: Any) -> scene.Feed:
    made = settings.Settings(**{"timeouts": scene.quick(), **options})
    return await scene.send(scene.courier([scene.to_peer(peer.port)], options=made), scene.job())


async def test_delivered_with_dialogue() -> None:
    with SmtpPeer() as peer:
        feed = await one(peer)
        (letter,) = await scene.arrived(peer, 1)
    (attempt,) = [attempt for _, attempt in feed.ended]
    (outcome,) = attempt.outcomes
    assert (outcome.kind, outcome.status.code) == ("delivered", "2.0.0")
    assert outcome.reply == "250 2.0.0 Ok: queued as PEER"
    assert not outcome.dsn  # the peer offered DSN
    assert letter.content == scene.CONTENT
    assert letter.helo == "hatoba.example"
    assert attempt.host == attempt.ip == "127.0.0.1"
    assert attempt.source_ip == "127.0.0.1"
    assert attempt.opening.splitlines()[:3] == [
        f"* connecting to 127.0.0.1[127.0.0.1]:{peer.port}",
        "S: 220 peer.test ESMTP ready",
        "C: EHLO hatoba.example",
    ]
    assert attempt.dialogue.splitlines() == [
        f"C: MAIL FROM:<a@sender.example> SIZE={len(scene.CONTENT)}",
        "S: 250 2.1.0 Ok",
        "C: RCPT TO:<b@rcpt.example>",
        "S: 250 2.1.5 Ok",
        "C: DATA",
        "S: 354 Go ahead",
        f"C: ({len(scene.CONTENT)} octets of content)",
        "S: 250 2.0.0 Ok: queued as PEER",
    ]


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize(
    ("stage", "reply", "kind", "code", "scope"),
    [
        ("banner", "554 5.3.2 not you", "deferred", "4.3.2", "site"),
        ("banner", "421 4.7.0 busy", "deferred", "4.7.0", "site"),
        ("EHLO", "450 4.3.2 later", "deferred", "4.3.2", "site"),
        ("MAIL", "421 4.3.2 closing", "deferred", "4.3.2", "site"),
        ("MAIL", "451 4.7.1 you are listed", "deferred", "4.7.1", "site"),
        ("MAIL", "452 4.2.1 odd sender", "deferred", "4.2.1", "letter"),
        ("MAIL", "550 5.1.8 bad sender", "failed", "5.1.8", "letter"),
        ("RCPT", "450 4.2.0 greylisted", "deferred", "4.2.0", "recipient"),
        ("RCPT", "550 5.1.1 no such user", "failed", "5.1.1", "recipient"),
        ("RCPT", "421 4.3.2 closing", "deferred", "4.3.2", "site"),
        ("DATA", "451 4.3.0 later", "deferred", "4.3.0", "letter"),
        ("DATA", "554 5.7.1 no", "failed", "5.7.1", "letter"),
        ("CONTENT", "452 4.3.1 disk full", "deferred", "4.3.1", "letter"),
        ("CONTENT", "554 5.6.0 spam", "failed", "5.6.0", "letter"),
        ("CONTENT", "421 4.7.28 too much", "deferred", "4.7.28", "site"),
    ],
)
async def test_refused(stage: str, reply: str, kind: str, code: str, scope: str, pipelining: bool) -> None:
    extensions = ("PIPELINING", "ENHANCEDSTATUSCODES") if pipelining else ("ENHANCEDSTATUSCODES",)
    with SmtpPeer({stage: reply}, extensions=extensions) as peer:
        feed = await one(peer)
        assert not any(letter.accepted and letter.content for letter in peer.letters)
    (outcome,) = feed.outcomes
    assert (outcome.kind, outcome.status.code, outcome.scope) == (kind, code, scope)
    assert outcome.reply == reply
    assert reply in feed.ended[0][1].opening + feed.ended[0][1].dialogue


STAGES = ("banner", "EHLO", "MAIL", "RCPT", "DATA", "CONTENT")


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("stage", STAGES)
async def test_hangs(stage: str, pipelining: bool) -> None:
    extensions = ("PIPELINING",) if pipelining else ()
    short = {"banner": "greeting", "EHLO": "hello", "CONTENT": "end"}.get(stage, stage.lower())
    times = (
        scene.quick(**{short: 0.15})
        if not pipelining
        else scene.quick(**dict.fromkeys(("greeting", "hello", "mail", "rcpt", "data", "end"), 0.15))
    )
    with SmtpPeer({stage: HANG}, extensions=extensions) as peer:
        feed = await one(peer, timeouts=times)
    (outcome,) = feed.outcomes
    assert (outcome.kind, outcome.status.code) == ("deferred", "4.4.2")
    assert "no answer within 0.15 s" in outcome.status.text
    assert ("second copy" in outcome.status.text) == (stage == "CONTENT")


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("answer", [DROP, Drop("25", whole=False), Drop(reset=True)])
async def test_drops(stage: str, answer: Drop) -> None:
    with SmtpPeer({stage: answer}) as peer:
        feed = await one(peer)
    (outcome,) = feed.outcomes
    assert outcome.kind == "deferred"
    if stage == "banner" and answer.reset:  # may hit the connection before we have it
        assert outcome.status.code in {"4.4.1", "4.4.2"}
        return
    assert outcome.status.code == "4.4.2"
    assert "lost connection" in outcome.status.text
    assert ("second copy" in outcome.status.text) == (stage == "CONTENT")
    assert outcome.scope == "letter"


@pytest.mark.parametrize("stage", STAGES)
async def test_rubbish(stage: str) -> None:
    with SmtpPeer({stage: "this is no SMTP"}) as peer:
        feed = await one(peer)
    (outcome,) = feed.outcomes
    assert outcome.kind == "deferred"
    assert outcome.status.code in {"4.5.2", "4.4.2"}
    assert "this is no SMTP" in outcome.status.text


async def test_refused_connection() -> None:
    with SmtpPeer() as peer:
        port = peer.port
    feed = await scene.send(scene.courier([scene.to_peer(port)]), scene.job())
    (outcome,) = feed.outcomes
    assert (outcome.kind, outcome.status.code) == ("deferred", "4.4.1")
    assert "refused" in outcome.status.text
    assert feed.ended[0][1].opening


async def test_helo_where_ehlo_is_unknown() -> None:
    with SmtpPeer({"EHLO": "500 5.5.1 what?"}) as peer:
        feed = await one(peer)
        (letter,) = await scene.arrived(peer, 1)
    assert feed.outcomes[0].kind == "delivered"
    assert letter.mail == "MAIL FROM:<a@sender.example>"


async def test_size_is_checked_before_sending() -> None:
    with SmtpPeer(extensions=("PIPELINING", "SIZE 20")) as peer:
        feed = await one(peer)
        assert "MAIL" not in "".join(peer.connections[0].dialogue)
    (outcome,) = feed.outcomes
    assert (outcome.kind, outcome.status.code, outcome.scope) == ("failed", "5.3.4", "letter")


async def test_several_recipients_each_with_an_outcome() -> None:
    def answer(line: str, _: object) -> str:
        return "550 5.1.1 no" if "two@" in line else "450 4.2.2 full" if "three@" in line else "250 2.1.5 Ok"

    with SmtpPeer({"RCPT": answer}) as peer:
        desk = scene.courier([scene.to_peer(peer.port)])
        feed = await scene.send(desk, scene.job("one@x.example", "two@x.example", "three@x.example", "four@x.example"))
        (letter,) = await scene.arrived(peer, 1)
    assert [(o.kind, o.status.code) for o in feed.outcomes] == [
        ("delivered", "2.0.0"), ("failed", "5.1.1"), ("deferred", "4.2.2"), ("delivered", "2.0.0"),
    ]  # fmt: skip
    assert letter.recipients == ["one@x.example", "four@x.example"]


@pytest.mark.parametrize("data", ["554 5.5.1 no valid recipients", "354 go on"])
async def test_no_content_when_nobody_was_accepted(data: str) -> None:
    """RFC 2920 §3.1: where DATA is taken nevertheless, a dot alone ends it."""
    with SmtpPeer({"RCPT": ["550 5.1.1 no", "550 5.1.1 no", "250 Ok"], "DATA": [data, "354 Go"]}) as peer:
        desk = scene.courier(
            [scene.to_peer(peer.port)], options=settings.Settings(limits=settings.Limits(connections=1))
        )
        feed = await scene.send(desk, scene.job("one@x.example", "two@x.example"), scene.job("three@x.example"))
        assert len(peer.connections) == 1
        assert peer.letters[-1].content == scene.CONTENT
        assert all(letter.content == b"" for letter in peer.letters[:-1])
    assert [o.status.code for o in feed.outcomes] == ["5.1.1", "5.1.1", "2.0.0"]


async def test_too_many_recipients_go_in_the_next_transaction() -> None:
    """By our limit, by RCPTMAX and by 452 after some were accepted. # RFC 5321 §4.5.3.1.10"""
    people = [f"u{n}@x.example" for n in range(7)]
    answers: object = ["250 Ok", "452 4.5.3 too many", "250 Ok"]
    with SmtpPeer({"RCPT": answers}, extensions=("PIPELINING", "LIMITS RCPTMAX=3")) as peer:
        feed = await one_of(peer, *people)
        got = [letter.recipients for letter in peer.letters]
    assert all(o.kind == "delivered" for o in feed.outcomes)
    assert sorted(person for people_ in got for person in people_) == people
    assert got[0] == ["u0@x.example", "u2@x.example"]
    assert max(len(each) for each in got) == 3
    assert len(feed.ended) == 1
    assert feed.ended[0][1].dialogue.count("C: DATA") == len(got)


async def one_of(peer: SmtpPeer, *people: str) -> scene.Feed:
    options = settings.Settings(timeouts=scene.quick(), limits=settings.Limits(recipients=5))
    return await scene.send(scene.courier([scene.to_peer(peer.port)], options=options), scene.job(*people))


async def test_unsolicited_421_in_a_transaction() -> None:
    with SmtpPeer({"MAIL": Drop("250 2.1.0 Ok\n250 2.1.5 Ok\n421 4.3.2 shutting down")}) as peer:
        feed = await one(peer)
    (outcome,) = feed.outcomes
    assert (outcome.kind, outcome.status.code) == ("deferred", "4.3.2")

"""The milter client against filters that are played: what they are told, what they change, what they refuse."""

from collections.abc import Iterator

import pytest
import structlog
from tests.support.letter_question import question
from tests.support.loops import until
from tests.support.service_peers import Filter, Peer, packet

from hatoba.model import edits
from hatoba.model.edits import FieldEdit
from hatoba.model.opinion import Filtered, Question
from hatoba.model.status import PeerError, Status
from hatoba.net import line, milter

LOG = structlog.get_logger("test")


@pytest.fixture
def started() -> Iterator[list[Peer]]:
    peers_: list[Peer] = []
    yield peers_
    for each in peers_:
        each.close()


# ---- milter


def said(peer: Peer, code: bytes) -> list[bytes]:
    return [data for letter, data in peer.told if letter == code]


async def ask_filter(peer: Peer, asked: Question) -> Filtered:
    client = milter.Milter(line.place(peer.address), LOG)
    try:
        return await client(asked)
    finally:
        await client.close()


async def test_a_milter_is_told_everything(started: list[Peer]) -> None:
    peer = Peer(Filter())
    started.append(peer)
    assert await ask_filter(peer, question(b"\r\n" + b"y" * 100_000)) == Filtered("continue")
    assert said(peer, b"C") == [b"client.example\x004\0\x00192.0.2.1\0"]
    assert said(peer, b"H") == [b"helo.example\0"]
    assert said(peer, b"M") == [b"<a@example.org>\0"]
    assert said(peer, b"R") == [b"<b@example.com>\0", b"<c@example.com>\0"]
    assert said(peer, b"L") == [b"Subject\0one\0", b"X-Folded\0a\n\tb\0"]
    assert [len(data) for data in said(peer, b"B")] == [65535, 100_000 - 65535]
    macros = b"".join(said(peer, b"D"))
    for pair in (b"i\x000123456789ABC\0", b"j\0here.example\0", b"{rcpt_addr}\0c@example.com\0", b"{cipher}\0TLS_AES"):
        assert pair in macros
    assert b"{auth_authen}" not in macros


async def test_changes_come_back_as_edits(started: list[Peer]) -> None:
    end = b"".join(
        (
            packet(b"p"),
            packet(b"i", b"\0\0\0\1DKIM-Signature\0v=1;\n\tb=x\0"),
            packet(b"h", b"X-Last\0z\0"),
            packet(b"m", b"\0\0\0\1Subject\0two\0"),
            packet(b"m", b"\0\0\0\1X-Folded\0\0"),
            packet(b"b", b"new\n"),
            packet(b"b", b"body\r\n"),
            packet(b"+", b"<d@example.com>\0"),
            packet(b"-", b"c@example.com\0"),
            packet(b"e", b"<>\0"),
            packet(b"c"),
        )
    )
    peer = Peer(Filter(end))
    started.append(peer)
    filtered = await ask_filter(peer, question())
    assert filtered.action == "continue"
    assert filtered.edits == edits.Edits(
        (
            FieldEdit(edits.INSERT, b"DKIM-Signature", b" v=1;\r\n\tb=x", 1),
            FieldEdit(edits.ADD, b"X-Last", b" z"),
            FieldEdit(edits.CHANGE, b"Subject", b" two", 1),
            FieldEdit(edits.CHANGE, b"X-Folded", b"", 1),
        ),
        b"new\r\nbody\r\n",
        ("d@example.com",),
        ("c@example.com",),
        "",
    )


async def test_the_leading_space_is_the_filters_where_it_asked_for_it(started: list[Peer]) -> None:
    peer = Peer(Filter(packet(b"h", b"X-Last\0  z\0") + packet(b"c"), steps=0x100000))
    started.append(peer)
    filtered = await ask_filter(peer, question())
    assert filtered.edits.fields == (FieldEdit(edits.ADD, b"X-Last", b"  z"),)
    assert said(peer, b"L")[0] == b"Subject\0 one\0"


@pytest.mark.parametrize(
    ("at", "answer", "filtered"),
    [
        (b"C", packet(b"a"), Filtered("continue")),
        (b"H", packet(b"r"), Filtered("reject")),
        (b"M", packet(b"t"), Filtered("defer")),
        (b"M", packet(b"y", b"550 5.7.9 no\0"), Filtered("reject", Status("5.7.9", "no"))),
        (b"R", packet(b"y", b"451 4.2.1 later\0"), Filtered("defer", Status("4.2.1", "later"))),
        (b"T", packet(b"y", b"554 5.x\0"), Filtered("reject", Status("5.7.1", "5.x"))),
        (b"L", packet(b"d"), Filtered("discard")),
        (b"N", packet(b"f"), Filtered("defer")),
        (b"B", packet(b"4"), Filtered("defer")),
        (b"B", packet(b"s"), Filtered("continue")),
        (b"E", packet(b"q", b"odd\0") + packet(b"c"), Filtered("quarantine", None, "odd")),
        (b"E", packet(b"h", b"A\0b\0") + packet(b"r"), Filtered("reject")),
    ],
)
async def test_verdicts_at_each_step(at: bytes, answer: bytes, filtered: Filtered, started: list[Peer]) -> None:
    peer = Peer(Filter(at={at: answer}, steps=0x400))
    started.append(peer)
    client = milter.Milter(line.place(peer.address), LOG, reuse=True)
    found = await client(question())
    if filtered.action == "continue":
        assert found.action in ("continue", "accept")
    else:
        assert found == filtered
    peer_filter = await client(question())  # the line is as good as new
    assert peer_filter == found
    assert peer.connections == 1
    await client.close()


async def test_one_recipient_is_asked_about_only_where_the_filter_wants_it(started: list[Peer]) -> None:
    alone = question(block=b"", size=0, pieces=tuple, recipients=("b@example.com",))
    refusing = Peer(Filter(at={b"R": packet(b"y", b"550 5.1.1 nobody\0")}))
    deaf = Peer(Filter(steps=0x7 | 0x8))  # NO_CONNECT NO_HELO NO_MAIL NO_RCPT
    started += [refusing, deaf]
    assert await ask_filter(refusing, alone) == Filtered("reject", Status("5.1.1", "nobody"))
    await until(lambda: len(said(refusing, b"Q")) == 2)
    told = b"".join(code for code, _ in refusing.told if code != b"D")
    assert sorted(told) == sorted(b"OQ" + b"OCHMRQ")  # two connections: what it wants to judge, then the recipient
    client = milter.Milter(line.place(deaf.address), LOG, reuse=True)
    for _ in range(3):
        assert await client(alone) == Filtered("continue")
    assert [code for code, _ in deaf.told] == [b"O"]
    await client.close()


async def test_lines_are_used_again_and_replaced_when_the_filter_was_restarted(started: list[Peer]) -> None:
    peer = Peer(Filter())
    started.append(peer)
    client = milter.Milter(line.place(peer.address), LOG, reuse=True)
    for _ in range(3):
        await client(question())
    assert peer.connections == 1
    await until(lambda: len(said(peer, b"K")) == 3)
    peer.drop()
    assert await client(question()) == Filtered("continue")
    assert peer.connections == 2
    await client.close()
    old = Peer(Filter(version=2))
    started.append(old)
    client = milter.Milter(line.place(old.address), LOG, reuse=True)
    for _ in range(2):
        await client(question())
    assert old.connections == 2
    assert not said(old, b"T")


async def test_silent_steps_are_streamed(started: list[Peer]) -> None:
    peer = Peer(Filter(steps=0xFF080 | 0x20000000))
    started.append(peer)
    body = b"\r\n" + b"y" * 5_000_000
    assert await ask_filter(peer, question(body)) == Filtered("continue")
    assert b"".join(said(peer, b"B")) == body[2:]
    assert max(map(len, said(peer, b"B"))) == (1 << 20) - 1


async def test_a_new_body_without_end_is_refused(started: list[Peer]) -> None:
    peer = Peer(Filter(packet(b"b", b"x" * 60_000) * 3 + packet(b"c")))
    started.append(peer)
    client = milter.Milter(line.place(peer.address), LOG, most=150_000)
    with pytest.raises(PeerError, match="above 150000"):
        await client(question())

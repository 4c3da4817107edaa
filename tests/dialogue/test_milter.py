"""Dialogues with a filter, octet by octet: what we write for each command, what comes of each packet it sends.

The numbers and letters are libmilter's; nothing here is read from our own tables but what is named as such.
"""

import struct
from collections.abc import Sequence

import pytest
from tests.support.milter_dialogue import CHANGES, CONNECT, at_the_end, engine, heard, packet

from hatoba.wire.engine import CLOSED
from hatoba.wire.milter import client, commands, replies, states, terms
from hatoba.wire.milter.terms import Action, Step

LETTER: Sequence[tuple[commands.Command, bytes]] = (
    (CONNECT, packet(b"C", b"client.example\x004\x00\x19192.0.2.1\x00")),
    (commands.Helo(b"client.example"), packet(b"H", b"client.example\x00")),
    (commands.Mail(b"<a@example.org>", (b"SIZE=5",)), packet(b"M", b"<a@example.org>\x00SIZE=5\x00")),
    (commands.Rcpt(b"<b@example.com>"), packet(b"R", b"<b@example.com>\x00")),
    (commands.Data(), packet(b"T")),
    (commands.Header(b"Subject", b" folded\r\n\ttwice\r\n"), packet(b"L", b"Subject\x00folded\n\ttwice\x00")),
    (commands.EndOfHeader(), packet(b"N")),
    (commands.Body(b"Hello.\r\n"), packet(b"B", b"Hello.\r\n")),
    (commands.End(), packet(b"E")),
)


def test_a_whole_letter_is_told_step_by_step() -> None:
    milter = engine()
    for command, octets in LETTER:
        assert milter.send(command) == octets
        assert milter.pending is command
        milter.receive(packet(b"c"))
        assert heard(milter) == [replies.Continue()]
        assert milter.pending is None
    assert milter.send(commands.QuitNew()) == packet(b"K")
    assert milter.send(CONNECT) == LETTER[0][1]
    milter.receive(packet(b"a"))
    assert heard(milter) == [replies.Accept()]
    assert milter.send(commands.Quit()) == packet(b"Q")
    milter.receive(b"")
    assert milter.next_event() is CLOSED


def test_what_the_filter_does_not_want_is_left_out_and_what_it_does_not_answer_is_not_waited_for() -> None:
    no = Step.NO_CONNECT | Step.NO_HELO | Step.NO_UNKNOWN | Step.NO_DATA | Step.NO_EOH
    quiet = Step.NR_MAIL | Step.NR_RCPT | Step.NR_HEADER | Step.NR_BODY | Step.LEADING_SPACE
    milter = engine(steps=no | quiet)
    told = milter.send([command for command, _ in LETTER])
    assert told == b"".join(
        (
            packet(b"M", b"<a@example.org>\x00SIZE=5\x00"),
            packet(b"R", b"<b@example.com>\x00"),
            packet(b"L", b"Subject\x00 folded\n\ttwice\x00"),
            packet(b"B", b"Hello.\r\n"),
            packet(b"E"),
        )
    )
    assert isinstance(milter.pending, commands.End)
    assert milter.send(None) == b""
    milter.tls_started()
    assert milter.pending is not None


def test_macros_stand_before_their_stage_as_the_filter_asked() -> None:
    asked = struct.pack(">I", 2) + b"i {auth_authen}, absent\0" + struct.pack(">I", 3) + b"\0"
    milter = engine(macros=asked, steps=Step.NR_CONNECT | Step.NR_MAIL | Step.NR_RCPT)
    milter.macros = {b"i": b"4711", b"{auth_authen}": b"alice", b"j": b"here.example", b"{rcpt_addr}": b"b@example.com"}
    assert milter.send(CONNECT) == (packet(b"D", b"Cj\0here.example\0") + LETTER[0][1])
    assert milter.send(commands.Mail(b"<>")) == (
        packet(b"D", b"Mi\x004711\0{auth_authen}\0alice\0") + packet(b"M", b"<>\0")
    )
    assert milter.send(commands.Rcpt(b"<b@example.com>")) == packet(b"R", b"<b@example.com>\0")


def test_braces_of_a_macro_may_be_missing_in_a_filters_list() -> None:
    milter = engine(macros=struct.pack(">I", 2) + b"auth_authen\0", steps=Step.NR_CONNECT)
    milter.macros = {b"{auth_authen}": b"alice"}
    milter.send(CONNECT)
    assert milter.send(commands.Mail(b"<>")).startswith(packet(b"D", b"Mauth_authen\0alice\0"))


def test_every_change_is_read_before_the_verdict() -> None:
    milter = at_the_end()
    milter.receive(b"".join(octets for octets, _ in CHANGES) + packet(b"c"))
    assert heard(milter) == [*(reply for _, reply in CHANGES), replies.Continue()]
    assert milter.pending is None


VERDICTS: list[tuple[bytes, replies.Reply]] = [
    (packet(b"a"), replies.Accept()),
    (packet(b"r"), replies.Reject()),
    (packet(b"t"), replies.TempFail()),
    (packet(b"d"), replies.Discard()),
    (packet(b"4"), replies.Shutdown()),
    (packet(b"f"), replies.ConnectionFailure()),
    (packet(b"y", b"550 5.7.9 Not here\0"), replies.ReplyCode(550, "5.7.9", "Not here")),
    (packet(b"y", b"451 Later\0"), replies.ReplyCode(451, "", "Later")),
    (packet(b"y", b"450\0"), replies.ReplyCode(450, "", "")),
    (packet(b"y", b"554-5.7.1 one\r\n554 5.7.1 two\0"), replies.ReplyCode(554, "5.7.1", "one two")),
]


@pytest.mark.parametrize(("octets", "reply"), VERDICTS)
def test_a_verdict_in_the_middle_ends_the_letter_but_not_the_connection(octets: bytes, reply: replies.Reply) -> None:
    milter = engine(steps=Step.NR_CONNECT | Step.NR_MAIL)
    milter.send([CONNECT, commands.Mail(b"<>"), commands.Rcpt(b"<b@x>")])
    milter.receive(packet(b"c"))
    assert heard(milter) == [replies.Continue()]
    milter.send(commands.Data())
    milter.receive(octets)
    assert heard(milter) == [reply]
    assert milter.state is states.State.CONNECTED
    assert milter.send(commands.Mail(b"<>")) == packet(b"M", b"<>\0")


@pytest.mark.parametrize("octets", [packet(b"r"), packet(b"t"), packet(b"y", b"550 5.1.1 no\0")])
def test_a_refused_recipient_leaves_the_letter_as_it_is(octets: bytes) -> None:
    milter = engine(steps=Step.NR_CONNECT | Step.NR_MAIL)
    milter.send([CONNECT, commands.Mail(b"<>"), commands.Rcpt(b"<b@x>")])
    milter.receive(octets)
    assert len(heard(milter)) == 1
    assert milter.send(commands.Rcpt(b"<c@x>")) == packet(b"R", b"<c@x>\0")


def test_skip_ends_the_body_where_it_was_negotiated() -> None:
    milter = engine(steps=Step.SKIP | Step.NR_CONNECT | Step.NR_MAIL | Step.NR_RCPT | Step.NR_DATA | Step.NR_EOH)
    milter.send([CONNECT, commands.Mail(b"<>"), commands.Rcpt(b"<b@x>"), commands.Data(), commands.EndOfHeader()])
    milter.send(commands.Body(b"x"))
    milter.receive(packet(b"s"))
    assert heard(milter) == [replies.Skip()]
    assert milter.send(commands.End()) == packet(b"E")


@pytest.mark.parametrize(("flag", "most"), [(0, 65535), (Step.SIZE_256K, (1 << 18) - 1), (Step.SIZE_1M, (1 << 20) - 1)])
def test_the_size_of_a_piece_is_negotiated(flag: int, most: int) -> None:
    quiet = Step.NR_CONNECT | Step.NR_MAIL | Step.NR_RCPT | Step.NR_DATA | Step.NR_EOH | Step.NR_BODY
    milter = engine(steps=flag | quiet)
    milter.send([CONNECT, commands.Mail(b"<>"), commands.Rcpt(b"<b@x>"), commands.Data(), commands.EndOfHeader()])
    assert milter.piece == most
    assert len(milter.send(commands.Body(b"x" * most))) == most + 5
    with pytest.raises(ValueError, match="above"):
        milter.send(commands.Body(b"x" * (most + 1)))


def test_an_old_filter_is_not_told_what_came_later() -> None:
    milter = engine(version=2, actions=0x1F, steps=0)
    assert not milter.wants(commands.Data)
    assert not milter.wants(commands.QuitNew)
    milter.send(CONNECT)
    with pytest.raises(ValueError, match="knows no QuitNew"):
        milter.send(commands.QuitNew())


def test_commands_out_of_order_are_the_callers_mistake() -> None:
    milter = client.MilterEngine()
    with pytest.raises(ValueError, match="before the negotiation"):
        milter.send(CONNECT)
    milter = engine()
    with pytest.raises(ValueError, match="before a client"):
        milter.send(commands.Mail(b"<>"))
    milter.send(CONNECT)
    with pytest.raises(ValueError, match="waits for its reply"):
        milter.send(commands.Helo(b"x"))
    with pytest.raises(ValueError, match="NUL"):
        commands.Helo(b"a\0b").payload(False)
    with pytest.raises(ValueError, match="octets"):
        commands.packet(b"B", bytes(1 << 20))


def test_an_aborted_letter_leaves_the_client_connected() -> None:
    milter = engine(steps=Step.NR_CONNECT | Step.NR_MAIL)
    milter.send([CONNECT, commands.Mail(b"<>")])
    assert milter.send(commands.Abort()) == packet(b"A")
    assert milter.send(commands.Unknown(b"FOO bar")) == packet(b"U", b"FOO bar\0")
    milter.receive(packet(b"c"))
    assert heard(milter) == [replies.Continue()]
    assert milter.state is states.State.CONNECTED
    assert commands.Connect(b"unknown").payload(False) == b"unknown\0U"


def test_every_action_and_step_has_the_number_of_libmilter() -> None:
    assert int(Action.CHANGE_SENDER) == 0x40
    assert int(Step.NR_BODY) == 0x80000
    assert {each.name for each in Step if each & terms.ALL_STEPS} == {each.name for each in Step} - {"REJECTED_RCPT"}

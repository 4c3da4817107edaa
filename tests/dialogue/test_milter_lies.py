"""Filters that break the protocol: each lie is a PeerError that names it, and nothing else."""

import struct

import pytest
from tests.support.milter_dialogue import CHANGES, CONNECT, NEGOTIATE, agreed, at_the_end, engine, heard, packet

from hatoba.model.status import PeerError
from hatoba.wire.engine import NEED_DATA
from hatoba.wire.milter import client, replies, states, terms

LIES: list[tuple[str, bytes]] = [
    ("a packet of 0 octets", bytes(4)),
    ("a packet of 4294967295 octets", b"\xff" * 4),
    ("a packet of 1048577 octets", struct.pack(">I", (1 << 20) + 1)),
    ("an unknown answer", packet(b"Z")),
    ("Negotiated to End", agreed()),
    ("a field without its place", packet(b"i", b"\0\0")),
    ("a text without its end", packet(b"h", b"X-A\0one")),
    ("1 texts where 2 to 2", packet(b"h", b"X-A\0")),
    ("3 texts where 2 to 2", packet(b"h", b"X-A\0one\0two\0")),
    ("whose name is none", packet(b"h", b"X A\0one\0")),
    ("whose name is none", packet(b"h", b"\0one\0")),
    ("breaks out of its line", packet(b"h", b"X-A\0one\r\nBcc: all@example.com\0")),
    ("breaks out of its line", packet(b"m", b"\0\0\0\1Subject\0a\n\nbody\0")),
    ("a reply that is none", packet(b"y", b"250 Ok\0")),
    ("a reply that is none", packet(b"y", b"\0")),
    ("a reply that is none", packet(b"y", b"550 a\r\n451 b\0")),
    ("unprintable", packet(b"y", b"550 a\x07b\0")),
    ("Skip to End", packet(b"s")),
    ("0 texts where 1 to 1", packet(b"+")),
    ("0 texts where 1 to 1", packet(b"q")),
]


@pytest.mark.parametrize(("words", "octets"), LIES)
def test_a_filter_that_lies_is_a_peer_error(words: str, octets: bytes) -> None:
    milter = at_the_end()
    milter.receive(octets)
    with pytest.raises(PeerError, match=words):
        heard(milter)


NEGOTIATIONS: list[tuple[str, bytes]] = [
    ("cut short", packet(b"O", bytes(11))),
    ("version 1 ", agreed(version=1)),
    ("version 7 ", agreed(version=7)),
    ("more than was offered", agreed(actions=0x200)),
    ("more than was offered", agreed(steps=0x40000000)),
    ("macros that is cut short", agreed(macros=b"\0\0")),
    ("macros for a stage 9", agreed(macros=struct.pack(">I", 9) + b"i\0")),
    ("a text without its end", agreed(macros=struct.pack(">I", 1) + b"i")),
    ("Continue to Negotiate", packet(b"c")),
]


@pytest.mark.parametrize(("words", "octets"), NEGOTIATIONS)
def test_a_negotiation_that_is_none(words: str, octets: bytes) -> None:
    milter = client.MilterEngine()
    milter.send(NEGOTIATE)
    milter.receive(octets)
    with pytest.raises(PeerError, match=words):
        milter.next_event()


@pytest.mark.parametrize(("octets", "reply"), CHANGES[:-1])
def test_a_change_that_was_not_negotiated(octets: bytes, reply: replies.Reply) -> None:
    milter = at_the_end(actions=0x1FF & ~states.NEEDS[reply.__class__])
    milter.receive(octets)
    with pytest.raises(PeerError, match="without having negotiated"):
        milter.next_event()


def test_a_change_before_the_end() -> None:
    milter = engine()
    milter.send(CONNECT)
    milter.receive(packet(b"h", b"X-A\0one\0"))
    with pytest.raises(PeerError, match="before the end"):
        milter.next_event()


def test_nobody_asked() -> None:
    milter = engine()
    milter.receive(packet(b"c"))
    with pytest.raises(PeerError, match="nobody asked"):
        milter.next_event()
    milter = engine()
    milter.receive(packet(b"4"))
    assert heard(milter) == [replies.Shutdown()]


def test_changes_without_end() -> None:
    milter = at_the_end()
    milter.receive(packet(b"+", b"a\0") * terms.CHANGES_MOST)
    assert len(heard(milter)) == terms.CHANGES_MOST
    milter.receive(packet(b"+", b"a\0"))
    with pytest.raises(PeerError, match="more than 2000 changes"):
        milter.next_event()


def test_more_said_than_was_asked() -> None:
    milter = at_the_end()
    milter.receive(bytes(1 << 21))
    with pytest.raises(PeerError, match="more said"):
        milter.receive(b"x")


def test_the_stream_ends_in_a_packet() -> None:
    milter = at_the_end()
    milter.receive(packet(b"c")[:3])
    assert milter.next_event() is NEED_DATA
    milter.receive(b"")
    with pytest.raises(PeerError, match="cut short"):
        milter.next_event()

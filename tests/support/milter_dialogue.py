"""A milter engine at some point of its dialogue, and the packets that a filter may send it there.

Used by the dialogue tests of wire.milter.
Its numbers and letters are libmilter's, not read from our own tables.
"""

import struct

from hatoba.wire.engine import Signal
from hatoba.wire.milter import client, commands, replies, terms
from hatoba.wire.milter.terms import Step


def packet(code: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data) + 1) + code + data


def agreed(actions: int = 0x1FF, steps: int = 0, version: int = 6, macros: bytes = b"") -> bytes:
    return packet(b"O", struct.pack(">III", version, actions, steps) + macros)


NEGOTIATE = commands.Negotiate(terms.ALL_ACTIONS, terms.ALL_STEPS)
OFFER = bytes.fromhex("0000000d 4f 00000006 000001ff 301ff7ff")


def engine(actions: int = 0x1FF, steps: int = 0, version: int = 6, macros: bytes = b"") -> client.MilterEngine:
    """One that has negotiated."""
    made = client.MilterEngine()
    assert made.send(NEGOTIATE) == OFFER
    made.receive(agreed(actions, steps, version, macros))
    assert isinstance(made.next_event(), replies.Negotiated)
    return made


def heard(engine: client.MilterEngine) -> list[replies.Reply]:
    found = []
    while not isinstance(event := engine.next_event(), Signal):
        found.append(event)
    return found


CONNECT = commands.Connect(b"client.example", b"4", 25, b"192.0.2.1")


def at_the_end(actions: int = 0x1FF) -> client.MilterEngine:
    milter = engine(actions=actions, steps=Step.NR_CONNECT | Step.NR_MAIL | Step.NR_RCPT | Step.NR_DATA | Step.NR_EOH)
    milter.send([CONNECT, commands.Mail(b"<>"), commands.Rcpt(b"<b@x>"), commands.Data(), commands.EndOfHeader()])
    milter.send(commands.End())
    return milter


CHANGES: list[tuple[bytes, replies.Reply]] = [
    (packet(b"h", b"X-A\0one\r\n\ttwo\0"), replies.AddHeader(b"X-A", b"one\r\n\ttwo")),
    (packet(b"h", b"X-A\0one\n two\n\0"), replies.AddHeader(b"X-A", b"one\r\n two")),
    (packet(b"i", b"\0\0\0\1DKIM-Signature\0v=1\0"), replies.InsertHeader(1, b"DKIM-Signature", b"v=1")),
    (packet(b"m", b"\0\0\0\2Subject\0new\0"), replies.ChangeHeader(2, b"Subject", b"new")),
    (packet(b"m", b"\0\0\0\1Subject\0\0"), replies.ChangeHeader(1, b"Subject", b"")),
    (packet(b"b", b"new \0 body"), replies.ReplaceBody(b"new \0 body")),
    (packet(b"b"), replies.ReplaceBody(b"")),
    (packet(b"+", b"<c@example.com>\0"), replies.AddRecipient(b"<c@example.com>")),
    (packet(b"2", b"<c@example.com>\0NOTIFY=NEVER\0"), replies.AddRecipient(b"<c@example.com>", b"NOTIFY=NEVER")),
    (packet(b"-", b"<b@x>\0"), replies.DeleteRecipient(b"<b@x>")),
    (packet(b"e", b"<d@example.com>\0"), replies.ChangeSender(b"<d@example.com>")),
    (packet(b"q", b"looks odd\0"), replies.Quarantine(b"looks odd")),
    (packet(b"p"), replies.Progress()),
]

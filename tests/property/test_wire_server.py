"""What holds for every input of the SMTP server engine: any split gives the same events, only PeerError escapes."""

import itertools
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.dialogue.test_server_engine import answer

from hatoba.model.address import Address, BadAddress
from hatoba.wire.engine import CLOSED, NEED_DATA, Signal
from hatoba.wire.smtp import events, grammar
from hatoba.wire.smtp.offer import Limits, Offer
from hatoba.wire.smtp.server import ServerEngine

LIMITS = Limits(line=80, auth_line=60, size=300, text_line=40, spill=48)
OFFER = Offer(
    "prop.example",
    size=300,
    mechanisms=("PLAIN",),
    requiretls=True,
    limits_rcptmax=10,
    futurerelease=1000,
    deliverby=10,
    priority="MIXER",
    rrvs=True,
    xclient=("ADDR",),
)


def play(pieces: list[bytes], lmtp: bool, limits: Limits = LIMITS, offer: Offer = OFFER) -> tuple[list[Any], bytes]:
    """All events and all octets said."""
    engine = ServerEngine(offer, limits, lmtp)
    seen: list[Any] = []
    said = b""
    for piece in pieces:
        engine.receive(piece)
        while not isinstance(event := engine.next_event(), Signal):
            seen.append(event)
            said += engine.send(answer(engine, event))
    seen.append(event)
    return seen, said


def cut(data: bytes, at: list[int]) -> list[bytes]:
    """The pieces of `data` cut at these offsets (each taken modulo its length)."""
    edges = sorted({0, len(data), *(offset % (len(data) + 1) for offset in at)})
    return [data[begin:end] for begin, end in itertools.pairwise(edges)]


HOSTILE = st.lists(
    st.sampled_from([b"\r", b"\n", b".", b"\r\n", b"\r\n.", b"\r\n..", b"\r\n.\r", b"a", b"\0", b"\xff", b"x" * 17]),
    max_size=40,
).map(b"".join)
TIDY = st.lists(
    st.sampled_from([b"\r\n", b"..\r\n", b".a\r\n", b"text\r\n", b"\xe3\x81\x82\r\n", b"y" * 30 + b"\r\n"]),
    max_size=20,
).map(b"".join)
LETTER = (HOSTILE | TIDY).map(
    lambda content: b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n" + content + b"\r\n.\r\n"
)
CHUNK = st.tuples(HOSTILE | TIDY, st.booleans()).map(
    lambda pair: b"BDAT %d%s\r\n%s" % (len(pair[0]), b" LAST" if pair[1] else b"", pair[0])
)
CHUNKS = st.tuples(st.sampled_from([b"", b" BODY=BINARYMIME"]), st.lists(CHUNK, min_size=1, max_size=4)).map(
    lambda pair: b"MAIL FROM:<a@b.example>%s\r\nRCPT TO:<c@d.example>\r\n%s" % (pair[0], b"".join(pair[1]))
)
COMMAND = st.sampled_from(
    [
        b"EHLO x\r\n", b"LHLO x\r\n", b"HELO x\r\n", b"NOOP\r\n", b"RSET\r\n", b"DATA\r\n", b"data\r\n",
        b"VRFY a\r\n", b"AUTH PLAIN\r\n", b"*\r\n", b"AGEAYg==\r\n", b"MAIL FROM:<a@b.example> SIZE=7\r\n",
        b"mail from:<>\r\n", b"RCPT TO:<refused@b.example>\r\n", b"Rcpt To:<c@d.example>\r\n", b"BDAT 3\r\n",
        b"BDAT 5 LAST\r\n", b"n" * 90 + b"\r\n", b"\r\n", b"NOOP\n\r\n", b"XCLIENT ADDR=192.0.2.1\r\n",
        b".\r\n", b"NOOP \xff\r\n", b"GET /\r\n", b"QUIT\r\n",
    ]
)  # fmt: skip
STREAM = st.lists(LETTER | CHUNKS | COMMAND | HOSTILE, max_size=8).map(lambda parts: b"EHLO x\r\n" + b"".join(parts))


@settings(max_examples=120, deadline=None)
@given(stream=STREAM, at=st.lists(st.integers(0, 2000), max_size=12), lmtp=st.booleans())
@example(stream=b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n.\r\n", at=[], lmtp=False)
@example(
    stream=b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n" + b"z" * 46 + b"\r\n.\r\n",
    at=[],
    lmtp=False,
)
def test_any_split_gives_the_same_events(stream: bytes, at: list[int], lmtp: bool) -> None:
    if lmtp:
        stream = stream.replace(b"EHLO", b"LHLO")
    whole = play([stream], lmtp)
    assert play([stream[n : n + 1] for n in range(len(stream))], lmtp) == whole
    assert play(cut(stream, at), lmtp) == whole


@settings(max_examples=80, deadline=None)
@given(pieces=st.lists(st.binary(max_size=120) | STREAM, max_size=6), lmtp=st.booleans())
def test_nothing_but_peer_error_escapes(pieces: list[bytes], lmtp: bool) -> None:
    events_seen, said = play([piece for piece in pieces if piece] + [b""], lmtp)
    assert events_seen[-1] in (CLOSED, NEED_DATA)
    assert said.endswith(b"\r\n") or not said


@settings(max_examples=80, deadline=None)
@given(content=TIDY, spill=st.sampled_from([3, 5, 8, 40, 1 << 20]))
def test_content_comes_out_as_it_went_in(content: bytes, spill: int) -> None:
    stuffed = b"".join(b"." + line if line.startswith(b".") else line for line in content.splitlines(keepends=True))
    stream = b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n" + stuffed + b".\r\n"
    seen, _ = play([stream], False, Limits(spill=spill))
    assert b"".join(event.data for event in seen if isinstance(event, events.Content | events.End)) == content
    end = seen[-2]
    dotted = any(line.startswith(b".") for line in content.splitlines())
    assert (end.dotted, end.eightbit, end.size, end.fault) == (dotted, not content.isascii(), len(content), None)


@settings(max_examples=80, deadline=None)
@given(content=HOSTILE | TIDY, spill=st.sampled_from([3, 8, 1 << 20]), limit=st.sampled_from([0, 20]))
def test_the_line_law_is_what_a_plain_reading_says(content: bytes, spill: int, limit: int) -> None:
    """Against an oracle that reads octet by octet; content by BDAT, so that nothing in it is an end."""
    bare = content.replace(b"\r\n", b"")
    lines = content.split(b"\r\n")
    octets = [len(line) + 2 for line in lines[:-1]] + [len(lines[-1])]
    lawful = not (set(bare) & set(b"\r\n\0")) and not (limit and max(octets) > limit)
    stream = b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nBDAT %d LAST\r\n" % len(content) + content
    seen, _ = play([stream], False, Limits(spill=spill, text_line=limit))
    end = seen[-2]
    assert (end.fault is None) == lawful
    if lawful:
        dotted = any(line.startswith(b".") for line in lines)
        assert (end.dotted, end.eightbit, end.size) == (dotted, not content.isascii(), len(content))


ATEXT = "abcXYZ019!#$%&'*+-/=?^_`{|}~"
LOCAL = st.text(ATEXT + '."\\ ', min_size=1, max_size=70) | st.text(ATEXT, min_size=1, max_size=6)
DOMAIN = st.text("abcXYZ09-.", min_size=1, max_size=80) | st.sampled_from(
    ["example.com", "Example.COM", "xn--bcher-kva.example", "a", "1.2.3.4", "docomo.ne.jp", "[192.0.2.1]", "b.c1"]
)


@settings(max_examples=200, deadline=None)
@given(local=LOCAL, domain=DOMAIN, verb=st.sampled_from(["MAIL FROM:", "rcpt to:"]))
@example(local="a" * 64, domain="b" * 60 + ".co", verb="MAIL FROM:")
@example(local="a" * 65, domain="b.co", verb="rcpt to:")
@example(local="a", domain="b" * 64 + ".co", verb="rcpt to:")
def test_the_short_way_agrees_with_the_long_one(local: str, domain: str, verb: str) -> None:
    path = f"<{local}@{domain}>"
    line = f"{verb}{path}\r\n".encode()
    found: events.Mail | events.Rcpt | None = None
    if (match := grammar.MAIL_LINE(line)) is not None:
        found = grammar.plain_mail(match)
    elif (match := grammar.RCPT_LINE(line)) is not None:
        found = grammar.plain_rcpt(match)
    if found is None:
        return
    argument = line.decode().strip()[5:]
    slow = grammar.mail(argument, None) if verb == "MAIL FROM:" else grammar.rcpt(argument, None, smtputf8=False)
    assert found == slow
    assert Address.parse_path(path) == (found.sender if isinstance(found, events.Mail) else found.recipient.address)


def test_the_short_way_is_taken() -> None:
    assert grammar.MAIL_LINE(b"MAIL FROM:<a@b.example>\r\n") is not None
    with pytest.raises(BadAddress):
        Address.parse_path("<a@>")

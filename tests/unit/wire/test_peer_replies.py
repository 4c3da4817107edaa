import pytest

from hatoba.model.status import PeerError, Status
from hatoba.wire.smtp import peer


def read(*chunks: bytes) -> list[peer.PeerReply]:
    replies = peer.Replies()
    found = []
    for chunk in chunks:
        replies.receive(chunk)
        while (reply := replies.next()) is not None:
            found.append(reply)
    return found


def one(octets: bytes) -> peer.PeerReply:
    (reply,) = read(octets)
    return reply


def test_a_single_line() -> None:
    reply = one(b"250 2.1.0 Ok\r\n")
    assert reply == peer.PeerReply(250, "2.1.0", ("Ok",), b"250 2.1.0 Ok\r\n")
    assert str(reply) == "250 2.1.0 Ok"
    assert reply.ok
    assert reply.positive
    assert not reply.temporary
    assert not reply.permanent
    assert reply.status() == Status("2.1.0", "Ok")


@pytest.mark.parametrize(
    ("octets", "lines"),
    [
        (b"250\r\n", ("",)),
        (b"250 \r\n", ("",)),
        (b"250-\r\n250\r\n", ("", "")),
        (b"250-one\r\n250 two\r\n", ("one", "two")),
        (b"250 bare\n", ("bare",)),
        (b"250-one\n250 two\r\n", ("one", "two")),
        (b"250 caf\xc3\xa9\r\n", ("café",)),
        (b"250 caf\xe9\r\n", ("caf\\xe9",)),
        (b"250 a\rb\x00\x1b\tc\r\n", ("a\\rb\\x00\\x1b\\tc",)),
        (b"250 \xe2\x80\xae\r\n", ("\\u202e",)),
        ("250 宛先\u3000不明\r\n".encode(), ("宛先\u3000不明",)),
    ],
)
def test_what_lines_hold(octets: bytes, lines: tuple[str, ...]) -> None:
    reply = one(octets)
    assert (reply.code, reply.enhanced, reply.lines, reply.raw) == (250, "", lines, octets)


@pytest.mark.parametrize(
    ("octets", "enhanced", "text"),
    [
        (b"550 5.1.1 No such user\r\n", "5.1.1", "No such user"),
        (b"550 5.1.1\r\n", "5.1.1", ""),
        (b"550 5.123.456 x\r\n", "5.123.456", "x"),
        (b"550 4.1.1 a class that is not the code's\r\n", "", "4.1.1 a class that is not the code's"),
        (b"354 2.0.0 go\r\n", "", "2.0.0 go"),
        (b"550 5.1.1234 x\r\n", "", "5.1.1234 x"),
        (b"550 5.1 x\r\n", "", "5.1 x"),
        (b"550 5.1.1: x\r\n", "", "5.1.1: x"),
        (b"550 10.5.1.1 x\r\n", "", "10.5.1.1 x"),
        (b"550-5.7.1 one\r\n550 5.7.1 two\r\n", "5.7.1", "one two"),
        (b"550-5.7.1 one\r\n550 5.7.2 two\r\n", "5.7.1", "one 5.7.2 two"),
        (b"550-one\r\n550 5.7.1 two\r\n", "", "one 5.7.1 two"),
        (b"550-5.7.1 one\r\n550 two\r\n", "5.7.1", "one two"),
    ],
)
def test_an_enhanced_code_is_trusted_only_where_its_class_is_the_codes(octets: bytes, enhanced: str, text: str) -> None:
    reply = one(octets)
    assert (reply.enhanced, reply.text) == (enhanced, text)


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (b"451 later\r\n", Status("4.0.0", "later")),
        (b"554 no\r\n", Status("5.0.0", "no")),
        (b"354 go\r\n", Status("2.0.0", "go")),
        (b"554-5.7.1 a\r\n554 5.7.1 b\r\n", Status("5.7.1", "a b")),
    ],
)
def test_a_reply_as_status(octets: bytes, status: Status) -> None:
    assert one(octets).status() == status


def test_several_replies_in_one_chunk_and_one_in_several() -> None:
    assert [r.code for r in read(b"250 a\r\n250-b\r\n250 b\r\n354 c\r\n")] == [250, 250, 354]
    assert [r.lines for r in read(b"25", b"0-a\r", b"\n250 ", b"b\r\n250 c", b"\r\n")] == [("a", "b"), ("c",)]


def test_a_known_line_still_ends_a_longer_reply() -> None:
    found = read(b"250 Ok\r\n250-x\r\n250 Ok\r\n250 Ok\r\n")
    assert [r.lines for r in found] == [("Ok",), ("x", "Ok"), ("Ok",)]


def test_what_is_remembered_is_bounded() -> None:
    replies = peer.Replies()
    for n in range(100):
        replies.receive(b"250 %d\r\n" % n)
        reply = replies.next()
        assert reply is not None
        assert reply.text == str(n)
    assert len(replies._known) <= 32


@pytest.mark.parametrize(
    "octets",
    [
        b"hello\r\n",
        b"\r\n",
        b"\n",
        b"25\r\n",
        b"150 x\r\n",
        b"650 x\r\n",
        b"2500\r\n",
        b"250_x\r\n",
        b" 250 x\r\n",
        b"250-a\r\n251 b\r\n",
        b"250-a\r\nb\r\n",
        b"\xb2\xb5\xb0 x\r\n",
    ],
)
def test_rubbish(octets: bytes) -> None:
    with pytest.raises(PeerError) as caught:
        read(octets)
    assert caught.value.status.temporary


def test_a_line_has_at_most_4096_octets() -> None:
    assert len(one(b"250 " + b"x" * 4091 + b"\r\n").text) == 4091
    for octets in (b"250 " + b"x" * 4092 + b"\r\n", b"x" * 4097):
        with pytest.raises(PeerError, match="4096 octets"):
            read(octets)


def test_a_reply_has_at_most_100_lines() -> None:
    assert len(one(b"250-x\r\n" * 99 + b"250 x\r\n").lines) == 100
    with pytest.raises(PeerError, match="100 lines"):
        read(b"250-x\r\n" * 101)


def test_a_reply_has_at_most_64_kib() -> None:
    line = b"250-" + b"x" * 4000 + b"\r\n"
    assert len(one(line * 16 + b"250 x\r\n").lines) == 17
    with pytest.raises(PeerError, match="65536 octets"):
        read(line * 17)


def test_buffered_tells_what_was_not_given_out() -> None:
    replies = peer.Replies()
    seen = []
    for chunk in (b"", b"250-a\r\n", b"250 b\r\n"):
        replies.receive(chunk)
        seen.append((replies.next() is not None, replies.buffered))
    assert seen == [(False, False), (False, True), (True, False)]

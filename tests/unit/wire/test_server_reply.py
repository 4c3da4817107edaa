"""wire.smtp.reply: replies and challenges as bytes."""

import pytest

from hatoba.wire.smtp.reply import LINE_MAX, Challenge, Reply


def test_one_line() -> None:
    assert Reply(250, "2.1.0", "Ok").wire == b"250 2.1.0 Ok\r\n"
    assert Reply(354, "", "Go ahead").wire == b"354 Go ahead\r\n"


def test_every_line_carries_the_codes() -> None:  # RFC 2034 §4
    assert Reply(550, "5.7.1", "No", "Really").wire == b"550-5.7.1 No\r\n550 5.7.1 Really\r\n"


def test_no_text_and_an_empty_line() -> None:
    assert Reply(250, "").wire == b"250 \r\n"
    assert Reply(250, "2.0.0", "", "end").wire == b"250-2.0.0 \r\n250 2.0.0 end\r\n"


@pytest.mark.parametrize("text", ["a\r\n250 b", "a\nb", "a\0b", "a\x7fb", "naïve", "\u2028"])
def test_nothing_but_printable_ascii_goes_out(text: str) -> None:
    wire = Reply(250, "2.0.0", text).wire
    assert wire.count(b"\r\n") == 1
    assert wire.endswith(b"\r\n")
    assert wire[:-2].decode("ascii").isprintable()


@pytest.mark.parametrize("length", [LINE_MAX - 30, LINE_MAX - 18, LINE_MAX - 17, LINE_MAX, 3 * LINE_MAX])
def test_long_lines_are_folded(length: int) -> None:  # RFC 5321 §4.5.3.1.5
    wire = Reply(550, "5.123.123", "x" * length).wire
    lines = wire.split(b"\r\n")
    assert lines.pop() == b""
    assert all(len(line) + 2 <= LINE_MAX for line in lines)
    assert b"".join(line[14:] for line in lines) == b"x" * length
    assert [line[3:4] for line in lines] == [b"-"] * (len(lines) - 1) + [b" "]


@pytest.mark.parametrize(("code", "enhanced"), [(99, ""), (600, ""), (250, "3.0.0"), (250, "2.0"), (250, "2.0.0 x")])
def test_codes_that_are_none(code: int, enhanced: str) -> None:
    with pytest.raises(ValueError, match="no "):
        Reply(code, enhanced, "x")


def test_values() -> None:
    reply = Reply(421, "4.3.2", "Bye")
    assert reply.closing() == Reply(421, "4.3.2", "Bye", then="close")
    assert reply != reply.closing()
    assert reply != "421 4.3.2 Bye"
    assert len({reply, Reply(421, "4.3.2", "Bye")}) == 1
    assert repr(reply) == "Reply(421, '4.3.2', 'Bye', then='')"


def test_challenge() -> None:  # RFC 4954 §4
    challenge = Challenge(b"Username:")
    assert (challenge.code, challenge.then, challenge.wire) == (334, "", b"334 VXNlcm5hbWU6\r\n")
    assert Challenge(b"").wire == b"334 \r\n"

import pytest

from hatoba.wire.smtp import outgoing

SMUGGLING = [
    b"a\nb\r\n",
    b"a\rb\r\n",
    b"a\r\r\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r\n",
    b"a\r",
    b"a\n",
    b"\n",
    b"\r",
    b"\n\r",
]


@pytest.mark.parametrize("data", SMUGGLING)
def test_a_bare_cr_or_lf_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="bare CR or LF"):
        outgoing.content(data)
    stuffing = outgoing.Stuffing()
    with pytest.raises(ValueError, match="bare CR or LF"):
        [*stuffing.piece(data), stuffing.finish()]


@pytest.mark.parametrize(
    ("data", "wire"),
    [
        (b"", b".\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"a\r\n.\r\nQUIT\r\n", b"a\r\n..\r\nQUIT\r\n.\r\n"),
        (b"..\r\n.a\r\n", b"...\r\n..a\r\n.\r\n"),
        (b"\r\n", b"\r\n.\r\n"),
    ],
)
def test_the_wire_form(data: bytes, wire: bytes) -> None:
    assert b"".join(outgoing.content(data)) == wire
    assert b"".join(outgoing.content(data, dotted=False)) == wire, "not vouched for: `dotted` is not believed"
    assert b"".join(outgoing.content(data, dotted=True, vouched=True)) == wire


def test_vouched_content_without_dots_is_not_copied() -> None:
    data = b"x\r\n" * 1000
    assert outgoing.content(data, dotted=False, vouched=True)[0] is data
    assert outgoing.content(data)[0] is data
    assert outgoing.Stuffing(dotted=False, vouched=True).piece(data)[0] is data


def test_vouched_content_may_be_strange() -> None:
    stuffing = outgoing.Stuffing(dotted=False, vouched=True)
    assert b"".join([*stuffing.piece(b"a\nb\r"), stuffing.finish()]) == b"a\nb\r\r\n"


def test_a_cr_at_the_cut() -> None:
    stuffing = outgoing.Stuffing()
    assert stuffing.piece(b"\r") == []
    assert b"".join(stuffing.piece(b"\n.a\r")) == b"\r\n..a"
    assert b"".join(stuffing.piece(b"\n")) == b"\r\n"
    assert b"".join(stuffing.piece(b".")) == b".."
    assert stuffing.piece(b"") == []
    assert stuffing.finish() == b"\r\n"

"""wire.smtp.data: the end of content, the line law, pieces and bounded memory."""

import pytest

from hatoba.wire.lines import Lines
from hatoba.wire.smtp import data
from hatoba.wire.smtp.data import ChunkReader, DataReader
from hatoba.wire.smtp.events import Content, End
from hatoba.wire.smtp.offer import Limits
from hatoba.wire.smtp.reply import Reply


def read(reader: DataReader, *pieces: bytes) -> tuple[list[Content | End], bytes]:
    """All events, and what is left behind them."""
    lines = Lines()
    seen: list[Content | End] = []
    for piece in pieces:
        lines.feed(piece)
        if seen and isinstance(seen[-1], End):
            continue
        while (event := reader.read(lines)) is not None:
            seen.append(event)
            if isinstance(event, End):
                break
    return seen, lines.rest()


def letter(*pieces: bytes, limits: Limits | None = None) -> End:
    events, rest = read(DataReader(limits or Limits()), *pieces)
    assert rest == b""
    end = events[-1]
    assert isinstance(end, End)
    assert len(events) == 1
    return end


def test_whole() -> None:
    assert letter(b"a: b\r\n\r\nc\r\n.\r\n") == End(b"a: b\r\n\r\nc\r\n", False, False, 11)


def test_the_end_as_first_line() -> None:
    assert letter(b".\r\n") == End(b"", False, False, 0)
    assert letter(b".", b"\r", b"\n") == End(b"", False, False, 0)


def test_what_stands_behind_the_end_is_left() -> None:
    assert read(DataReader(Limits()), b"a\r\n.\r\nQUIT\r\n")[1] == b"QUIT\r\n"
    assert read(DataReader(Limits()), b"a\r\n", b".\r\nQUIT\r\n", b"x")[1] == b"QUIT\r\nx"


def test_dots() -> None:
    assert letter(b"..\r\n.a\r\n...\r\n.\r\n") == End(b".\r\na\r\n..\r\n", True, False, 10)
    assert letter(b".a\r\n.b\r\n.\r\n") == End(b"a\r\nb\r\n", False, False, 6)
    assert letter(b".a\r\n.\r\n") == End(b"a\r\n", False, False, 3)
    assert letter(b"x\r\n.", b"y\r\n..z\r", b"\n.", b"\r\n") == End(b"x\r\ny\r\n.z\r\n", True, False, 10)


def test_eight_bits() -> None:
    assert letter("あ\r\n.\r\n".encode()) == End("あ\r\n".encode(), False, True, 5)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"a\nb\r\n", data.BARE),
        (b"a\rb\r\n", data.BARE),
        (b"a\r\r\n", data.BARE),
        (b"a\n\r\n", data.BARE),
        (b"a\r\n.\n", data.BARE),
        (b"a\0b\r\n", data.NUL),
        (b"x" * 19 + b"\r\n", data.LONG_LINE),
        (b"ok\r\n" + b"x" * 19 + b"\r\n", data.LONG_LINE),
        (b"x\r\n" * 40, data.TOO_BIG),
    ],
)
def test_faults(content: bytes, fault: Reply) -> None:
    limits = Limits(text_line=20, size=100)
    end = letter(content + b"\r\n.\r\n", limits=limits)
    assert (end.fault, end.data) == (fault, b"")


def test_what_is_just_allowed() -> None:
    limits = Limits(text_line=20, size=100, nul=True)
    content = (b"x" * 18 + b"\r\n") * 4 + b"\0" * 18 + b"\r\n"
    assert letter(content + b".\r\n", limits=limits).fault is None


def test_large_content_comes_in_pieces() -> None:
    content = b"".join(b"%d\r\n..dot\r\n" % n for n in range(20))
    events, rest = read(DataReader(Limits(spill=32)), content + b".\r\nNOOP")
    assert rest == b"NOOP"
    assert len(events) > 5
    assert all(isinstance(event, Content) and not event.due for event in events[:-1])
    assert all(0 < len(event.data) <= 32 for event in events)
    plain = content.replace(b"..", b".")
    assert b"".join(event.data for event in events) == plain
    end = events[-1]
    assert isinstance(end, End)
    assert (end.dotted, end.size, end.fault) == (True, len(plain), None)


def test_pieces_without_line_ends() -> None:
    text = b"x" * 15 + b"\r\n" + b"y" * 40 + b"\r\n.\r\n"
    events, _ = read(DataReader(Limits(spill=16)), text)
    assert b"".join(event.data for event in events) == text[:-3]
    assert events[0].data == b"x" * 15  # never between CR and LF


def test_a_piece_ends_where_the_content_ends() -> None:
    events, _ = read(DataReader(Limits(spill=8)), b"123456\r\n.\r\n")
    assert events == [End(b"123456\r\n", False, False, 8)]
    events, _ = read(DataReader(Limits(spill=8)), b"123456\r\n", b".\r\n")
    assert events == [End(b"123456\r\n", False, False, 8)]


@pytest.mark.parametrize("line", [b"ab\n", b"abc\r\n"])
def test_what_is_refused_is_swallowed_not_held(line: bytes) -> None:
    reader, lines = DataReader(Limits(spill=64, size=1000)), Lines()
    for _ in range(200):
        lines.feed(line * 100)
        while (event := reader.read(lines)) is not None:
            assert isinstance(event, Content)
        assert len(reader._buffer) <= 100
    lines.feed(b"\r\n.\n..\r\n.\r")
    assert reader.read(lines) is None
    lines.feed(b"\nNOOP\r\n")
    end = reader.read(lines)
    assert isinstance(end, End)
    assert end.fault == (data.BARE if line == b"ab\n" else data.TOO_BIG)
    assert lines.rest() == b"NOOP\r\n"


def read_until_due(reader: ChunkReader, lines: Lines) -> list[Content | End]:
    seen: list[Content | End] = []
    while (event := reader.read(lines)) is not None:
        seen.append(event)
        if isinstance(event, End) or event.due:
            break
    return seen


def play(parts: list[bytes], binary: bool = False, limits: Limits | None = None) -> list[Content | End]:
    reader, lines = ChunkReader(limits or Limits(), binary), Lines()
    seen: list[Content | End] = []
    for number, part in enumerate(parts, 1):
        reader.begin(len(part), number == len(parts))
        lines.feed(part)
        seen += read_until_due(reader, lines)
        if isinstance(seen[-1], End):
            break
    assert len(lines) == 0
    return seen


def test_chunks() -> None:
    assert play([b"a: b\r", b"\n\r", b"\n.\r\n"]) == [
        Content(b"a: b\r", due=True),
        Content(b"\n\r", due=True),
        End(b"\n.\r\n", True, False, 11),
    ]
    assert play([b""]) == [End(b"", False, False, 0)]
    assert play([b"..", b""]) == [Content(b"..", due=True), End(b"", True, False, 2)]
    assert play([b"a\r\n", b".b"]) == [Content(b"a\r\n", due=True), End(b".b", True, False, 5)]


def test_a_chunk_in_pieces() -> None:
    reader, lines = ChunkReader(Limits(spill=4), binary=False), Lines()
    reader.begin(10, last=True)
    for octet in b"01234567":
        lines.feed(bytes([octet]))
        event = reader.read(lines)
        assert (event is not None) == (octet in b"37")
    lines.feed(b"89NOOP")
    assert reader.read(lines) == End(b"89", False, False, 10)
    assert lines.rest() == b"NOOP"


@pytest.mark.parametrize("parts", [[b"a\r", b"b"], [b"a", b"b\n"], [b"a\r"], [b"a\n", b"never read"]])
def test_bare_across_chunks(parts: list[bytes]) -> None:
    end = play(parts)[-1]
    assert isinstance(end, End)
    assert (end.fault, end.data) == (data.BARE, b"")


def test_binary_has_no_lines() -> None:  # RFC 3030 §3
    assert play([b"a\rb\nc\0\xff"], binary=True) == [End(b"a\rb\nc\0\xff", False, True, 7)]


def test_a_chunk_too_large_is_refused_before_it_is_held() -> None:
    reader, lines = ChunkReader(Limits(size=100), binary=True), Lines()
    reader.begin(1_000_000, last=False)
    for _ in range(9):
        lines.feed(b"x" * 100_000)
        assert reader.read(lines) is None
        assert len(reader._buffer) == 0
    lines.feed(b"x" * 100_000)
    end = reader.read(lines)
    assert isinstance(end, End)
    assert end.fault == data.TOO_BIG


def test_a_long_line_across_chunks() -> None:
    limits = Limits(text_line=10)
    assert isinstance(play([b"12345", b"678\r\n"], limits=limits)[-1], End)
    assert play([b"12345", b"678\r\n", b"1234567890", b""], limits=limits)[-1] == End(b"", False, False, 20)
    for parts in ([b"12345", b"6789\r\n"], [b"1\r\n12345678", b"90x"], [b"12345", b"678\r\n12345678901", b""]):
        end = play(parts, limits=limits)[-1]
        assert isinstance(end, End)
        assert end.fault == data.LONG_LINE

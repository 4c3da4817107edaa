"""Content of multi-line replies: letters dot-stuffed piece by piece, their tops, and lists.

Called by doors.pop3 (letters, lists) and offer (CAPA); what it gives is wire form, the ending dot included.
Never lets a line of a letter be taken for the end, also by a client for which a bare LF ends a line: a line may end
in any LF here, and goes out with CRLF. Pieces without a leading dot or a bare LF are passed on, not copied.
Cannot fail of itself; what the pieces' source raises goes through.  # RFC 1939 §3
"""

import io
import re
from collections.abc import Iterable, Iterator, Sequence

from hatoba.wire.pop3.reply import Data

_CR, _LF, _DOT = b"\r\n."
_LEAD = re.compile(rb"\n\.").search  # faster than `in`: 1.7 against 4.8 us in 4 KB
_BARE = re.compile(rb"(?<!\r)\n").sub
_HEADER_END = re.compile(rb"\n\r?\n").search
_END = b".\r\n"
_LINES_AT_ONCE = 1000


def stuffed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """A letter's pieces, cut anywhere, as lines that end in CRLF, a dot before each that begins with one; the end."""
    last = _LF  # the octet before the piece
    for piece in pieces:
        if piece:
            yield _lines(piece, last)
            last = piece[-1]
    yield _end(last)


def _lines(piece: bytes, last: int) -> bytes:
    """The piece with a CR before each LF that has none and a dot before each that begins a line."""
    if not _tidy(piece):
        cut = last == _CR and piece[0] == _LF  # a CRLF lies across the pieces
        if piece.count(b"\n") - cut != piece.count(b"\r\n"):
            piece = piece[:cut] + _BARE(b"\r\n", piece[cut:])
    if _LEAD(piece):
        piece = piece.replace(b"\n.", b"\n..")
    return b"." + piece if last == _LF and piece[0] == _DOT else piece


def _end(last: int) -> bytes:
    """What is missing of the last line, whose last octet is given, and the end."""
    return _END if last == _LF else b"\n.\r\n" if last == _CR else b"\r\n.\r\n"


def _tidy(piece: bytes) -> bool:
    """Every CR and LF stands in a CRLF. One pass in C: 2 us in 4 KB, where two counts take 6 and a regex 40."""
    newlines = io.IncrementalNewlineDecoder(None, translate=False)
    newlines.decode(piece.decode("latin-1"), True)
    return newlines.newlines in (None, "\r\n")


def whole(raw: bytes) -> bytes:
    """A letter that is here in one piece: its lines and the end. The shape nearly every letter takes."""
    return _lines(raw, _LF) + _end(raw[-1]) if raw else _END


def letter(raw: bytes, octets: int) -> Data:
    """The reply to RETR where the letter is here in one piece. `octets`: what LIST says of it."""
    return Data(b"+OK %d octets\r\n%b" % (octets, whole(raw)))


def top(pieces: Iterable[bytes], lines: int) -> Iterator[bytes]:
    """The pieces of the header, the empty line and so many lines of the body; the source is read no further."""
    left = -1  # lines of the body that may still come; -1: in the header
    tail = b"\n"  # the header's end may be cut in two; a letter may begin with the empty line
    for piece in pieces:
        at = 0
        if left < 0:
            seen = tail + piece
            found = _HEADER_END(seen)
            if found is None:
                yield piece
                tail = seen[-2:]
                continue
            left, at = lines, found.end() - len(tail)
        while left and (end := piece.find(b"\n", at)) >= 0:
            left, at = left - 1, end + 1
        if not left:
            yield piece[:at]
            return
        yield piece


def listed(first: str, lines: Sequence[str]) -> Data:
    """A short list in one piece. No line begins with a dot: they are ours."""
    return Data("".join(f"{line}\r\n" for line in (f"+OK {first}", *lines, ".")).encode())


def listing(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a list of any length, without their CRLFs, in pieces; the end. For `pump.stream`."""
    gathered: list[bytes] = []
    for line in lines:
        gathered.append(line)
        if len(gathered) >= _LINES_AT_ONCE:
            yield b"\r\n".join(gathered) + b"\r\n"
            gathered.clear()
    gathered.append(_END)
    yield b"\r\n".join(gathered)

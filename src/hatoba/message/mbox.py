"""Mbox: letters one behind the other in a file, each after a line that begins with From and a space. # RFC 4155

Called by importers, piece by piece as the file is read, and by exporters, letter by letter.
Never holds more than one letter, and never more of it than `most` octets.
Fails never: what stands before the first From line is passed over and counted in `passed`.
"""

import re

from hatoba.message import encode, headers, keeping
from hatoba.message.keeping import Kept
from hatoba.message.structure import dates

MOST = 128 << 20  # octets of one letter
RD, O = "mboxrd", "mboxo"  # noqa: E741  how a line From in a body is written: with one > more, or >From for From alone
# A postmark: who, and when, as asctime or near it. Bodies have lines that begin with From, but no date behind.
_POSTMARK = re.compile(rb"From[ \t]+(?:\S+[ \t]+){0,3}?((?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),?[ \t][^\r\n]{10,80})\r?\n")
_FIRST = re.compile(rb"From [^\r\n]*\r?\n")
_LONGEST = 1000  # octets of a postmark
_MARK = b"\nFrom "
_ESCAPED_RD = re.compile(rb"^>(>*From )", re.MULTILINE)
_ESCAPED_O = re.compile(rb"^>(From )", re.MULTILINE)
_TO_ESCAPE = re.compile(rb"^(>*From )", re.MULTILINE)
_INTERNAL = b"FOLDER INTERNAL DATA"  # the subject of what some programs keep as the first letter
_WHO = re.compile(r"[!-~]{1,320}")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Reader:
    """Letters out of the octets of a file. `form`: RD or O, how its bodies write From."""

    def __init__(self, form: str = RD, most: int = MOST, start: int = 0) -> None:
        self.passed = 0  # octets that belong to no letter
        self._escaped = _ESCAPED_O if form == O else _ESCAPED_RD
        self._most = most
        self._held = bytearray()
        self._start = start  # offset in the file of the letter that has begun
        self._base = start  # offset in the file of the first octet held
        self._seen = 0  # of those held: up to here there is no further postmark
        self._begun = False  # what is held begins with a postmark
        self._loose = False  # the file's own From lines have no date
        self._lost = False  # the letter has more than `most` octets; its rest is passed over

    def receive(self, octets: bytes) -> list[Kept]:
        """The letters that are whole now."""
        self._held += octets
        found: list[Kept] = []
        if not self._begun and not self._begin():
            return found
        while (at := self._next()) >= 0:
            found += self._take(at)
        if len(self._held) > self._most:
            kept = max(len(self._held) - _LONGEST, 1)
            self._lost = True
            self._base += kept
            del self._held[:kept]
            self._seen = 0
        return found

    def close(self) -> list[Kept]:
        """The last letter, at the end of the file."""
        if not self._begun:
            self.passed += len(self._held)
            return []
        found = self._take(len(self._held))
        self._begun = False
        return found

    def _begin(self) -> bool:
        """Looks for the first From line; what is before it is passed over."""
        held = self._held
        while held:
            end = held.find(b"\n")
            if end < 0 and len(held) < _LONGEST:
                return False
            line = bytes(held[: end + 1])
            if _FIRST.fullmatch(line):
                self._begun, self._loose, self._start = True, _when(line) is None, self._base
                self._seen = end
                return True
            gone = end + 1 or len(held)
            self.passed += gone
            self._base += gone
            del held[:gone]
        return False

    def _next(self) -> int:
        """Where in what is held the next From line begins, -1 for nowhere yet."""
        held = self._held
        at = held.find(_MARK, self._seen)
        while at >= 0:
            end = held.find(b"\n", at + len(_MARK), at + _LONGEST)
            if end < 0 and len(held) < at + _LONGEST:
                self._seen = at  # the line is not whole
                return -1
            blank = held[max(at - 2, 0) : at]
            if end >= 0 and (blank.endswith((b"\n", b"\n\r"))):
                line = bytes(held[at + 1 : end + 1])
                if self._loose or _when(line) is not None:
                    return at + 1
            at = held.find(_MARK, at + 1)
        self._seen = max(len(held) - len(_MARK) + 1, self._seen, 0)
        return -1

    def _take(self, end: int) -> list[Kept]:
        """The letter that ends at `end`; the one behind it begins there."""
        start = self._start
        octets = bytes(self._held[:end])
        del self._held[:end]
        self._base = self._start = self._base + end
        self._seen = 0
        lost, self._lost = self._lost, False
        if lost:
            return [Kept(b"", start=start, end=self._base, fault=f"it is larger than {self._most} octets")]
        line, _, body = octets.partition(b"\n")
        content = body.replace(b"\r\n", b"\n")
        shorter = content.removesuffix(b"\n")  # the empty line before the next From, unless it ends the header
        if shorter.endswith(b"\n") and (b"\n\n" in shorter or shorter.startswith(b"\n")):
            content = shorter
        if b">From " in content:
            content = self._escaped.sub(rb"\1", content)
        content = content.replace(b"\n", b"\r\n")
        if _INTERNAL in (headers.scan(content).first(b"subject") or b""):
            return []
        moment = _when(line + b"\n")
        kept = keeping.read(content, max(moment.ms, 0) if moment else 0)
        return [Kept(kept.content, kept.flags, kept.internal, kept.labels, start, self._base)]


def _when(line: bytes) -> dates.Moment | None:
    """When the letter came, by its From line; None for a line that is none."""
    found = _POSTMARK.fullmatch(line)
    return dates.read(found[1]) if found else None


def entry(content: bytes, *, sender: str = "", internal: int = 0, flags: tuple[str, ...] = ()) -> bytes:
    """One letter as it stands in an mboxrd file, its From line and the empty line behind it too.

    `internal`: ms since 1970; `sender`: the envelope's, "" for the null path.
    """
    block, rest = keeping.parted(content)
    if block and not block.endswith(b"\n"):
        block += b"\r\n"
    body = (block + keeping.written(flags) + (rest or b"\r\n")).replace(b"\r\n", b"\n")
    if b"From " in body:
        body = _TO_ESCAPE.sub(rb">\1", body)
    who = sender if _WHO.fullmatch(sender) else "MAILER-DAEMON"
    ending = b"\n" if body.endswith(b"\n") else b"\n\n"
    return f"From {who} {_asctime(internal)}\n".encode() + body + ending


def _asctime(internal: int) -> str:
    """RFC 4155: in UTC, without a zone."""
    t = encode.moment(internal)
    clock = f"{t.hour:02}:{t.minute:02}:{t.second:02}"
    return f"{_DAYS[t.weekday()]} {_MONTHS[t.month - 1]} {t.day:2} {clock} {t.year}"

"""A peer's replies: PeerReply, and Replies, the strict and bounded parser that finds them in a stream.

Called by the client engine with bytes as they come.
Never asks what a reply answers, never writes a reply (reply.py does).
Fails with PeerError when the bytes are no reply: wrong code, mixed codes, too many lines, too long.
"""

import re

import msgspec

from hatoba.model.status import PeerError, Status

LINE_OCTETS = 4096  # RFC 5321 §4.5.3.1.5 asks for 512; real peers write more
REPLY_LINES = 100
REPLY_OCTETS = 65536
_KNOWN_OCTETS, _KNOWN_REPLIES = 64, 32

# One reply line without its end: code, separator, enhanced code (only before a space or the end), text.
_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(?:(?:([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: |\Z))?(.*))?)?\Z", re.DOTALL)


class PeerReply(msgspec.Struct, frozen=True, gc=False):
    """One reply as the peer gave it. # RFC 5321 §4.2

    `enhanced` is "" or a code whose class is the reply code's; # RFC 2034 §4
    `lines` hold the text of each line without the codes, control characters escaped; `raw` the octets as they came.
    """

    code: int
    enhanced: str
    lines: tuple[str, ...]
    raw: bytes = b""

    @property
    def text(self) -> str:
        """The lines joined by spaces, without the codes."""
        return " ".join(self.lines)

    @property
    def ok(self) -> bool:
        """2xx."""
        return self.code < 300

    @property
    def temporary(self) -> bool:
        """4xx."""
        return 400 <= self.code < 500

    @property
    def permanent(self) -> bool:
        """5xx."""
        return self.code >= 500

    @property
    def positive(self) -> bool:
        """2xx or 3xx."""
        return self.code < 400

    def __str__(self) -> str:
        """As it stands in a log: "550 5.1.1 No such user"; several lines joined by spaces."""
        return " ".join(word for word in (str(self.code), self.enhanced, *self.lines) if word)

    def status(self) -> Status:
        """The reply as a Status: the peer's enhanced code, or X.0.0 of the reply's class. # RFC 3463 §3.1"""
        return Status(self.enhanced or f"{self.code // 100 if self.code >= 400 else 2}.0.0", self.text)


def fault(text: str, code: str = "4.5.0") -> PeerError:
    """The exception for a peer that broke the protocol towards us as client: temporary, another try may go well."""
    return PeerError(Status(code, text))


def shown(octets: bytes) -> str:
    """The octets as text for people: UTF-8 where it is, everything unprintable escaped."""
    text = octets.decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\u3000" else c.encode("unicode_escape").decode() for c in text)


class Replies:
    """The receive buffer and the replies in it. Lines end in CRLF; a bare LF ends one too.

    Tolerating LF is safe here and only here: a reply is not handed on to anybody, so two readings of it cannot be
    played against each other as with a message (smuggling), and some appliances do send it.
    """

    __slots__ = ("_at", "_buffer", "_code", "_enhanced", "_known", "_lines", "_start")

    def __init__(self) -> None:
        self._buffer = b""
        self._start = 0  # where the reply being read begins
        self._at = 0  # where its next line begins
        self._code = b""
        self._enhanced = b""
        self._lines: list[str] = []
        self._known: dict[bytes, PeerReply] = {}  # a peer says the same few lines for every letter

    @property
    def buffered(self) -> bool:
        """Whether octets are here that have not been given out as a reply."""
        return len(self._buffer) > self._start

    def receive(self, data: bytes) -> None:
        if self._start:
            self._at -= self._start
            self._buffer = self._buffer[self._start :]
            self._start = 0
        self._buffer = self._buffer + data if self._buffer else data

    def next(self) -> PeerReply | None:
        """The next whole reply, None when more octets are needed. PeerError on rubbish."""
        buffer = self._buffer
        while True:
            at = self._at
            end = buffer.find(b"\n", at)
            if (end if end >= 0 else len(buffer)) - at > LINE_OCTETS:
                raise fault(f"a reply line has more than {LINE_OCTETS} octets", "4.5.2")
            if end < 0:
                return None
            known = self._known.get(buffer[at : end + 1])
            if known is not None and not self._lines:
                self._start = self._at = end + 1
                return known
            match = _LINE.match(buffer, at, end - 1 if end > at and buffer[end - 1] == 13 else end)
            if match is None:
                raise fault(f"no SMTP reply: {shown(buffer[at : min(end, at + 200)])}", "4.5.2")
            self._at = end + 1
            code, separator, enhanced, text = match.groups()
            self._at = end + 1
            lines = self._lines
            if not lines:
                self._code = code
                self._enhanced = enhanced if enhanced is not None and enhanced[0] == code[0] else b""
            elif code != self._code or len(lines) >= REPLY_LINES or end - self._start > REPLY_OCTETS:
                raise self._crooked(code)
            if enhanced is not None and enhanced != self._enhanced:  # not the reply's own: it is text
                text = buffer[match.start(3) : match.end()]
            lines.append(shown(text) if text else "")
            if separator != b"-":
                return self._whole(end + 1)

    def _whole(self, end: int) -> PeerReply:
        """The reply whose last line ends before `end`."""
        start, self._start = self._start, end
        lines, self._lines = self._lines, []
        raw = self._buffer[start:end]
        found = PeerReply(int(self._code), self._enhanced.decode(), tuple(lines), raw)
        if len(lines) == 1 and len(raw) <= _KNOWN_OCTETS and len(self._known) < _KNOWN_REPLIES:
            self._known[raw] = found
        return found

    def _crooked(self, code: bytes) -> PeerError:
        """Why the line cannot go on the reply."""
        if code != self._code:
            return fault(f"one reply with the codes {self._code.decode()} and {code.decode()}", "4.5.2")
        return fault(f"a reply has more than {REPLY_LINES} lines or {REPLY_OCTETS} octets", "4.5.2")

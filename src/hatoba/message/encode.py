"""Header fields written: encoded words, phrases, parameters, dates, folding. # RFC 5322 §2.2.3, RFC 2047, RFC 2231

Called by build, report and the rooms that compose letters.
Never lets a line end or another control character of a value into the header: it becomes a space.
Fails with ValueError on a field name that is none.
"""

import base64
import re
from datetime import datetime, timedelta, timezone

LINE = 78  # RFC 5322 §2.1.1: should; without its CRLF
LINE_MOST = 998  # must
_WORD_MOST = 75  # RFC 2047 §2
_WORD_OCTETS = (_WORD_MOST - len("=?utf-8?B??=")) // 4 * 3  # octets of text in one word of base64

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NAME = re.compile(r"[!-9;-~]{1,77}")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+(?: [A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+)*")
_TO_ESCAPE = re.compile(r'(["\\])')
_TOKEN = re.compile(r"[A-Za-z0-9!#$&+\-.^_`|~]+")
_ATTRIBUTE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`|~"
_PERCENT = {octet: chr(octet) if octet in _ATTRIBUTE else f"%{octet:02X}" for octet in range(256)}
_PLAIN_WORD = re.compile(r"[!-~]+")


def clean(text: str) -> str:
    """`text` on one line: each run of control characters is one space."""
    return _CONTROLS.sub(" ", text)


def date(now: int, zone: int = 0) -> str:
    """`now` (ms since 1970) as date-time; `zone` is minutes east of Greenwich. # RFC 5322 §3.3"""
    t = moment(now, zone)
    clock = f"{t.hour:02}:{t.minute:02}:{t.second:02}"
    return f"{_DAYS[t.weekday()]}, {t.day} {_MONTHS[t.month - 1]} {t.year} {clock} {offset(zone)}"


def moment(now: int, zone: int = 0) -> datetime:
    """`now` (ms since 1970) on the clocks `zone` minutes east of Greenwich."""
    return datetime.fromtimestamp(now // 1000, timezone(timedelta(minutes=zone)))


def offset(zone: int) -> str:
    """Minutes east of Greenwich as +hhmm. # RFC 5322 §3.3"""
    sign, apart = ("-", -zone) if zone < 0 else ("+", zone)
    return f"{sign}{apart // 60:02}{apart % 60:02}"


def encoded_words(text: str) -> str:
    """`text` as encoded words of UTF-8 in base64, cut between characters, a space between words. # RFC 2047"""
    words: list[str] = []
    piece = b""
    for character in clean(text):
        octets = character.encode()
        if len(piece) + len(octets) > _WORD_OCTETS:
            words.append(_word(piece))
            piece = b""
        piece += octets
    if piece:
        words.append(_word(piece))
    return " ".join(words)


def _word(octets: bytes) -> str:
    return f"=?utf-8?B?{base64.b64encode(octets).decode('ascii')}?="


def unstructured(text: str) -> str:
    """A Subject or comment in ASCII: as it stands, or from the first to the last word that needs it encoded."""
    text = clean(text).strip()
    if text.isascii() and "=?" not in text and all(len(word) < LINE_MOST - 100 for word in text.split(" ")):
        return text
    words = text.split(" ")
    wants = [n for n, word in enumerate(words) if _needs_encoding(word)]
    if not wants:
        return encoded_words(text)
    head, middle, tail = words[: wants[0]], words[wants[0] : wants[-1] + 1], words[wants[-1] + 1 :]
    return " ".join([*head, encoded_words(" ".join(middle)), *tail])


def _needs_encoding(word: str) -> bool:
    return bool(word) and (not _PLAIN_WORD.fullmatch(word) or "=?" in word or len(word) > LINE)


def phrase(text: str, *, utf8: bool = False) -> str:
    """A display name: bare, quoted or encoded. `utf8` leaves characters beyond ASCII as they are. # RFC 5322 §3.2.5"""
    text = clean(text).strip()
    if not text:
        return '""'
    if not text.isascii() and not utf8:
        return encoded_words(text)
    if "=?" in text and not utf8:
        return encoded_words(text)
    if _ATOMS.fullmatch(text):
        return text
    return _quoted(text)


def _quoted(text: str) -> str:
    return '"' + _TO_ESCAPE.sub(r"\\\1", text) + '"'


def mailbox(name: str, address: str, *, utf8: bool = False) -> str:
    """`name <address>`, or the address alone without a name. `address` is in its wire form."""
    return f"{phrase(name, utf8=utf8)} <{address}>" if name else address


def parameter(name: str, value: str) -> str:
    """One parameter of a Content-Type or -Disposition, ready behind "; ": token, quoted, or RFC 2231 in pieces."""
    value = clean(value)
    if value.isascii() and len(name) + len(value) < LINE - 10:
        if _TOKEN.fullmatch(value):
            return f"{name}={value}"
        return f"{name}={_quoted(value)}"
    whole = [_PERCENT[octet] for octet in value.encode()]
    room = max(LINE - len(name) - 10, 12)
    if sum(map(len, whole)) <= room - 7:
        return f"{name}*=utf-8''" + "".join(whole)
    pieces = [""]
    for octet in whole:
        if len(pieces[-1]) + len(octet) > room - (7 if len(pieces) == 1 else 0):
            pieces.append("")
        pieces[-1] += octet
    shown = "utf-8''"
    return "; ".join(f"{name}*{n}*={shown if n == 0 else ''}{piece}" for n, piece in enumerate(pieces))


def field(name: str, value: str) -> bytes:
    """The whole field with its CRLF, folded at spaces to lines of 78 where it can be, of 998 always. # RFC 5322 §2.2.3

    `value` is already in the form of its field (encoded words, phrases); what is beyond ASCII goes out as UTF-8.
    ValueError when `name` is no field name.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no field name")
    line = f"{name}: {clean(value).strip()}"
    if len(line) <= LINE and line.isascii():
        return line.encode("ascii") + b"\r\n"
    return b"\r\n".join(_folded(line, len(name) + 2)) + b"\r\n"


def _folded(line: str, at_least: int) -> list[bytes]:
    """`line` cut before spaces; never within the name, and never so that a line is blank."""
    lines: list[bytes] = []
    current = b""
    for piece in re.findall(r" *[^ ]+", line):
        octets = piece.encode()
        if current and len(current) + len(octets) > LINE and len(current) > at_least - 1:
            lines.append(current)
            current = b""
        while len(octets) > LINE_MOST - len(current):  # no space to fold at: cut between characters
            room = LINE_MOST - len(current)
            while room < len(octets) and octets[room] & 0xC0 == 0x80:
                room -= 1
            lines.append(current + octets[:room])
            current, octets = b" ", octets[room:]
        current += octets
    return [*lines, current] if current.strip() else lines

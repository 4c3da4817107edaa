"""Commands to events: tokens of a line, strings and numbers, and what each command takes.

Called by wire.managesieve.server with one line at a time, its CRLF removed; literals come in between.
Never knows the state of the dialogue.
Fails with Bad, which carries the Malformed event to give out.  # RFC 5804 §4
"""

import binascii
import re
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from hatoba.wire.managesieve import events, faults
from hatoba.wire.managesieve.offer import Offer

NAME_MAX = 128  # characters of a script's name  # RFC 5804 §1.6
NUMBER_MAX = 4294967295
WORDS_MAX = 4  # no command has more, itself included

_TOKEN = re.compile(
    rb'(?:"((?:[^"\\\x00\r\n]|\\["\\])*+)"'  # a quoted string
    rb"|([0-9]{1,10})"
    rb"|([A-Za-z*][A-Za-z0-9-]*+)"  # a verb; "*" cancels an exchange
    rb"|\{([0-9]{1,10})\+\}\Z)"  # the octets of a literal follow the line
    rb"(?: +|\Z)"
).match
MARK = re.compile(rb"\{([0-9]{1,20})\+\}\Z").search  # of a line that is not understood otherwise
_UNESCAPED = re.compile(rb'\\(["\\])').sub
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]").search  # RFC 5804 §1.6, RFC 5198 §2


class Bad(Exception):
    """The command cannot stand; `event` says so."""

    def __init__(self, event: events.Malformed) -> None:
        super().__init__(str(event.reply))
        self.event = event


class Word(NamedTuple):
    """A verb ("atom"), a "number" or a "string"."""

    kind: str
    octets: bytes


def words(line: bytes, found: list[Word]) -> int | None:
    """Adds the line's words to `found`; the octets of the literal that follows it, None when it is the last."""
    at = len(line) - len(line.lstrip(b" "))  # behind a literal
    while at < len(line):
        match = _TOKEN(line, at)
        if match is None or len(found) >= WORDS_MAX:
            raise Bad(faults.SYNTAX)
        at = match.end()
        quoted, number, atom, literal = match.groups()
        if literal is not None:
            return int(literal)
        if quoted is not None:
            found.append(Word("string", _UNESCAPED(rb"\1", quoted) if b"\\" in quoted else quoted))
        else:
            found.append(Word("atom", atom) if atom is not None else Word("number", number))
    return None


def verb(found: Sequence[Word]) -> str:
    """The verb of the words so far, upper case; "" when there is none."""
    return found[0].octets.decode().upper() if found and found[0].kind == "atom" else ""


def base64(octets: bytes) -> bytes:
    """Strictly decoded base64."""
    try:
        return binascii.a2b_base64(octets, strict_mode=True)
    except ValueError as error:
        raise Bad(faults.BAD_BASE64) from error


def response(found: Sequence[Word]) -> events.Response:
    """The client's turn in an exchange: one string of base64, or "*".  # RFC 5804 §2.1"""
    if len(found) != 1 or found[0].kind == "number":
        raise Bad(faults.SYNTAX)
    kind, octets = found[0]
    if octets == b"*":
        return events.Response(None)
    if kind != "string":
        raise Bad(faults.SYNTAX)
    return events.Response(base64(octets))


def authenticate(arguments: Sequence[Word], offer: Offer) -> events.Authenticate:
    """AUTHENTICATE mechanism [initial-response]; an empty response is "" or, as elsewhere, "=".  # RFC 5804 §2.1"""
    if not 1 <= len(arguments) <= 2 or any(word.kind != "string" for word in arguments):
        raise Bad(faults.SYNTAX)
    mechanism = arguments[0].octets.decode("ascii", "replace").upper()
    if mechanism not in offer.mechanisms:
        raise Bad(faults.NO_MECHANISM)
    if len(arguments) == 1:
        return events.Authenticate(mechanism, None)
    said = arguments[1].octets
    return events.Authenticate(mechanism, b"" if said == b"=" else base64(said))


def noop(arguments: Sequence[Word]) -> events.Noop:
    """NOOP [tag].  # RFC 5804 §2.13"""
    if not arguments:
        return events.Noop(None)
    return events.Noop(*_read(arguments, (_text,)))


def _text(word: Word) -> str:
    if word.kind != "string":
        raise Bad(faults.SYNTAX)
    try:
        return word.octets.decode()
    except UnicodeDecodeError as error:
        raise Bad(faults.NOT_UTF8) from error


def _maybe_name(word: Word) -> str:
    name = _text(word)
    if len(name) > NAME_MAX or _UNFIT(name):
        raise Bad(faults.BAD_NAME)
    return name


def _name(word: Word) -> str:
    name = _maybe_name(word)
    if not name:
        raise Bad(faults.BAD_NAME)
    return name


def _content(word: Word) -> bytes:
    if word.kind != "string":
        raise Bad(faults.SYNTAX)
    return word.octets


def _number(word: Word) -> int:
    if word.kind != "number" or int(word.octets) > NUMBER_MAX:
        raise Bad(faults.SYNTAX)
    return int(word.octets)


Reader = Callable[[Word], Any]


def _read(arguments: Sequence[Word], readers: Sequence[Reader]) -> list[Any]:
    if len(arguments) != len(readers):
        raise Bad(faults.SYNTAX)
    return [read(word) for read, word in zip(readers, arguments, strict=True)]


# The commands whose arguments are all there is to know.
_PLAIN: Final[dict[str, tuple[Callable[..., events.Event], tuple[Reader, ...]]]] = {
    "STARTTLS": (events.StartTls, ()),
    "LOGOUT": (events.Logout, ()),
    "CAPABILITY": (events.Capability, ()),
    "UNAUTHENTICATE": (events.Unauthenticate, ()),
    "HAVESPACE": (events.HaveSpace, (_name, _number)),
    "PUTSCRIPT": (events.PutScript, (_name, _content)),
    "CHECKSCRIPT": (events.CheckScript, (_content,)),
    "LISTSCRIPTS": (events.ListScripts, ()),
    "SETACTIVE": (events.SetActive, (_maybe_name,)),
    "GETSCRIPT": (events.GetScript, (_name,)),
    "DELETESCRIPT": (events.DeleteScript, (_name,)),
    "RENAMESCRIPT": (events.RenameScript, (_name, _name)),
}
SCRIPT_AT: Final = {"PUTSCRIPT": 2, "CHECKSCRIPT": 1}  # how many words stand before the script


def plain(name: str, arguments: Sequence[Word]) -> events.Event:
    """The event of a command but AUTHENTICATE and NOOP."""
    event, readers = _PLAIN[name]
    return event(*_read(arguments, readers))

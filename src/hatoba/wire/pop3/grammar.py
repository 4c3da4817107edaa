"""Command lines to events: verbs and arguments.

Called by wire.pop3.server with one line, CRLF removed and decoded.
Never knows the state of the dialogue.
Fails with Bad, which carries the Malformed event to give out.  # RFC 1939 §3
"""

import binascii
import re
from collections.abc import Callable
from typing import Final

from hatoba.wire.pop3 import events, faults
from hatoba.wire.pop3.offer import Offer

_NUMBER = re.compile(r"[0-9]{1,9}\Z", re.ASCII).match
_TAG = re.compile(r"(?:[A-Za-z0-9]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)\Z").match  # RFC 5646 §2.1, RFC 6856 §3.1
TAG_MAX = 64

# The line that nearly every session is made of, matched where it lies in the buffer.
RETR_LINE = re.compile(rb"(?i:RETR) ([0-9]{1,9})\r\n").match


class Bad(Exception):
    """The command cannot stand; `event` says so."""

    def __init__(self, event: events.Malformed) -> None:
        super().__init__(str(event.reply))
        self.event = event


def split(text: str) -> tuple[str, str]:
    """(verb in upper case, argument as written)."""
    verb, _, argument = text.partition(" ")
    return verb.upper(), argument


def base64(text: str) -> bytes | None:
    """Strictly decoded base64, None when it is none.  # RFC 5034 §4"""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return None


def auth(argument: str, offer: Offer) -> events.Auth | events.Mechanisms:
    """AUTH [mechanism [initial-response]]; "=" is an empty response.  # RFC 5034 §4"""
    words = argument.split(" ")
    mechanism = words[0].upper()
    if not mechanism and len(words) == 1:
        return events.Mechanisms()
    if mechanism not in offer.mechanisms:
        raise Bad(faults.NO_MECHANISM)
    if len(words) == 1:
        return events.Auth(mechanism, None)
    initial = b"" if words[1] == "=" else base64(words[1])
    if len(words) > 2 or initial is None or not words[1]:
        raise Bad(faults.BAD_BASE64)
    return events.Auth(mechanism, initial)


def number(text: str) -> int:
    """A message number. That there is no letter 0 or 999999999 is the session's to say."""
    if not _NUMBER(text):
        raise Bad(faults.SYNTAX)
    return int(text)


def _top(argument: str) -> events.Top:
    letter, _, lines = argument.strip(" ").partition(" ")
    return events.Top(number(letter), number(lines.lstrip(" ")))


def _lang(argument: str) -> events.Lang:
    if argument and (len(argument) > TAG_MAX or not _TAG(argument)):
        raise Bad(faults.SYNTAX)
    return events.Lang(argument)


def _of(event: Callable[[int], events.Event]) -> Callable[[str], events.Event]:
    """A command about one letter."""
    return lambda argument: event(number(argument.strip(" ")))


def _maybe(event: Callable[[int], events.Event]) -> Callable[[str], events.Event]:
    """A command about one letter, or about all. There is no letter 0, and it is not all of them."""

    def parse(argument: str) -> events.Event:
        word = argument.strip(" ")
        found = number(word) if word else 0
        if word and not found:
            raise Bad(faults.SYNTAX)
        return event(found)

    return parse


def _bare(event: events.Event) -> Callable[[str], events.Event]:
    """A command without an argument."""

    def parse(argument: str) -> events.Event:
        if argument.strip(" "):
            raise Bad(faults.SYNTAX)
        return event

    return parse


# The commands whose argument is all there is to know.
PLAIN: Final[dict[str, Callable[[str], events.Event]]] = {
    "CAPA": _bare(events.Capa()),
    "STLS": _bare(events.Stls()),
    "UTF8": _bare(events.Utf8()),
    "STAT": _bare(events.Stat()),
    "RSET": _bare(events.Rset()),
    "NOOP": _bare(events.Noop()),
    "RETR": _of(events.Retr),
    "DELE": _of(events.Dele),
    "LIST": _maybe(events.List),
    "UIDL": _maybe(events.Uidl),
    "TOP": _top,
    "LANG": _lang,
}

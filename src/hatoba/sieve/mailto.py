"""mailto: the URIs that notify writes to. # RFC 6068, RFC 5436 §2

Called by the rules, and by the action when variables made the URI.
Never lets a line end into a field: what is decoded is one line.
Fails with BadMailto that says why.
"""

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from hatoba.message import mailbox

MOST = 4096  # characters of a URI
_SCHEME = re.compile(r"mailto:", re.IGNORECASE)
_TEXT = re.compile(r"(?:[A-Za-z0-9\-._~!$'()*+,;:@/?]|%[0-9A-Fa-f]{2})*")
_TO = re.compile(r"(?:[A-Za-z0-9\-._~!$'()*+,:@/]|%[0-9A-Fa-f]{2})*")
_NAME = re.compile(r"[!-9;-~]+")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
UNSAFE = frozenset({"from", "sender", "received", "return-path", "auto-submitted", "date", "message-id",
                    "mime-version", "content-type", "content-transfer-encoding", "references", "in-reply-to",
                    "reply-to", "bcc", "resent-from", "resent-to"})  # fmt: skip  # RFC 6068 §4, RFC 5436 §2.7


class BadMailto(ValueError):
    """The text is no mailto URI that can be notified; the message says why."""


class Mailto(NamedTuple):
    """`to`: addresses without doubles; `fields`: (name, value) that may go into the letter, of Subject the last."""

    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    subject: str = ""
    body: str = ""
    fields: tuple[tuple[str, str], ...] = ()


def parse(text: str) -> Mailto:
    """The Mailto `text` is. Fields that could forge or loop are passed over."""
    scheme = _SCHEME.match(text)
    if scheme is None:
        raise BadMailto("the one method there is starts with mailto:")
    if len(text) > MOST:
        raise BadMailto(f"it is longer than {MOST} characters")
    addresses, _, query = text[scheme.end() :].partition("?")
    if not _TO.fullmatch(addresses):
        raise BadMailto("a character cannot stand in the address")
    to = _addresses(_decoded(addresses))
    cc: list[str] = []
    fields: list[tuple[str, str]] = []
    subject = body = ""
    for pair in query.split("&") if query else ():
        name, equals, value = pair.partition("=")
        if not equals or not _TEXT.fullmatch(name) or not _TEXT.fullmatch(value):
            raise BadMailto("a field behind the ? is broken")
        name, value = _decoded(name), _decoded(value)
        if not _NAME.fullmatch(name):
            raise BadMailto("the name of a field is broken")
        lower = name.lower()
        if lower == "to":
            to += _addresses(value)
        elif lower == "cc":
            cc += _addresses(value)
        elif lower == "body":
            body = value
        elif lower == "subject":
            subject = _line(value)
        elif lower not in UNSAFE:
            fields.append((name, _line(value)))
    if not to and not cc:
        raise BadMailto("it has no address")
    return Mailto(tuple(dict.fromkeys(to)), tuple(dict.fromkeys(cc)), subject, body, tuple(fields))


def _decoded(text: str) -> str:
    return unquote_to_bytes(text).decode("utf-8", "replace")


def _line(text: str) -> str:
    return _CONTROLS.sub(" ", text).strip()


def _addresses(text: str) -> list[str]:
    """Each address between commas; BadMailto for one that is none."""
    found = []
    for each in text.split(","):
        if not each.strip():
            if text.strip():
                raise BadMailto("an address is missing")
            continue
        try:
            address = mailbox.parse(each.strip()).address
        except mailbox.BadMailbox as error:
            raise BadMailto(f"an address is none: {error}") from None
        if address is None:
            raise BadMailto("an address is none that mail can be sent to")
        found.append(str(address))
    return found

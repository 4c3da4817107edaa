"""Mend: what a submitted letter lacks is added, what may not leave is cut.

Called by transaction for submissions (and for letters from outside when the settings say so). # RFC 6409 §8
Never touches the body or a field that stays.
Fails never.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from hatoba.intake import trace
from hatoba.intake.heading import Heading
from hatoba.model.address import Address

_BCC = re.compile(rb"(?:\A|(?<=\n))(?:resent-)?bcc[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*", re.IGNORECASE)
_RETURN_PATH = re.compile(rb"(?:\A|(?<=\n))return-path[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*", re.IGNORECASE)


def additions(heading: Heading, written_id: str, hostname: str, now: int, author: Address | str | None) -> bytes:
    """The fields the letter lacks: From (of `author`), Date, Message-ID; what is added shows in `heading`.

    Pass author None to leave a missing From missing.  # RFC 5322 §3.6, RFC 6409 §8.2, §8.3
    """
    added = []
    fields = heading.fields
    if author is not None and not fields.has(b"from"):
        heading.header_from = str(author)
        added.append(f"From: {author}\r\n")
    if not fields.has(b"date"):
        added.append(f"Date: {trace.date(now)}\r\n")
    if not heading.message_id:
        heading.message_id = f"<{written_id}@{hostname}>"
        added.append(f"Message-ID: {heading.message_id}\r\n")
    return "".join(added).encode()


def cut(heading: Heading, bcc: bool) -> bytes:
    """The header without Return-Path (RFC 5321 §4.4) and, if `bcc`, without blind copies (RFC 5322 §3.6.3).

    The very block of the heading where there is nothing to cut.
    """
    fields = heading.fields
    block = fields.block
    if fields.has(b"return-path"):
        block = _RETURN_PATH.sub(b"", block)
    if bcc and (fields.has(b"bcc") or fields.has(b"resent-bcc")):
        block = _BCC.sub(b"", block)
    return block


def without(block: bytes, names: Iterable[str]) -> bytes:
    """A header without the fields of these names (lower case)."""
    wanted = tuple(sorted({name.encode("ascii", "replace") for name in names}))
    return _fields(wanted).sub(b"", block) if wanted else block


@lru_cache(256)
def _fields(names: tuple[bytes, ...]) -> re.Pattern[bytes]:
    which = b"|".join(map(re.escape, names))
    return re.compile(rb"(?:\A|(?<=\n))(?:" + which + rb")[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*", re.IGNORECASE)

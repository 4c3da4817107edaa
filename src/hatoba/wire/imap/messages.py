"""Commands on messages of the selected mailbox: STORE, COPY, MOVE, EXPUNGE. (FETCH and SEARCH have files of their own.)

Called by commands.py's table.
Never knows which messages there are.
Fails with Bad.  # RFC 9051 §6.4.6-§6.4.9, RFC 7162 §3.1.3, RFC 6851, RFC 4315
"""

from __future__ import annotations

import re

from hatoba.wire.imap import events
from hatoba.wire.imap.scanner import Bad, Scanner, once

_STORE = re.compile(rb"([+-]?)FLAGS(\.SILENT)?(?= )", re.IGNORECASE).match


def store(scanner: Scanner, tag: str) -> events.Store:
    return _store(scanner, tag, False)


def uid_store(scanner: Scanner, tag: str) -> events.Store:
    return _store(scanner, tag, True)


def _store(scanner: Scanner, tag: str, uid: bool) -> events.Store:
    scanner.space()
    numbers = scanner.set()
    scanner.space()
    since = -1
    if scanner.take(b"("):
        if scanner.word("A modifier") != "UNCHANGEDSINCE":
            raise Bad("No such modifier of STORE")
        scanner.space()
        since = scanner.number("A mod-sequence")
        scanner.need(b")", "A closing parenthesis is missing")
        scanner.space()
    found = _STORE(scanner.data, scanner.at)
    if found is None:
        raise Bad("STORE takes FLAGS, +FLAGS or -FLAGS, perhaps with .SILENT, and flags")
    scanner.at = found.end() + 1
    if scanner.ahead(b"("):
        flags = scanner.flags()
    else:
        bare = [scanner.flag()]
        while scanner.take(b" "):
            bare.append(scanner.flag())
        flags = once(bare)
    return events.Store(tag, numbers, found[1].decode(), flags, found[2] is not None, uid, since)


def copy(scanner: Scanner, tag: str) -> events.Copy:
    return _copy(scanner, tag, False)


def uid_copy(scanner: Scanner, tag: str) -> events.Copy:
    return _copy(scanner, tag, True)


def _copy(scanner: Scanner, tag: str, uid: bool) -> events.Copy:
    scanner.space()
    numbers = scanner.set()
    scanner.space()
    return events.Copy(tag, numbers, scanner.mailbox(), uid)


def move(scanner: Scanner, tag: str) -> events.Move:
    return _move(scanner, tag, False)


def uid_move(scanner: Scanner, tag: str) -> events.Move:
    return _move(scanner, tag, True)


def _move(scanner: Scanner, tag: str, uid: bool) -> events.Move:
    copied = _copy(scanner, tag, uid)
    return events.Move(tag, copied.numbers, copied.mailbox, uid)


def uid_expunge(scanner: Scanner, tag: str) -> events.Expunge:
    scanner.space()
    return events.Expunge(tag, scanner.set(), True)

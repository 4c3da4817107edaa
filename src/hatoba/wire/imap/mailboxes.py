"""Commands that name a mailbox: SELECT, EXAMINE, CREATE, DELETE, RENAME, SUBSCRIBE, LSUB, STATUS.

Called by commands.py's table.
Never knows which mailboxes there are.
Fails with Bad.  # RFC 9051 §6.3, RFC 7162 §3.2.5, RFC 6154 §3
"""

from __future__ import annotations

from typing import Final

from hatoba.model.numbers import Numbers
from hatoba.wire.imap import events, items
from hatoba.wire.imap.scanner import Bad, Scanner

STATUS_ITEMS: Final = frozenset(
    [
        "MESSAGES",
        "RECENT",
        "UIDNEXT",
        "UIDVALIDITY",
        "UNSEEN",
        "DELETED",
        "SIZE",
        "HIGHESTMODSEQ",
        "MAILBOXID",
        "APPENDLIMIT",
        "DELETED-STORAGE",
    ]
)


def select(scanner: Scanner, tag: str) -> events.Select:
    return _select(scanner, tag, False)


def examine(scanner: Scanner, tag: str) -> events.Select:
    return _select(scanner, tag, True)


def _select(scanner: Scanner, tag: str, examine_only: bool) -> events.Select:
    scanner.space()
    mailbox = scanner.mailbox()
    condstore = False
    qresync = None
    if scanner.take(b" "):
        for name, value in scanner.listed(lambda: _parameter(scanner)):
            condstore = True
            if name == "QRESYNC":
                if qresync is not None:
                    raise Bad("QRESYNC twice")
                qresync = value
    return events.Select(tag, mailbox, examine_only, condstore, qresync)


def _parameter(scanner: Scanner) -> tuple[str, items.Qresync | None]:
    name = scanner.word("A parameter")
    if name == "CONDSTORE":
        return name, None
    if name != "QRESYNC":
        raise Bad("No such parameter of SELECT")
    scanner.space()
    scanner.need(b"(", "QRESYNC takes (uidvalidity modseq [uids] [(numbers uids)])")
    validity = scanner.number("UIDVALIDITY", 1, 0xFFFFFFFF)
    scanner.space()
    modseq = scanner.number("A mod-sequence")
    known: Numbers | None = None
    sequences: Numbers | None = None
    uids: Numbers | None = None
    if scanner.ahead(b" ") and not scanner.ahead(b" ("):
        scanner.space()
        known = scanner.plain_set()
    if scanner.take(b" ("):
        scanner.numbered = True
        sequences = scanner.plain_set()
        scanner.space()
        uids = scanner.plain_set()
        scanner.need(b")", "A closing parenthesis is missing")
    scanner.need(b")", "A closing parenthesis is missing")
    return name, items.Qresync(validity, modseq, known, sequences, uids)


def create(scanner: Scanner, tag: str) -> events.Create:
    scanner.space()
    mailbox = scanner.mailbox()
    if len(mailbox) > 1:
        mailbox = mailbox.removesuffix("/")  # the client means to create names below it  # RFC 9051 §6.3.4
    uses: tuple[str, ...] = ()
    if scanner.take(b" "):
        scanner.need(b"(", "CREATE takes (USE (...)) behind the name")
        if scanner.word("A parameter") != "USE":
            raise Bad("No such parameter of CREATE")
        scanner.space()
        uses = tuple(dict.fromkeys(scanner.listed(lambda: _use(scanner), empty=True)))
        scanner.need(b")", "A closing parenthesis is missing")
    return events.Create(tag, mailbox, uses)


def _use(scanner: Scanner) -> str:
    scanner.need(b"\\", "A special use begins with a backslash")
    return "\\" + scanner.atom("A special use")


def delete(scanner: Scanner, tag: str) -> events.Delete:
    scanner.space()
    return events.Delete(tag, scanner.mailbox())


def rename(scanner: Scanner, tag: str) -> events.Rename:
    scanner.space()
    mailbox = scanner.mailbox()
    scanner.space()
    to = scanner.mailbox("The new name")
    return events.Rename(tag, mailbox, to.removesuffix("/") if len(to) > 1 else to)


def subscribe(scanner: Scanner, tag: str) -> events.Subscribe:
    scanner.space()
    return events.Subscribe(tag, scanner.mailbox())


def unsubscribe(scanner: Scanner, tag: str) -> events.Unsubscribe:
    scanner.space()
    return events.Unsubscribe(tag, scanner.mailbox())


def lsub(scanner: Scanner, tag: str) -> events.Lsub:
    scanner.space()
    reference = scanner.mailbox("A reference")
    scanner.space()
    return events.Lsub(tag, reference, scanner.pattern())


def status(scanner: Scanner, tag: str) -> events.Status:
    scanner.space()
    mailbox = scanner.mailbox()
    scanner.space()
    return events.Status(tag, mailbox, status_items(scanner))


def status_items(scanner: Scanner) -> tuple[str, ...]:
    """(MESSAGES UIDNEXT)."""
    return tuple(dict.fromkeys(scanner.listed(lambda: _status_item(scanner))))


def _status_item(scanner: Scanner) -> str:
    item = scanner.word("A status item")
    if item not in STATUS_ITEMS:
        raise Bad("No such status item")
    return item

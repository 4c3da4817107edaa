"""NOTIFY: which mailboxes a client watches, and for what.

Called by commands.py's table.
Never knows which mailboxes there are.
Fails with Bad, with BADEVENT for events that are not supported.  # RFC 5465
"""

from __future__ import annotations

from typing import Final

from hatoba.wire.imap import codes, events, fetching, items
from hatoba.wire.imap.scanner import Bad, Scanner

_MESSAGE_EVENTS: Final = frozenset(("MessageNew", "MessageExpunge", "FlagChange"))
_MAILBOX_EVENTS: Final = frozenset(
    ("MailboxName", "SubscriptionChange", "MailboxMetadataChange", "ServerMetadataChange")
)
_EVENTS: Final = {name.upper(): name for name in _MESSAGE_EVENTS | _MAILBOX_EVENTS}
_FILTERS: Final = frozenset(("SELECTED", "SELECTED-DELAYED", "INBOXES", "PERSONAL", "SUBSCRIBED"))
_NAMED: Final = frozenset(("SUBTREE", "MAILBOXES"))
_GROUPS: Final = 50
_MAILBOXES: Final = 1000


def notify(scanner: Scanner, tag: str) -> events.Notify:
    scanner.space()
    word = scanner.word("NONE or SET")
    if word == "NONE":
        return events.Notify(tag)
    if word != "SET":
        raise Bad("NOTIFY takes NONE or SET")
    status = scanner.data[scanner.at : scanner.at + 7].upper() == b" STATUS"
    if status:
        scanner.at += 7
    groups: list[items.EventGroup] = []
    while not scanner.over or not groups:
        scanner.space()
        groups.append(_group(scanner))
        if len(groups) > _GROUPS:
            raise Bad("Too many event groups", "NO", "NOTIFICATIONOVERFLOW")
    if sum(group.which.startswith("SELECTED") for group in groups) > 1:
        raise Bad("SELECTED and SELECTED-DELAYED stand once, together")  # RFC 5465 §6.1
    return events.Notify(tag, tuple(groups), status)


def _group(scanner: Scanner) -> items.EventGroup:
    scanner.need(b"(", "An event group begins with a parenthesis")
    which = scanner.word("A filter")
    mailboxes: tuple[str, ...] = ()
    if which in _NAMED:
        scanner.space()
        mailboxes = _mailboxes(scanner)
    elif which not in _FILTERS:
        raise Bad("No such filter of NOTIFY")
    scanner.space()
    names, fetched = _events(scanner)
    scanner.need(b")", "An event group ends with a parenthesis")
    _judge(which, names, fetched)
    return items.EventGroup(which, mailboxes, names, fetched)


def _mailboxes(scanner: Scanner) -> tuple[str, ...]:
    if not scanner.ahead(b"("):
        return (scanner.mailbox(),)
    names = tuple(dict.fromkeys(scanner.listed(scanner.mailbox)))
    if len(names) > _MAILBOXES:
        raise Bad("Too many mailboxes", "NO", "NOTIFICATIONOVERFLOW")
    return names


def _events(scanner: Scanner) -> tuple[tuple[str, ...], tuple[items.Item, ...]]:
    fetched: tuple[items.Item, ...] = ()
    if not scanner.ahead(b"("):
        if scanner.word("NONE or events") != "NONE":
            raise Bad("Events stand in parentheses")
        return (), ()
    unknown: list[str] = []

    def event() -> str:
        nonlocal fetched
        word = scanner.atom("An event")
        name = _EVENTS.get(word.upper())
        if name is None:
            unknown.append(word)
            return word
        if name == "MessageNew" and scanner.ahead(b" ("):
            scanner.space()
            fetched = fetching.items(scanner)
        return name

    names = tuple(dict.fromkeys(scanner.listed(event)))
    if unknown:
        raise Bad("Those events are not supported", "NO", codes.badevent(sorted(_EVENTS.values())))
    return names, fetched


def _judge(which: str, names: tuple[str, ...], fetched: tuple[items.Item, ...]) -> None:
    """# RFC 5465 §5"""
    if ("MessageNew" in names) != ("MessageExpunge" in names):
        raise Bad("MessageNew and MessageExpunge go together")
    if "FlagChange" in names and "MessageNew" not in names:
        raise Bad("FlagChange needs MessageNew and MessageExpunge")
    selected = which.startswith("SELECTED")
    if selected and set(names) & _MAILBOX_EVENTS:
        raise Bad("The selected mailbox has message events only")
    if fetched and not selected:
        raise Bad("Items to fetch are for the selected mailbox")

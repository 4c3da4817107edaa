"""LIST, plain and extended, with its selection and return options.

Called by commands.py's table.
Never matches a pattern: mailboxes does.
Fails with Bad.  # RFC 9051 §6.3.9, RFC 5258, RFC 5819, RFC 6154 §2, RFC 8440, RFC 9590
"""

from __future__ import annotations

from typing import Final

from hatoba.wire.imap import events, mailboxes, metadata
from hatoba.wire.imap.scanner import Bad, Scanner

SELECT_OPTIONS: Final = frozenset(("SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE"))
RETURN_OPTIONS: Final = frozenset(("SUBSCRIBED", "CHILDREN", "SPECIAL-USE", "MYRIGHTS", "STATUS", "METADATA"))
_PATTERNS: Final = 100


def list_(scanner: Scanner, tag: str) -> events.List:
    scanner.space()
    select: frozenset[str] = frozenset()
    extended = scanner.ahead(b"(")
    if extended:
        select = frozenset(scanner.listed(lambda: _select_option(scanner), empty=True))
        if select and select <= {"RECURSIVEMATCH", "REMOTE"} and "RECURSIVEMATCH" in select:
            raise Bad("RECURSIVEMATCH needs another selection option")
        scanner.space()
    reference = scanner.mailbox("A reference")
    scanner.space()
    if scanner.ahead(b"("):
        extended = True
        patterns = tuple(dict.fromkeys(scanner.listed(scanner.pattern)))
        if len(patterns) > _PATTERNS:
            raise Bad("Too many patterns", "NO", "LIMIT")
    else:
        patterns = (scanner.pattern(),)
    if scanner.over:
        return events.List(tag, reference, patterns, select, extended=extended)
    scanner.space()
    if scanner.word("RETURN") != "RETURN":
        raise Bad("Only RETURN may follow the pattern")
    scanner.space()
    return _returns(scanner, events.List(tag, reference, patterns, select, extended=True))


def _select_option(scanner: Scanner) -> str:
    option = scanner.word("A selection option")
    if option not in SELECT_OPTIONS:
        raise Bad("No such selection option of LIST")
    return option


def _returns(scanner: Scanner, plain: events.List) -> events.List:
    status: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()
    options: set[str] = set()

    def option() -> None:
        nonlocal status, entries
        word = scanner.word("A return option")
        if word not in RETURN_OPTIONS:
            raise Bad("No such return option of LIST")
        options.add(word)
        if word == "STATUS":
            scanner.space()
            status = mailboxes.status_items(scanner)
        elif word == "METADATA":
            scanner.space()
            entries = metadata.entries(scanner)

    scanner.listed(option, empty=True)
    return events.List(
        plain.tag, plain.reference, plain.patterns, plain.select, frozenset(options), status, entries, True
    )

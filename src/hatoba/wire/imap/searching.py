"""SEARCH, SORT, THREAD and CANCELUPDATE: what stands around their keys.

Called by commands.py's table.
Never searches.
Fails with Bad.  # RFC 9051 §6.4.4, RFC 5256, RFC 5267, RFC 5182, RFC 6203, RFC 9394
"""

from __future__ import annotations

from typing import Final

from hatoba.wire.imap import criteria, events, fetching, items
from hatoba.wire.imap.scanner import Bad, Scanner

SORTS: Final = frozenset(["ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT", "TO", "DISPLAYFROM", "DISPLAYTO"])
ALGORITHMS: Final = frozenset(("REFERENCES", "ORDEREDSUBJECT"))
_RETURNS: Final = frozenset(("MIN", "MAX", "ALL", "COUNT", "SAVE", "RELEVANCY", "UPDATE", "CONTEXT"))
_CRITERIA: Final = 20
_TAGS: Final = 100


def search(scanner: Scanner, tag: str) -> events.Search:
    return _search(scanner, tag, False)


def uid_search(scanner: Scanner, tag: str) -> events.Search:
    return _search(scanner, tag, True)


def _search(scanner: Scanner, tag: str, uid: bool) -> events.Search:
    scanner.space()
    returns = _returns(scanner)
    codec = "utf-8"
    if scanner.data[scanner.at : scanner.at + 8].upper() == b"CHARSET ":
        scanner.at += 8
        codec = criteria.charset(scanner.text("A charset"))
        scanner.space()
    return events.Search(tag, criteria.Keys(scanner, codec).all(), uid, returns)


def _returns(scanner: Scanner) -> items.Returns | None:
    """RETURN (...) and the space behind it, where it is."""
    if scanner.data[scanner.at : scanner.at + 8].upper() != b"RETURN (":
        return None
    scanner.at += 7
    words: set[str] = set()
    partial: tuple[int, int] | None = None

    def option() -> None:
        nonlocal partial
        word = scanner.word("A return option")
        if word == "PARTIAL":
            scanner.space()
            if partial is not None:
                raise Bad("PARTIAL twice")
            partial = fetching.partial_range(scanner)
        elif word not in _RETURNS:
            raise Bad("No such return option")
        words.add(word)

    scanner.listed(option, empty=True)
    scanner.space()
    if {"ALL", "PARTIAL"} <= words:
        raise Bad("ALL and PARTIAL exclude each other")  # RFC 9394 §3.1
    said = words - {"SAVE", "UPDATE", "CONTEXT", "RELEVANCY"}
    return items.Returns(
        min="MIN" in words,
        max="MAX" in words,
        all="ALL" in words or not (said or "SAVE" in words),
        count="COUNT" in words,
        save="SAVE" in words,
        relevancy="RELEVANCY" in words,
        update="UPDATE" in words,
        context="CONTEXT" in words,
        partial=partial,
    )


def sort(scanner: Scanner, tag: str) -> events.Sort:
    return _sort(scanner, tag, False)


def uid_sort(scanner: Scanner, tag: str) -> events.Sort:
    return _sort(scanner, tag, True)


def _sort(scanner: Scanner, tag: str, uid: bool) -> events.Sort:
    scanner.space()
    returns = _returns(scanner)
    wanted = scanner.listed(lambda: _criterion(scanner))
    if len(wanted) > _CRITERIA:
        raise Bad("Too many sort criteria", "NO", "LIMIT")
    return events.Sort(tag, tuple(dict.fromkeys(wanted)), _in_charset(scanner), uid, returns)


def _criterion(scanner: Scanner) -> tuple[str, bool]:
    word = scanner.word("A sort criterion")
    reverse = word == "REVERSE"
    if reverse:
        scanner.space()
        word = scanner.word("A sort criterion")
    if word not in SORTS:
        raise Bad("No such sort criterion")
    return word, reverse


def _in_charset(scanner: Scanner) -> criteria.Key:
    scanner.space()
    codec = criteria.charset(scanner.text("A charset"))
    scanner.space()
    return criteria.Keys(scanner, codec).all()


def thread(scanner: Scanner, tag: str) -> events.Thread:
    return _thread(scanner, tag, False)


def uid_thread(scanner: Scanner, tag: str) -> events.Thread:
    return _thread(scanner, tag, True)


def _thread(scanner: Scanner, tag: str, uid: bool) -> events.Thread:
    scanner.space()
    algorithm = scanner.word("A threading algorithm")
    if algorithm not in ALGORITHMS:
        raise Bad("No such threading algorithm")
    return events.Thread(tag, algorithm, _in_charset(scanner), uid)


def cancel(scanner: Scanner, tag: str) -> events.CancelUpdate:
    tags: list[str] = []
    while not scanner.over or not tags:
        scanner.space()
        tags.append(scanner.string("A tag").decode("utf-8", "replace"))
        if len(tags) > _TAGS:
            raise Bad("Too many tags", "NO", "LIMIT")
    return events.CancelUpdate(tag, tuple(tags))

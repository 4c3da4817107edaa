"""Results: what SEARCH, SORT and THREAD answer with, as values that write themselves to bytes.

Made by doors.imap; part of responses.
Never sorts and never threads: numbers come in the order they are told in.
Values cannot fail.  # RFC 9051 §7.3.4, RFC 3501 §7.2.5, RFC 5256 §4
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec

from hatoba.model.numbers import Numbers

_UNSAFE = re.compile(r"[^ -~]").sub


class Search(msgspec.Struct, frozen=True, gc=False):
    """SEARCH of IMAP4rev1, or SORT. `modseq` 0: none asked for.  # RFC 3501 §7.2.5, RFC 7162 §3.1.5"""

    numbers: Iterable[int]
    modseq: int = 0
    verb: str = "SEARCH"

    def wire(self, utf8: bool) -> bytes:
        words = "".join([f" {number}" for number in self.numbers])
        tail = f" (MODSEQ {self.modseq})" if self.modseq and words else ""
        return f"* {self.verb}{words}{tail}\r\n".encode()


class ESearch(msgspec.Struct, frozen=True, gc=False):
    """ESEARCH: what is None is not said.  # RFC 9051 §7.3.4, RFC 7162 §3.1.10, RFC 9394 §3.1, RFC 5267 §4.3

    `all` may be ordered (of SORT). `partial` is (its range as asked, the numbers: None for NIL). `updates` are
    ("ADDTO" or "REMOVEFROM", place, numbers).
    """

    tag: str = ""  # "": no correlator
    uid: bool = False
    min: int | None = None
    max: int | None = None
    all: Numbers | None = None
    count: int | None = None
    modseq: int | None = None
    partial: tuple[tuple[int, int], Numbers | None] | None = None
    relevancy: Sequence[int] | None = None
    updates: Sequence[tuple[str, int, Numbers]] = ()

    def wire(self, utf8: bool) -> bytes:
        words = ["* ESEARCH"]
        if self.tag:
            words.append(f'(TAG "{_UNSAFE("?", self.tag)}")'.replace("\\", "\\\\"))
        if self.uid:
            words.append("UID")
        numbers = (("MIN", self.min), ("MAX", self.max), ("ALL", self.all), ("COUNT", self.count))
        words += [f"{name} {value}" for name, value in numbers if value is not None]
        if self.partial is not None:
            (first, last), found = self.partial
            words.append(f"PARTIAL ({first}:{last} {'NIL' if found is None else found})")
        words += [f"{verb} ({place} {found})" for verb, place, found in self.updates]
        if self.relevancy is not None:
            words.append(f"RELEVANCY ({' '.join(map(str, self.relevancy))})")
        if self.modseq is not None:
            words.append(f"MODSEQ {self.modseq}")
        return (" ".join(words) + "\r\n").encode()


class Thread(msgspec.Struct, frozen=True, gc=False):
    """THREAD: roots as (number, children), number 0 where the parent is not there.  # RFC 5256 §4"""

    roots: Sequence[Node]

    def wire(self, utf8: bool) -> bytes:
        if not self.roots:
            return b"* THREAD\r\n"
        return f"* THREAD {''.join(_threads(self.roots))}\r\n".encode()


Node = tuple[int, "Sequence[Node]"]


def _threads(roots: Sequence[Node]) -> list[str]:
    """Without recursion: a thread may be thousands deep."""
    out: list[str] = []
    todo: list[Node | str] = list(reversed(roots))
    while todo:
        node = todo.pop()
        if isinstance(node, str):
            out.append(node)
            continue
        chain = []
        number, children = node
        while len(children) == 1 and number:
            chain.append(str(number))
            number, children = children[0]
        if number:
            chain.append(str(number))
        out.append("(" + " ".join(chain))
        if children:
            out.append(" " if chain else "")
        todo.append(")")
        todo += reversed(children)
    return out

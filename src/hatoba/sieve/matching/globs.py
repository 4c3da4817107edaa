"""Wildcards: `*` for any characters, as few as it can be, `?` for one; a backslash takes their meaning away.
# RFC 5228 §2.7.1, RFC 5229 §3.2

Called by match.
Never backtracks over a whole text: the pieces between stars are looked for from left to right, each once.
Fails never: every string is a pattern.
"""

import functools
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import re2

_TOKEN = re.compile(r"\\(.)|([*?])|([^\\*?]+)|(\\)\Z", re.DOTALL)


class Piece(NamedTuple):
    """What stands between two stars: `text` with None for each `?`."""

    parts: tuple[str | None, ...]

    @property
    def length(self) -> int:
        return sum(1 if part is None else len(part) for part in self.parts)


@functools.lru_cache(maxsize=256)
def pieces(pattern: str, fold: Callable[[str], str]) -> tuple[Piece, ...]:
    """The pieces of a pattern, folded; one more than it has stars."""
    found: list[list[str | None]] = [[]]
    for token in _TOKEN.finditer(pattern):
        if token[2] == "*":
            found.append([])
        elif token[2] == "?":
            found[-1].append(None)
        else:
            literal = fold(token[1] or token[3] or token[4])
            if found[-1] and found[-1][-1] is not None:
                found[-1][-1] += literal
            else:
                found[-1].append(literal)
    return tuple(Piece(tuple(parts)) for parts in found)


def match(pattern: str, text: str, fold: Callable[[str], str]) -> tuple[str, ...] | None:
    """(all of `text`, what each wildcard stands for) or None. `fold` makes characters that count as one the same."""
    folded = fold(text)
    if len(folded) != len(text):  # the values of a match are then those of the folded text
        text = folded
    wanted = pieces(pattern, fold)
    head = wanted[0]
    if len(wanted) == 1:
        return (text, *_singles(head, text, 0)) if head.length == len(text) and _fits(head, folded, 0) else None
    tail = wanted[-1]
    end = len(text) - tail.length
    if head.length > end or not _fits(head, folded, 0):
        return None
    values = list(_singles(head, text, 0))
    at = head.length
    for piece in wanted[1:-1]:
        place = _find(piece, folded, at, end)
        if place < 0:
            return None
        values += (text[at:place], *_singles(piece, text, place))
        at = place + piece.length
    if not _fits(tail, folded, end):
        return None
    return (text, *values, text[at:end], *_singles(tail, text, end))


def _singles(piece: Piece, text: str, at: int) -> Iterator[str]:
    for part in piece.parts:
        if part is None:
            yield text[at]
            at += 1
        else:
            at += len(part)


def _fits(piece: Piece, text: str, at: int) -> bool:
    for part in piece.parts:
        if part is None:
            at += 1
        elif text.startswith(part, at):
            at += len(part)
        else:
            return False
    return True


def _find(piece: Piece, text: str, at: int, end: int) -> int:
    """The first place of `piece` in text[at:end], -1 for none."""
    parts = piece.parts
    if not parts:
        return at
    if len(parts) == 1 and parts[0] is not None:
        return text.find(parts[0], at, end)
    if all(part is None for part in parts):
        return at if at + len(parts) <= end else -1
    found = _search(parts).search(text[at:end].encode("utf-8", "replace"))
    if found is None:
        return -1
    return at + len(text[at:end].encode("utf-8", "replace")[: found.start()].decode("utf-8", "replace"))


@functools.lru_cache(maxsize=64)
def _search(parts: tuple[str | None, ...]) -> "re2._Regexp":
    """A piece with single wildcards among letters: re2 finds it without trying each place anew."""
    options = re2.Options()
    options.dot_nl = True
    options.log_errors = False
    options.max_mem = 8 << 20
    whole = "".join("." if part is None else re2.escape(part) for part in parts)
    return re2.compile(whole.encode("utf-8", "replace"), options)

"""Flags: setflag, addflag, removeflag, hasflag, and the flags a letter is filed with. # RFC 5232

Called by execute and filing.
Never adds a flag twice: names compare without case, the first spelling stays.
Fails with Halt where there are too many.
"""

import re
from collections.abc import Iterable

from hatoba.sieve.faults import Halt
from hatoba.sieve.matching import match
from hatoba.sieve.node import Node
from hatoba.sieve.running.machine import Machine
from hatoba.sieve.texts import Text

_SYSTEM = {flag.lower(): flag for flag in ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft")}
_FLAG = re.compile(r"\\?[^\x00-\x20\x7f-\U0010ffff(){%*\"\\\]]{1,100}")  # RFC 9051 §9: an atom


def split(strings: Iterable[str]) -> tuple[str, ...]:
    """The flags in strings, each of which may hold several; what IMAP cannot have is passed over. # RFC 5232 §2"""
    found: dict[str, str] = {}
    for string in strings:
        for flag in string.split():
            lower = flag.lower()
            known = _SYSTEM.get(lower)
            if known or (_FLAG.fullmatch(flag) and not flag.startswith("\\")):
                found.setdefault(lower, known or flag)
    return tuple(found.values())


def of(run: Machine, node: Node) -> tuple[str, ...]:
    """The flags that keep or fileinto gives: its own, or those of the internal variable. # RFC 5232 §5"""
    if not node.has("flags"):
        return run.flags
    return _bounded(run, split(run.expand_all(node.tagged["flags"])))


def _bounded(run: Machine, flags: tuple[str, ...]) -> tuple[str, ...]:
    if len(flags) > run.limits.flags:
        raise Halt(f"a letter has more than {run.limits.flags} flags")
    return flags


def _get(run: Machine, variable: Text) -> tuple[str, ...]:
    return split([run.variable(run.named(variable))])


def change(run: Machine, node: Node) -> None:
    """setflag, addflag and removeflag, of a variable or of the letter. # RFC 5232 §3"""
    given = split(run.expand_all(node.arguments[1]))
    variable = node.arguments[0][0] if node.arguments[0] else None
    before = () if node.name == "setflag" else run.flags if variable is None else _get(run, variable)
    if node.name == "removeflag":
        gone = {flag.lower() for flag in given}
        after = tuple([flag for flag in before if flag.lower() not in gone])
    else:
        after = split((*before, *given))
    run.spend(1 + len(after) // 10)
    after = _bounded(run, after)
    if variable is None:
        run.flags = after
    else:
        run.assign(run.named(variable), " ".join(after))
    run.note(node, f"{node.name}: {' '.join(after) or 'none'}")


def hasflag(run: Machine, node: Node) -> bool:
    """RFC 5232 §4; with :count the flags are counted."""
    flags: list[str] = []
    if node.arguments[0]:
        for variable in node.arguments[0]:
            flags += _get(run, variable)
    else:
        flags += run.flags
    keys = run.expand_all(node.arguments[1])
    if node.match.type == match.COUNT:
        return run.holds(node.match, str(len(flags)), keys)
    if node.match.type != match.REGEX:
        keys = [flag for key in keys for flag in key.split()]  # a key may hold several as well  # RFC 5232 §4
    return run.compare(node, flags, [Text(key) for key in keys])

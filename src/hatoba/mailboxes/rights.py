"""Rights: what somebody may do with another's box, from the box's access control list.

Called by post before anything is done in a box that is not the asker's own, and for the ACL commands.
Never asks who belongs to a group: identifiers are accounts, "anyone", or either with "-" before it.
Fails with ValueError for letters that are no rights.  # RFC 4314 §2
"""

from __future__ import annotations

from collections.abc import Iterable

ALL = "lrswipkxtea"  # in the order RFC 4314 lists them
OLD = {"c": "kx", "d": "xte"}  # what RFC 2086 had, as more letters  # RFC 4314 §2.1.1
ANYONE = "anyone"

LOOKUP, READ, SEEN, WRITE, INSERT, CREATE, REMOVE, DELETE, EXPUNGE, ADMINISTER = "lrswikxtea"


def parsed(written: str) -> str:
    """The rights that letters stand for, each once, in order. "p" is kept and means nothing here."""
    found: set[str] = set()
    for letter in written:
        if letter in OLD:
            found.update(OLD[letter])
        elif letter in ALL:
            found.add(letter)
        else:
            raise ValueError(f"{letter!r} is no right")
    return ordered(found)


def ordered(letters: Iterable[str]) -> str:
    found = set(letters)
    return "".join(letter for letter in ALL if letter in found)


def changed(before: str, mode: str, letters: str) -> str:
    """SETACL: "+", "-" or "" to replace."""
    given = set(parsed(letters))
    if mode == "+":
        return ordered(set(before) | given)
    if mode == "-":
        return ordered(set(before) - given)
    return ordered(given)


def granted(entries: Iterable[tuple[str, str]], account: str) -> str:
    """What the list of (identifier, rights) gives `account`; what is taken with "-" weighs more. # RFC 4314 §2"""
    given: set[str] = set()
    taken: set[str] = set()
    for who, letters in entries:
        if who in {ANYONE, account}:
            given.update(letters)
        elif who in {"-" + ANYONE, "-" + account}:
            taken.update(letters)
    return ordered(given - taken)


def shown(letters: str) -> str:
    """As ACL and MYRIGHTS say it: with the old letters beside the new ones, for old clients. # RFC 4314 §2.1.1"""
    found = set(letters)
    return letters + ("c" if "k" in found else "") + ("d" if found & set("xte") else "")

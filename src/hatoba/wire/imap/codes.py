"""Codes: the response codes that carry values, as the text between the brackets.

Called by doors.imap for the `code` of Tagged and Untagged. Codes without values are written as they are: "TRYCREATE".
Never decides which code an answer deserves.
Cannot fail.  # RFC 9051 §7.1
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hatoba.model.numbers import Numbers


def appenduid(validity: int, uids: Numbers) -> str:
    """# RFC 4315 §3"""
    return f"APPENDUID {validity} {uids}"


def copyuid(validity: int, source: Numbers, target: Numbers) -> str:
    """UIDs there and here, in the same order.  # RFC 4315 §3"""
    return f"COPYUID {validity} {source} {target}"


def permanentflags(flags: Iterable[str]) -> str:
    """With "\\\\*" where new keywords may be made."""
    return f"PERMANENTFLAGS ({' '.join(flags)})"


def uidvalidity(number: int) -> str:
    return f"UIDVALIDITY {number}"


def uidnext(number: int) -> str:
    return f"UIDNEXT {number}"


def unseen(number: int) -> str:
    """The first unseen message, of IMAP4rev1.  # RFC 3501 §7.1"""
    return f"UNSEEN {number}"


def highestmodseq(number: int) -> str:
    """# RFC 7162 §3.1.2.1"""
    return f"HIGHESTMODSEQ {number}"


def modified(numbers: Numbers) -> str:
    """What a conditional STORE left alone.  # RFC 7162 §3.1.3"""
    return f"MODIFIED {numbers}"


def mailboxid(object_id: str) -> str:
    """# RFC 8474 §4.1"""
    return f"MAILBOXID ({object_id})"


def capability(names: Sequence[str]) -> str:
    return f"CAPABILITY {' '.join(names)}"


def badcharset(names: Iterable[str]) -> str:
    return f"BADCHARSET ({' '.join(names)})"


def badevent(names: Iterable[str]) -> str:
    """# RFC 5465 §5"""
    return f"BADEVENT ({' '.join(names)})"


def badurl(url: str) -> str:
    """# RFC 4469 §3"""
    return f"BADURL {_quoted(url)}"


def noupdate(tag: str) -> str:
    """# RFC 5267 §4.3.1"""
    return f"NOUPDATE {_quoted(tag)}"


def inprogress(tag: str, done: int | None = None, goal: int | None = None) -> str:
    """# RFC 9585 §4"""
    return f"INPROGRESS ({_quoted(tag)} {_number(done)} {_number(goal)})"


def metadata_longentries(octets: int) -> str:
    """# RFC 5464 §4.2.1"""
    return f"METADATA LONGENTRIES {octets}"


def metadata_maxsize(octets: int) -> str:
    """# RFC 5464 §4.3"""
    return f"METADATA MAXSIZE {octets}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _number(value: int | None) -> str:
    return "NIL" if value is None else str(value)

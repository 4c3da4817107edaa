"""Maildir: what names of files and folders say: flags, sizes, times; boxes as Maildir++ and nested folders name them.

Called by importers and exporters, which do the reading and writing; store.maildir is where delivery writes files.
Never touches a file.
Fails never: a name that says nothing has no flags and no time.
"""

import binascii
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from hatoba.message import keeping

_INFO = {"D": keeping.DRAFT, "F": keeping.FLAGGED, "P": keeping.FORWARDED, "R": keeping.ANSWERED, "S": keeping.SEEN,
         "T": keeping.DELETED}  # fmt: skip
_BY_FLAG = {flag.lower(): letter for letter, flag in _INFO.items()}
_LETTERS = "abcdefghijklmnopqrstuvwxyz"  # keywords, by their place in dovecot-keywords
_SECONDS = re.compile(r"([0-9]{9,11})\.")
_SIZE = re.compile(r",S=([0-9]{1,18})(?=,|:|$)")
_INFOS = re.compile(r"[:;!]2,([^,]*)")  # ; and ! stand for : where a file system has no colon
_KEYWORD_LINE = re.compile(r"([0-9]{1,2}) (\S{1,100})")
_SHIFTED = re.compile(r"&([^-]*)-")
_OUTSIDE = re.compile(r"[^\x20-\x7e]+|[&./]")


class Named(NamedTuple):
    """What the name of a file says. `seconds` since 1970, 0 unknown; `size` in octets as stored, -1 unknown."""

    base: str  # without the flags: the same for as long as the letter lives
    flags: tuple[str, ...]
    seconds: int
    size: int


def read(name: str, keywords: Sequence[str] = ()) -> Named:
    """`keywords`: those of the folder, a to z (see `keyword_list`)."""
    found = _INFOS.search(name)
    base = name[: found.start()] if found else name
    flags: dict[str, None] = {}
    for letter in found[1] if found else "":
        place = _LETTERS.find(letter)
        if letter in _INFO:
            flags[_INFO[letter]] = None
        elif 0 <= place < len(keywords) and keywords[place]:
            flags[keywords[place]] = None
    seconds, size = _SECONDS.match(name), _SIZE.search(base)
    return Named(base, tuple(flags), int(seconds[1]) if seconds else 0, int(size[1]) if size else -1)


def name(
    unique: str, host: str, *, internal: int, size: int, flags: Iterable[str], keywords: Sequence[str] = ()
) -> str:
    """The name of a file for cur. `unique`: within the second; `size`: octets as stored; `internal`: ms since 1970."""
    known = {keyword.lower(): letter for keyword, letter in zip(keywords, _LETTERS, strict=False)}
    letters = {_BY_FLAG.get(flag.lower()) or known.get(flag.lower(), "") for flag in flags}
    safe = host.replace("/", "\\057").replace(":", "\\072")
    return f"{internal // 1000}.{unique}.{safe},S={size}:2,{''.join(sorted(letters))}"


def keyword_list(text: str) -> list[str]:
    """The keywords of a folder out of its dovecot-keywords: "0 $Forwarded" and so on; "" where a letter has none."""
    found = [""] * len(_LETTERS)
    for line in text.splitlines()[:1000]:
        match = _KEYWORD_LINE.fullmatch(line.strip())
        if match and int(match[1]) < len(found):
            found[int(match[1])] = match[2]
    while found and not found[-1]:
        found.pop()
    return found


def keyword_lines(keywords: Sequence[str]) -> str:
    """dovecot-keywords for these, of which letters name the first 26."""
    return "".join(f"{place} {keyword}\n" for place, keyword in enumerate(keywords[: len(_LETTERS)]) if keyword)


def box(folder: str) -> str:
    """The box that a folder is: "" or "." INBOX, ".Sent.2026" (Maildir++) or "Sent/2026" (nested) "Sent/2026"."""
    plus = folder.startswith(".") and "/" not in folder
    levels = folder[1:].split(".") if plus else folder.split("/")
    return "/".join(_decoded(level) for level in levels if level and level != ".") or "INBOX"


def folder(box: str) -> str:
    """The Maildir++ folder of a box, "" for INBOX: "Sent/2026" is ".Sent.2026"."""
    if box == "INBOX":
        return ""
    return "." + ".".join(_OUTSIDE.sub(_shift, level) for level in box.split("/"))


def subscribed(text: str) -> list[str]:
    """The boxes of a subscriptions file, of Dovecot's second version ("V\\t2", levels between tabs) or of its first."""
    lines = text.splitlines()
    if lines and lines[0].startswith("V\t"):
        return ["/".join(map(_decoded, line.split("\t"))) for line in lines[1:] if line]
    return [box("." + line) if "." in line and "/" not in line else box(line) for line in lines if line]


def _decoded(level: str) -> str:
    """A level out of modified UTF-7, as folders are called by Dovecot and Courier; as it stands where it is none."""
    try:
        return _SHIFTED.sub(_unshift, level)
    except (ValueError, binascii.Error):
        return level


def _unshift(found: "re.Match[str]") -> str:
    if not found[1]:
        return "&"
    octets = binascii.a2b_base64(found[1].replace(",", "/") + "=" * (-len(found[1]) % 4))
    return octets.decode("utf-16-be")


def _shift(found: "re.Match[str]") -> str:
    """Dots and slashes within a level are written so too: bare ones would part it."""
    if found[0] == "&":
        return "&-"
    coded = binascii.b2a_base64(found[0].encode("utf-16-be", "surrogatepass"), newline=False)
    return "&" + coded.decode("ascii").rstrip("=").replace("/", ",") + "-"

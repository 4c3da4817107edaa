"""Names: the boxes a person sees, by what they are called: own ones, other people's, patterns, attributes.

Called by post for every command that names a box, and for LIST and LSUB.
Never asks the store: what exists is handed to it; never knows modified UTF-7.
Fails with BadName for what no box can be called.  # RFC 9051 §5.1, RFC 2342, RFC 5258
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence

import msgspec
import re2

SEPARATOR = "/"
INBOX = "INBOX"
OTHERS = "Other Users"  # RFC 2342 §5
LONGEST = 255  # characters of a level
LONG = 1000  # characters of a whole name
DEEPEST = 32  # levels

SPECIAL = ("\\All", "\\Archive", "\\Drafts", "\\Flagged", "\\Junk", "\\Sent", "\\Trash", "\\Important")  # RFC 6154 §2

_AWKWARD = re.compile("[=/%*]")  # an address may hold them
_ESCAPE = re.compile("=([0-9A-F]{2})")


class BadName(ValueError):
    """No box can be called so; the text says why."""


class Place(msgspec.Struct, frozen=True):
    """Whose box, and what its owner calls it; `name` "" is the root of all that person's boxes."""

    account: str
    name: str


class Box(msgspec.Struct, frozen=True):
    """A box or a mere name that LIST may show, as its reader calls it.

    `exists` False: a superior of boxes, or something subscribed that is gone. `special` is its use, "" for none.
    """

    name: str
    exists: bool = True
    subscribed: bool = False
    special: tuple[str, ...] = ()
    selectable: bool = True


class Listed(msgspec.Struct, frozen=True):
    """A line of LIST. `children`: whether names stand below it; `below`: something selected does, which the answer
    does not show by itself.  # RFC 5258 §3.5 (CHILDINFO)"""

    box: Box
    children: bool
    below: bool = False


def normal(written: str) -> str:
    """`written` as boxes are called here: NFC, INBOX in capitals, no separator at the end."""
    name = unicodedata.normalize("NFC", written).removesuffix(SEPARATOR)
    head, sep, rest = name.partition(SEPARATOR)
    if head.upper() == INBOX:  # any spelling is that one box  # RFC 9051 §5.1
        return INBOX + sep + rest
    return name


def checked(written: str) -> str:
    """A name that a new box may have. BadName."""
    name = normal(written)
    levels = name.split(SEPARATOR)
    if not name or len(name) > LONG or len(levels) > DEEPEST or any(len(level) > LONGEST for level in levels):
        raise BadName("a name has 1 to 1000 characters, a level up to 255, and there are up to 32 levels")
    if not all(levels):
        raise BadName("a level of a name cannot be empty")
    if any(unicodedata.category(char) in {"Cc", "Cs"} or char in "*%\u2028\u2029" for char in name):
        raise BadName("control characters and the wildcards * and % cannot stand in a name")
    return name


def place(name: str, account: str) -> Place:
    """Whose box `account` means by `name`. BadName under the root of other people's boxes."""
    name = normal(name)
    head, _, rest = name.partition(SEPARATOR)
    if head != OTHERS:
        return Place(account, name)
    owner, _, own = rest.partition(SEPARATOR)
    if not owner:
        raise BadName("that is where other people's mailboxes are, and no mailbox")
    return Place(_unescaped(owner), normal(own))


def seen(account: str, name: str, reader: str) -> str:
    """What `reader` calls the box `name` of `account`: the way back from `place`."""
    if account == reader:
        return name
    owner = f"{OTHERS}{SEPARATOR}{_escaped(account)}"
    return f"{owner}{SEPARATOR}{name}" if name else owner


def _escaped(account: str) -> str:
    """An account's key as one level of a name."""
    return _AWKWARD.sub(lambda found: f"={ord(found[0]):02X}", account)


def _unescaped(level: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), level)


def superiors(name: str) -> list[str]:
    """The names above it, the highest first."""
    levels = name.split(SEPARATOR)
    return [SEPARATOR.join(levels[:count]) for count in range(1, len(levels))]


class Pattern:
    """A LIST pattern: "*" is anything, "%" anything within a level; time grows with the name's length only."""

    def __init__(self, reference: str, written: str) -> None:
        whole = unicodedata.normalize("NFC", reference + written)
        if whole[: len(INBOX)].upper() == INBOX and whole[len(INBOX) : len(INBOX) + 1] in {"", SEPARATOR}:
            whole = INBOX + whole[len(INBOX) :]
        self._everything = whole == "*"
        self._matcher = re2.compile(_expression(whole)) if not self._everything else None

    def matches(self, name: str) -> bool:
        return self._matcher is None or self._matcher.fullmatch(name) is not None


def _expression(whole: str) -> str:
    parts: list[str] = []
    last = ""
    for char in whole[:LONG]:
        if char == "*":
            if last == "%":
                parts.pop()
            if last != "*":
                parts.append("(?s:.*)")
        elif char == "%":
            if last in {"*", "%"}:
                char = last  # noqa: PLW2901 # "*%" and "%%" say no more than the first does
            else:
                parts.append("[^/]*")
        else:
            parts.append(re2.escape(char))
        last = char
    return "".join(parts)


def with_superiors(boxes: Iterable[Box]) -> list[Box]:
    """All of them and the names above them that are no boxes, by name, INBOX first."""
    found = {box.name: box for box in boxes}
    for name in list(found):
        for above in superiors(name):
            if above not in found:
                found[above] = Box(above, exists=False, selectable=False)
    return sorted(found.values(), key=lambda box: (box.name != INBOX, box.name))


def listed(
    boxes: Sequence[Box],
    patterns: Collection[Pattern],
    *,
    subscribed: bool = False,
    special: bool = False,
    recursive: bool = False,
) -> list[Listed]:
    """What LIST shows of `boxes` (with their superiors, sorted), by pattern and selection. # RFC 5258 §3.1

    Names that exist only in a subscription are shown where subscriptions are asked for.
    """
    parents = {above for box in boxes if box.exists for above in superiors(box.name)}
    chosen = [box for box in boxes if _selected(box, subscribed=subscribed, special=special)]
    over: dict[str, bool] = {}
    if recursive:
        for box in chosen:
            for above in superiors(box.name):
                over[above] = True
    selective = subscribed or special
    picked = {box.name for box in chosen}
    result = []
    for box in boxes:
        below = over.get(box.name, False)
        here = box.name in picked and (box.exists or selective or box.name in parents)
        if (here or below) and any(pattern.matches(box.name) for pattern in patterns):
            result.append(Listed(box, box.name in parents, below))
    return result


def _selected(box: Box, *, subscribed: bool, special: bool) -> bool:
    return (box.subscribed or not subscribed) and (bool(box.special) or not special)


def lsub(boxes: Sequence[Box], patterns: Collection[Pattern]) -> list[Listed]:
    """What LSUB shows: what is subscribed; and, where a pattern ends in "%", superiors of that which are not.

    # RFC 3501 §6.3.9
    """
    return listed(boxes, patterns, subscribed=True, recursive=True)

"""Archive: what lies in archives, and in archives within them: names, kinds, and what is wrong with them.

Called by intake's content rules with the octets of an attachment; slow for large ones: in a thread.
Never writes a file, never believes a size that is declared, and never unpacks beyond its `Limits`.
Fails never: what is broken, locked, too much or unknown is a word in `findings`.
"""

from collections.abc import Iterator
from typing import NamedTuple

from hatoba.message import magic
from hatoba.message.archives import sevenzip, streams, tar, zips
from hatoba.message.archives.member import Broken, Budget, Locked, Member, TooMuch, Unread

# What can be wrong with an archive, or odd; `bomb` comes with the first three.
MANY, DEEP, LARGE, BOMB = "many", "deep", "large", "bomb"
ENCRYPTED, BROKEN, UNREAD = "encrypted", "broken", "unread"
FINDINGS = (BOMB, MANY, DEEP, LARGE, ENCRYPTED, BROKEN, UNREAD)


_NAME = 255  # characters of a file's name that are kept


class Limits(NamedTuple):
    depth: int = 4  # archives within each other
    files: int = 2000  # in all of them
    unpacked: int = 128 << 20  # octets, all together
    ratio: int = 300  # octets unpacked for one packed, once a file has more than `floor`
    floor: int = 4 << 20


class File(NamedTuple):
    """`name` as the archive gives it, behind those of the archives it lies in. `kinds` as in magic."""

    name: str
    kinds: frozenset[str]


class Inside:
    """What was found so far; one for each letter, so that the limits count over all its archives."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.files: list[File] = []
        self.findings: dict[str, str] = {}  # word → what of, for people
        self._budget = Budget(self.limits.unpacked, self.limits.ratio, self.limits.floor)

    def note(self, word: str, about: str) -> None:
        self.findings.setdefault(word, about)

    def open(self, octets: bytes, kinds: frozenset[str], name: str) -> None:
        """Looks into an archive of these kinds. What is no archive has nothing inside."""
        self._open(octets, kinds, name, "", 1)

    def _open(self, octets: bytes, kinds: frozenset[str], name: str, above: str, depth: int) -> None:
        """`above`: what stands before the names of its files."""
        if kinds & magic.SEALED:
            self.note(UNREAD, f"{name}: {', '.join(sorted(kinds & magic.SEALED))}")
        if not kinds & magic.PACKED or BOMB in self.findings:
            return
        if depth > self.limits.depth:
            self.note(DEEP, name)
            self.note(BOMB, f"{name}: more than {self.limits.depth} archives within each other")
            return
        try:
            for member in self._members(octets, kinds, name):
                self._member(member, name, above, depth)
                if BOMB in self.findings:
                    return
        except TooMuch as error:
            self.note(LARGE, name)
            self.note(BOMB, f"{name}: {error}")
        except Locked:
            self.note(ENCRYPTED, name)
        except Unread as error:
            self.note(UNREAD, f"{name}: {error}")
        except Broken as error:
            self.note(BROKEN, f"{name}: {error}")

    def _members(self, octets: bytes, kinds: frozenset[str], name: str) -> Iterator[Member]:
        if "zip" in kinds:
            return zips.members(octets, self._budget)
        if "7z" in kinds:
            return sevenzip.members(octets, self._budget)
        if "tar" in kinds:
            return tar.members(octets)
        return streams.members(octets, kinds, name, self._budget)

    def _member(self, member: Member, name: str, above: str, depth: int) -> None:
        if len(self.files) >= self.limits.files:
            self.note(MANY, name)
            self.note(BOMB, f"{name}: more than {self.limits.files} files")
            return
        if member.locked:
            self.note(ENCRYPTED, f"{name}: {member.name}")
        if member.trouble:
            self.note(member.trouble, f"{name}: {member.name}")
        body = member.body
        kinds = magic.kinds(body) if body is not None else frozenset[str]()
        if member.name.rpartition("/")[2].lower() == "vbaproject.bin":
            kinds |= {"macro"}
        path = above + (member.name[:_NAME] or "?")
        self.files.append(File(path, kinds))
        if body is not None:
            self._open(body, kinds, path, f"{path}/", depth + 1)

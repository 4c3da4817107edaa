"""Files: Maildirs and mbox files as what can be put into a sink, folder by folder, letter by letter.

Called by `hatoba mailbox import`.
Never writes to them, and never holds more than a letter and a piece of a file.
Fails with OSError; what is no letter is left out and named.
"""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from hatoba.app.migrating import naming
from hatoba.app.migrating.sink import Folder, Letter
from hatoba.message import keeping, maildir, mbox

_PIECE = 1 << 20
_SUFFIXES = (".mbox", ".mbx")


class Found(msgspec.Struct, frozen=True):
    """A folder of files: `path` is an mbox file, or a Maildir with cur and new. `octets` are those on the disk."""

    folder: Folder
    path: Path
    octets: int


class Told(msgspec.Struct, frozen=True):
    """One letter, or why it is none. `octets` of the file that are read now."""

    letter: Letter | None
    octets: int
    fault: str = ""


class Keys:
    """Numbers for letters by what they are, so that a later import knows them again, in whatever file they stand.

    Two letters alike in one folder have two numbers.
    """

    def __init__(self) -> None:
        self._met: dict[bytes, int] = {}

    def of(self, raw: bytes) -> int:
        """63 bits."""
        digest = hashlib.blake2b(raw, digest_size=16).digest()
        nth = self._met[digest] = self._met.get(digest, 0) + 1
        both = hashlib.blake2b(digest + nth.to_bytes(8, "big"), digest_size=8).digest()
        return int.from_bytes(both, "big") >> 1


def found(path: Path, into: str = "") -> list[Found]:
    """What is at a path: a Maildir with the folders in it, an mbox file, or a folder of mbox files.

    `into`: the box of an mbox file or of a Maildir's own letters, and above all others; "": INBOX, or what the file is
    called. ValueError where there is nothing of the kind.
    """
    if path.is_file():
        return [Found(_folder(into or "INBOX"), path, path.stat().st_size)]
    if not path.is_dir():
        raise ValueError(f"{path} is not there")
    boxes = list(_maildirs(path, into)) or list(_mboxes(path, into))
    if not boxes:
        raise ValueError(f"{path} is no Maildir (it has no cur), no mbox file and no folder of files called *.mbox")
    return boxes


def letters(one: Found) -> Iterator[Told]:
    """Its letters, those of a Maildir in the order they came."""
    return _of_maildir(one.path) if one.path.is_dir() else _of_mbox(one.path)


def _folder(name: str, subscribed: bool = True) -> Folder:
    target = naming.called(name, "/")
    return Folder(name, target, naming.usual(target), subscribed)


def _maildirs(root: Path, into: str) -> Iterator[Found]:
    """Maildir++ (.Sent.2026) and nested (Sent/2026) alike."""
    listed = root / "subscriptions"
    known = set(maildir.subscribed(listed.read_text("utf-8", "replace"))) if listed.is_file() else None
    for cur in sorted(root.rglob("cur")):
        place = cur.parent
        if not cur.is_dir() or not (place / "new").is_dir():
            continue
        box = maildir.box("" if place == root else place.relative_to(root).as_posix())
        name = box if not into else into if box == "INBOX" else f"{into}/{box}"
        octets = sum(path.stat().st_size for path in _files(place))
        yield Found(_folder(name, known is None or box in known or box == "INBOX"), place, octets)


def _mboxes(root: Path, into: str) -> Iterator[Found]:
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.suffix.lower() in _SUFFIXES:
            name = path.relative_to(root).with_suffix("").as_posix()
            yield Found(_folder(f"{into}/{name}" if into else name), path, path.stat().st_size)


def _files(place: Path) -> list[Path]:
    paths = [path for name in ("new", "cur") for path in (place / name).iterdir() if not path.name.startswith(".")]
    return sorted((path for path in paths if path.is_file()), key=lambda path: (path.name.partition(".")[0], path.name))


def _of_maildir(place: Path) -> Iterator[Told]:
    listed = place / "dovecot-keywords"
    keywords = maildir.keyword_list(listed.read_text("utf-8", "replace")) if listed.is_file() else []
    keys = Keys()
    for path in _files(place):
        named = maildir.read(path.name, keywords)
        try:
            octets = path.read_bytes()
        except OSError as error:
            yield Told(None, 0, f"{path}: {error.strerror}")
            continue
        raw = octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        # Dovecot keeps INTERNALDATE as mtime; a careless copy loses it, and then the name's time is the earlier one
        moment = path.stat().st_mtime
        internal = int(1000 * (min(moment, named.seconds) if named.seconds else moment))
        yield Told(Letter(keys.of(raw), raw, named.flags, internal, 0), len(octets))


def _of_mbox(path: Path) -> Iterator[Told]:
    reader, keys = mbox.Reader(), Keys()
    with path.open("rb") as file:
        while octets := file.read(_PIECE):
            for kept in reader.receive(octets):
                yield _told(path, keys, kept)
        for kept in reader.close():
            yield _told(path, keys, kept)
    if reader.passed:
        yield Told(None, reader.passed, f"{path}: {reader.passed} octets before its first From line are no letter")


def _told(path: Path, keys: Keys, kept: keeping.Kept) -> Told:
    octets = kept.end - kept.start
    if kept.fault:
        return Told(None, octets, f"{path}: the letter at octet {kept.start}: {kept.fault}")
    internal = kept.internal or int(time.time() * 1000)
    return Told(Letter(keys.of(kept.content), kept.content, kept.flags, internal, 0), octets)

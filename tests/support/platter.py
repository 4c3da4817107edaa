"""A disk as a power cut leaves it: replays recorded calls and keeps only what an fsync made sure of, or any legal more.

Used by the power-cut tests with the moments of tests.support.syscalls. The rules are POSIX's, not one file system's:
a write is sure after an fsync of its file that began after it; a name after an fsync of its folder; what is not sure
may be there, be missing or be torn at 512 octets, each by itself and in any order; a rename inside one folder is whole.
After an fsync that failed, what it should have written never gets to the disk, as on Linux (the pages count as clean).
"""

import random
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from tests.support.syscalls import CALLS, Call, Moment

SECTOR = 512
NOTHING, EVERYTHING, SOME, TORN = "nothing", "everything", "some", "torn"
MOODS = (NOTHING, NOTHING, EVERYTHING, SOME, TORN, TORN)  # of a disk: what becomes of what nobody synced


class Change(msgspec.Struct, eq=False, gc=False):
    """Octets at an offset of a file, or (data None) its new size."""

    offset: int
    data: bytes | None
    over: bool = False  # the call has returned: an fsync from now on covers it


class File:
    """A file: what the disk has for sure, and what may be on its way."""

    def __init__(self, disk: bytes = b"") -> None:
        self.disk = disk
        self.size = len(disk)  # as processes see it
        self.changes: list[Change] = []

    def change(self, change: Change) -> Change:
        self.changes.append(change)
        self.size = change.offset if change.data is None else max(self.size, change.offset + len(change.data))
        return change

    def content(self, changes: list[Change], chance: random.Random | None = None) -> bytes:
        """The disk's octets with these changes; sectors of each are left out when `chance` says so."""
        made = bytearray(self.disk)
        for change in changes:
            if change.data is None:
                del made[change.offset :]
                made.extend(bytes(change.offset - len(made)))
                continue
            end = change.offset + len(change.data)
            made.extend(bytes(max(0, end - len(made))))
            start = change.offset
            while start < end:
                stop = min(end, (start // SECTOR + 1) * SECTOR) if chance else end
                if chance is None or chance.random() < 0.5:
                    made[start:stop] = change.data[start - change.offset : stop - change.offset]
                start = stop
        return bytes(made)


class Naming(msgspec.Struct, eq=False, gc=False):
    """Names of one folder that change together: to a file or folder, or to nothing."""

    names: dict[bytes, "File | Folder | None"]
    over: bool = False


class Folder:
    """A folder: names for sure, and changes of names."""

    def __init__(self) -> None:
        self.disk: dict[bytes, File | Folder] = {}
        self.seen: dict[bytes, File | Folder] = {}
        self.changes: list[Naming] = []

    def change(self, names: "dict[bytes, File | Folder | None]") -> Naming:
        naming = Naming(names)
        self.changes.append(naming)
        _name(self.seen, naming)
        return naming


def _name(names: "dict[bytes, File | Folder]", naming: Naming) -> None:
    for name, what in naming.names.items():
        if what is None:
            names.pop(name, None)
        else:
            names[name] = what


class Platter:
    """The folder `root` and all below it, taken as safely on the disk when this is made. `play` moments in order."""

    def __init__(self, root: Path, *, blind: bool = False) -> None:
        self._blind = blind  # honours no fsync: what checks the checkers
        self._prefix = bytes(root) + b"/"
        self.root = _load(root)
        self.syncs = self.lost = 0  # fsyncs that held; that failed
        self._made: dict[int, list[Change | Naming]] = {}  # by id(call), until it returns
        self._covered: dict[int, list[Change | Naming]] = {}

    def play(self, moment: Moment) -> None:
        call = moment.call
        play = _CALLS.get(call.name)
        if play is None:
            return
        if not moment.ends:
            if call.result is None or call.result >= 0 or call.name in _SYNCS:
                play(self, call)
            return
        for change in self._made.pop(id(call), ()):
            change.over = True
        if call.name in _SYNCS:
            self._synced(call)

    # calls

    def _find(self, path: bytes) -> tuple[Folder, bytes] | None:
        """The folder something stands in and its name there; None outside of root."""
        if not path.startswith(self._prefix):
            return None
        *way, name = path[len(self._prefix) :].split(b"/")
        folder = self.root
        for step in way:
            below = folder.seen.get(step)
            if not isinstance(below, Folder):
                return None
            folder = below
        return folder, name

    def _at(self, path: bytes | str) -> "File | Folder | None":
        if isinstance(path, str):
            return None
        if path + b"/" == self._prefix:
            return self.root
        found = self._find(path)
        return found[0].seen.get(found[1]) if found else None

    def _note(self, call: Call, change: Change | Naming) -> None:
        self._made.setdefault(id(call), []).append(change)

    def open(self, call: Call) -> None:
        path, flags = call.words[1], str(call.words[2])
        found = self._find(path) if isinstance(path, bytes) else None
        if found is None:
            return
        folder, name = found
        known = folder.seen.get(name)
        if known is None and "O_CREAT" in flags:
            self._note(call, folder.change({name: File()}))
        elif isinstance(known, File) and "O_TRUNC" in flags and known.size:
            self._note(call, known.change(Change(0, None)))

    def write(self, call: Call) -> None:
        file, data = self._at(call.words[0]), call.words[1]
        if isinstance(file, File) and isinstance(data, bytes):
            offset = int(str(call.words[3])) if call.name == "pwrite64" else file.size
            self._note(call, file.change(Change(offset, data[: call.result])))

    def truncate(self, call: Call) -> None:
        file = self._at(call.words[0])
        if isinstance(file, File):
            self._note(call, file.change(Change(int(str(call.words[1])), None)))

    def rename(self, call: Call) -> None:
        old, new = (word for word in call.words if isinstance(word, bytes))
        source, target = self._find(old), self._find(new)
        if source is None or target is None:
            return
        what = source[0].seen[source[1]]
        if source[0] is target[0]:
            self._note(call, source[0].change({source[1]: None, target[1]: what}))
        else:
            self._note(call, target[0].change({target[1]: what}))
            self._note(call, source[0].change({source[1]: None}))

    def unlink(self, call: Call) -> None:
        found = self._find(call.words[0]) if isinstance(call.words[0], bytes) else None
        if found:
            self._note(call, found[0].change({found[1]: None}))

    def mkdir(self, call: Call) -> None:
        found = self._find(call.words[0]) if isinstance(call.words[0], bytes) else None
        if found:
            self._note(call, found[0].change({found[1]: Folder()}))

    def sync(self, call: Call) -> None:
        what = self._at(call.words[0])
        if what is not None:
            self._covered[id(call)] = [change for change in what.changes if change.over]

    def unknown(self, call: Call) -> None:
        """A call that would change the disk and that nobody taught this model."""
        for word in call.words:
            assert not (isinstance(word, bytes) and word.startswith(self._prefix)), call.name

    def _synced(self, call: Call) -> None:
        covered = self._covered.pop(id(call), None)
        what = self._at(call.words[0])
        if what is None or covered is None or call.result is None:  # killed in it: all is still on its way
            return
        held = call.result == 0 and not self._blind
        self.syncs += held
        self.lost += not held
        if isinstance(what, File):
            sure = [change for change in what.changes if change in covered]
            if held:
                what.disk = what.content(sure)
        elif held:
            for naming in what.changes:
                if naming in covered:
                    _name(what.disk, naming)
        what.changes = [change for change in what.changes if change not in covered]  # type: ignore[assignment]  # its own

    # the cut

    def cut(self, into: Path, mood: str, chance: random.Random) -> None:
        """Writes the disk as the power cut left it to the new folder `into`."""
        _store(self.root, into, mood, chance)


def _kept(changes: list[Change] | list[Naming], mood: str, chance: random.Random) -> list[Change | Naming]:
    if mood == EVERYTHING:
        return list(changes)
    return [] if mood == NOTHING else [change for change in changes if chance.random() < 0.5]


def _store(folder: Folder, into: Path, mood: str, chance: random.Random) -> None:
    into.mkdir()
    names = dict(folder.disk)
    for naming in _kept(folder.changes, mood, chance):
        assert isinstance(naming, Naming)
        _name(names, naming)
    for name, what in names.items():
        path = into / name.decode()
        if isinstance(what, Folder):
            _store(what, path, mood, chance)
        elif name.endswith(b"-shm"):  # written through memory, unseen: whatever stands there must do no harm
            path.write_bytes(chance.randbytes(what.size))
        else:
            kept = [
                c for c in _kept(what.changes, EVERYTHING if mood == TORN else mood, chance) if isinstance(c, Change)
            ]
            path.write_bytes(what.content(kept, chance if mood == TORN else None))


def _load(path: Path) -> Folder:
    folder = Folder()
    for below in path.iterdir():
        if below.is_dir() and not below.is_symlink():
            folder.disk[bytes(Path(below.name))] = _load(below)
        elif below.is_file():
            folder.disk[bytes(Path(below.name))] = File(below.read_bytes())
    folder.seen = dict(folder.disk)
    return folder


_SYNCS = ("fsync", "fdatasync")
_CALLS: Mapping[str, Callable[[Platter, Call], None]] = {
    **dict.fromkeys(CALLS.split(","), Platter.unknown),
    "openat": Platter.open,
    "write": Platter.write,
    "pwrite64": Platter.write,
    "ftruncate": Platter.truncate,
    "rename": Platter.rename,
    "unlink": Platter.unlink,
    "mkdir": Platter.mkdir,
    "fsync": Platter.sync,
    "fdatasync": Platter.sync,
}

"""A sink of letters in memory, for tests of migrations that need no store.

Used by the tests of app.migrating.
Never forgets; a copy of it may be given to another run, as a store would be.
Fails with Full when more than `most` letters are put into it.
"""

from collections.abc import Mapping, Sequence

from hatoba.app.migrating.sink import Folder, Full, Letter, Put


class Kept:
    """Mailboxes by name; letters in the order they were put in."""

    def __init__(self, most: int = 1_000_000) -> None:
        self.boxes: dict[str, dict[tuple[str, int], Letter]] = {}
        self.folders: dict[str, Folder] = {}
        self.marks: dict[str, int] = {}
        self.commits = 0
        self.most = most

    def reached(self, place: str) -> int:
        return self.marks.get(place, 0)

    def box(self, folder: Folder) -> str:
        self.boxes.setdefault(folder.target, {})
        self.folders[folder.target] = folder
        return folder.target

    def put(self, box: str, place: str, letters: Sequence[Letter], reached: int) -> Put:
        fresh = {(place, letter.uid): letter for letter in letters if (place, letter.uid) not in self.boxes[box]}
        if sum(map(len, self.boxes.values())) + len(fresh) > self.most:
            raise Full(f"the account may have {self.most} letters")
        self.boxes[box] |= fresh
        self.marks[place] = reached
        self.commits += 1
        return Put(len(fresh), len(letters) - len(fresh))

    def flag(self, place: str, flags: Mapping[int, tuple[str, ...]]) -> int:
        changed = 0
        for box in self.boxes.values():
            for (where, uid), letter in box.items():
                wanted = flags.get(uid)
                if where == place and wanted is not None and set(wanted) != set(letter.flags):
                    box[where, uid] = Letter(uid, letter.raw, wanted, letter.internal, letter.zone)
                    changed += 1
        return changed

    def raws(self, box: str) -> list[bytes]:
        return [letter.raw for letter in self.boxes[box].values()]

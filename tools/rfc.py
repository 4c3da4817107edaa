"""Checks docs/rfc/index.toml against the code, both ways, and prints it: python tools/rfc.py [--quiet] [--at NUMBER]

Run by `make check` (--quiet) and tests/docs. A mark is `# RFC 5321 §4.5.3.1`; a docstring's "RFC 5321" counts too.
Never reads an RFC: whether a status is honest is for people to judge; --at lists the marks that speak for one.
Exit status 1 when the code names an RFC that the index lacks, or the index claims what no code names.
"""

import argparse
import re
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
INDEX = ROOT / "docs" / "rfc" / "index.toml"
SOURCE = ROOT / "src" / "hatoba"
NAMED = re.compile(r"RFC (\d{3,5})")
STATUSES = ("Yes", "Partial", "No")


class Entry(NamedTuple):
    """One [[rfc]] of the index."""

    number: int
    title: str
    status: str
    where: tuple[str, ...]
    note: str = ""


class Mark(NamedTuple):
    """One line of the code that names an RFC. `path` is relative to src/hatoba."""

    number: int
    path: str
    line: int
    text: str


def marks(source: Path = SOURCE) -> list[Mark]:
    """Every mention in the code, in the order of files and lines."""
    found = []
    for path in sorted(source.rglob("*.py")):
        relative = path.relative_to(source).as_posix()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found += [Mark(int(rfc), relative, number, line.strip()) for rfc in NAMED.findall(line)]
    return found


def entries(index: Path = INDEX) -> tuple[list[Entry], list[str]]:
    """(the index, what is wrong with its form)."""
    good: list[Entry] = []
    bad: list[str] = []
    for raw in tomllib.loads(index.read_text(encoding="utf-8")).get("rfc", []):
        entry, wrong = _entry(raw)
        good += [entry] if entry else []
        bad += wrong
    numbers = [entry.number for entry in good]
    if numbers != sorted(set(numbers)):
        bad.append("the entries must stand once each, by number")
    return good, bad


def _entry(raw: dict[str, Any]) -> tuple[Entry | None, list[str]]:
    number: int = raw.get("number", 0)
    wrong = [f"RFC {number}: {key!r} is no key of an entry" for key in raw if key not in Entry._fields]
    missing = [key for key in Entry._fields[:4] if key not in raw]
    if wrong or missing:
        return None, wrong + [f"RFC {number}: {key} is missing" for key in missing]
    entry = Entry(number, raw["title"], raw["status"], tuple(raw["where"]), raw.get("note", ""))
    if entry.status not in STATUSES:
        wrong.append(f"RFC {number}: the status must be one of {', '.join(STATUSES)}")
    elif entry.status != "Yes" and not entry.note:
        wrong.append(f"RFC {number}: {entry.status} needs a note that says what is not there")
    return entry, wrong


def compare(index: Sequence[Entry], found: Sequence[Mark]) -> list[str]:
    """What the code says and the index does not, and the other way round."""
    complaints = []
    known = {entry.number for entry in index}
    for number in sorted({mark.number for mark in found} - known):
        first = next(mark for mark in found if mark.number == number)
        complaints.append(f"src/hatoba/{first.path}:{first.line}: RFC {number} is not in the index")
    for entry in index:
        paths = [mark.path for mark in found if mark.number == entry.number]
        if entry.status != "No" and not entry.where:
            complaints.append(f"RFC {entry.number}: {entry.status}, but `where` names no room")
        for room in entry.where:
            if not any(path.startswith(f"{room}/") for path in paths):
                complaints.append(f"RFC {entry.number}: no code in {room} names it")
    return complaints


def table(index: Sequence[Entry], found: Sequence[Mark]) -> str:
    """The index for people, with the number of marks that speak for each entry."""
    rows = [
        (str(entry.number), entry.status, str(sum(mark.number == entry.number for mark in found)), entry.title)
        for entry in index
    ]
    heads = ("RFC", "status", "marks", "title")
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(3)]
    lines = [
        "  ".join((*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]))
        for row in (heads, *rows)
    ]
    counts = {status: sum(entry.status == status for entry in index) for status in STATUSES}
    lines.append(", ".join(f"{count} {status}" for status, count in counts.items()))
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Checks docs/rfc/index.toml against the code.")
    parser.add_argument("--quiet", action="store_true", help="print complaints only")
    parser.add_argument("--at", type=int, metavar="NUMBER", help="list the marks of one RFC")
    options = parser.parse_args(arguments)
    found = marks()
    if options.at is not None:
        for mark in found:
            if mark.number == options.at:
                print(f"src/hatoba/{mark.path}:{mark.line}: {mark.text}")
        return 0
    index, complaints = entries()
    complaints += compare(index, found)
    if not options.quiet:
        print(table(index, found))
    for complaint in complaints:
        sys.stderr.write(f"{complaint}\n")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

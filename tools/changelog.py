"""Builds CHANGELOG.md from the fragments in changes/: python tools/changelog.py VERSION DATE, or --check.

A fragment is changes/<issue>.<kind>.md with kind added, changed, fixed or removed: one or more list items.
With VERSION it writes a new section on top and deletes the fragments; --check only says whether all are well-formed.
Exit status 1 with the file's name where one is not.
"""

import re
import sys
from pathlib import Path

KINDS = {"added": "Added", "changed": "Changed", "fixed": "Fixed", "removed": "Removed"}
NAME = re.compile(r"(\d+)(?:-[a-z0-9-]+)?\.(added|changed|fixed|removed)\.md")
CHANGES, LOG = Path("changes"), Path("CHANGELOG.md")
HEAD = "# Changelog\n\nWritten from the fragments in `changes/` at each release.\n"


def fragments() -> tuple[list[tuple[str, Path]], list[str]]:
    """((kind, path) sorted by issue, complaints)."""
    good: list[tuple[int, str, Path]] = []
    bad: list[str] = []
    for path in sorted(CHANGES.iterdir()):
        found = NAME.fullmatch(path.name)
        text = path.read_text(encoding="utf-8")
        if not found:
            bad.append(f"{path}: the name must be <issue>[-word].<{'|'.join(KINDS)}>.md")
        elif not text.startswith("- ") or not text.endswith("\n"):
            bad.append(f"{path}: must be list items, '- ' first, newline last")
        else:
            good.append((int(found[1]), found[2], path))
    return [(kind, path) for _, kind, path in sorted(good)], bad


def section(version: str, date: str, found: list[tuple[str, Path]]) -> str:
    parts = [f"## {version} ({date})\n"]
    for kind, title in KINDS.items():
        texts = [path.read_text(encoding="utf-8") for other, path in found if other == kind]
        if texts:
            parts.append(f"### {title}\n\n{''.join(texts)}")
    return "\n".join(parts)


def main(arguments: list[str]) -> int:
    found, bad = fragments()
    for line in bad:
        sys.stderr.write(line + "\n")
    if bad:
        return 1
    if arguments == ["--check"]:
        return 0
    version, date = arguments
    old = LOG.read_text(encoding="utf-8").removeprefix(HEAD) if LOG.exists() else ""
    LOG.write_text(f"{HEAD}\n{section(version, date, found)}{old}", encoding="utf-8")
    for _, path in found:
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Where each key of a TOML file stands: dotted path to line number.

Called by config, because tomllib tells no positions.
Never judges the file: tomllib has parsed it before; a line it cannot place is left out.
"""

import re

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")


def _path(written: str) -> list[str]:
    return [part.strip().strip("\"'") for part in written.split(".")]


def places(text: str) -> dict[str, int]:
    """{"queue.expire": 12, "listener[0].port": 20, "queue": 10 …}, lines counted from 1."""
    found: dict[str, int] = {}
    counts: dict[str, int] = {}
    prefix = ""
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        if header:
            prefix = ".".join(_path(header[2]))
            if header[1] == "[[":
                index = counts.get(prefix, 0)
                counts[prefix] = index + 1
                prefix = f"{prefix}[{index}]"
            found.setdefault(prefix, number)
            continue
        key = _KEY.match(line)
        if key:
            path = ".".join(([prefix] if prefix else []) + _path(key[1]))
            found.setdefault(path, number)
    return found

"""Where each key of a TOML file stands: dotted path to line number.

Called by config, because tomllib tells no positions.
Never judges the file: tomllib has parsed it before; a line it cannot place is left out.
"""

import re
from collections.abc import Iterator

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")
# One-line strings and comments first, so that quotes inside them open nothing.
_QUOTES = re.compile(r"""\"\"\"|'''|"(?:[^"\\]|\\.)*"|'[^']*'|#.*""")


def _path(written: str) -> list[str]:
    return [part.strip().strip("\"'") for part in written.split(".")]


def _open_quote(line: str, quote: str) -> str:
    """The triple quote that is open behind `line`, which began inside `quote` ("" for none)."""
    at = 0
    while True:
        if quote:
            end = line.find(quote, at)
            if end < 0:
                return quote
            at, quote = end + 3, ""
        found = _QUOTES.search(line, at)
        if found is None:
            return ""
        at = found.end()
        quote = found[0] if found[0] in ('"""', "'''") else ""


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that do not begin inside a text of several lines, from 1."""
    quote = ""
    for number, line in enumerate(text.split("\n"), 1):
        if not quote:
            yield number, line
        quote = _open_quote(line, quote)


def _prefix(path: list[str], many: bool, counts: dict[str, int]) -> str:
    """The path a header opens: a table below [[x]] belongs to the last x."""
    prefix = ""
    for depth, part in enumerate(path):
        prefix = f"{prefix}.{part}" if prefix else part
        if many and depth == len(path) - 1:
            counts[prefix] = counts.get(prefix, 0) + 1
        if prefix in counts:
            prefix = f"{prefix}[{counts[prefix] - 1}]"
    return prefix


def places(text: str) -> dict[str, int]:
    """{"queue.expire": 12, "listener[0].port": 20, "queue": 10 …}, lines counted from 1."""
    found: dict[str, int] = {}
    counts: dict[str, int] = {}
    prefix = ""
    for number, line in _lines(text):
        header = _HEADER.match(line)
        if header:
            prefix = _prefix(_path(header[2]), header[1] == "[[", counts)
            found.setdefault(prefix, number)
            continue
        key = _KEY.match(line)
        if key:
            path = ".".join(([prefix] if prefix else []) + _path(key[1]))
            found.setdefault(path, number)
    return found

"""Search: the messages of a box whose texts hold a needle: by the index, and by a scan of what it does not know.

Called by the room above with a reader. Hits are those of a plain scan: a substring of the folded text.
Never trusts the index further than it is exact: other candidates are looked into.
Fails with NoBox, StoreTrouble.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, compress
from typing import NamedTuple

from hatoba.message import structure
from hatoba.store.mailboxes import boxes, grams, indexing, postings
from hatoba.store.mailboxes.packing import unpacked
from hatoba.store.sql import Multi, Reader

BODY, TEXT = "body", "text"
_FIELDS = postings.SPACES[2:]
_BLOCKS = Multi("SELECT id, data FROM posting WHERE id {among}", "i")
_PENDING = "SELECT content FROM pending WHERE account = ?"
_MAP = "SELECT content, uid FROM message WHERE box = ?"
_WORDS, _HEADS, _BODIES = (
    Multi(f"SELECT content, {columns} FROM words WHERE content {{among}}", "i")  # noqa: S608  # ours
    for columns in ("head, body", "head", "body")
)
_FEW = 1000  # candidates that are looked for one by one among the messages of a box
_DIGITS = bytes(int(octet == ord("1")) for octet in range(256))
Test = Callable[..., bool]  # of the columns that the statement reads


class _Way(NamedTuple):
    """How a needle is looked for: in which spaces of the index (one of them will do), and how a letter is tested."""

    spaces: tuple[int, ...]
    plan: grams.Plan | None
    exact: bool
    shape: Multi
    test: Test


def text(reader: Reader, box: int, where: str, needle: str, among: Iterable[int] | None = None) -> list[int]:
    """UIDs of the messages that hold a needle, ascending; `among` limits them to some.

    `where`: "text" (header and body), "body", or the name of a header field, as in model.criteria; the needle as
    typed. "" is in every text, and in every letter that has the field.
    """
    found = boxes.get(reader, box)
    way = _way(where.lower(), structure.folded(needle))
    limit = None if among is None else set(among)
    if way is None:
        return sorted(uid for _, uid in reader.rows(_MAP, (box,)) if limit is None or uid in limit)
    if way.plan is None or (limit is not None and len(limit) < indexing.FEW):
        uids = _uids(reader, box, None, limit)
        return sorted(uid for content in _tested(reader, way, list(uids)) for uid in uids[content])
    sure, maybe = _candidates(reader, found.account, way)
    maybe.update(content for (content,) in reader.rows(_PENDING, (found.account,)))
    maybe -= sure
    uids = _uids(reader, box, sure | maybe, limit)
    hits = [content for content in uids if content in sure]
    hits += _tested(reader, way, [content for content in uids if content not in sure])
    return sorted(uid for content in hits for uid in uids[content])


def _way(where: str, needle: str) -> _Way | None:
    """None: every message is a hit."""
    octets = needle.encode("utf-8", "replace")
    plan = grams.plan(needle)
    exact = plan is not None and plan.exact
    if where in (BODY, TEXT):
        if not needle:
            return None
        if where == BODY:
            return _Way((0,), plan, exact, _BODIES, lambda body: octets in body)
        return _Way((1, 0), plan, exact, _WORDS, lambda head, body: octets in head or octets in body)
    test = _field(where, octets)
    if where in _FIELDS and plan is not None:
        return _Way((postings.SPACES.index(where),), plan, exact, _HEADS, test)
    return _Way((1,), plan or grams.plan(f"{where}:"), False, _HEADS, test)


def _field(name: str, needle: bytes) -> Test:
    prefix = name.encode("utf-8", "replace") + b":"

    def test(head: bytes) -> bool:
        if needle not in head:
            return False
        return any(line.startswith(prefix) and needle in line[len(prefix) :] for line in head.split(b"\n"))

    return test


def _candidates(reader: Reader, account: int, way: _Way) -> tuple[set[int], set[int]]:
    """Contents that hold the needle for certain, and contents that may."""
    assert way.plan is not None  # noqa: S101  # the caller has looked
    sets = [way.plan.entries(space) for space in way.spaces]
    found: set[int] = set()
    segments = reader.rows(indexing.SEGMENTS, (account,))
    group = 256 // sum(map(len, sets)) or 1
    for start in range(0, len(segments), group):
        places = {}
        for number, _, _, fences in segments[start : start + group]:
            firsts = indexing.numbers_of(fences)
            for key in chain.from_iterable(sets):
                places[number, key] = postings.place(number, postings.block_of(firsts, key))
        wanted = sorted({*places.values()})
        blocks = {
            id_: postings.opened(data)
            for statement, part in reader.parts(_BLOCKS, wanted)
            for id_, data in reader.rows(statement, part)
        }
        for number, count, ids, _ in segments[start : start + group]:
            bits = 0
            for keys in sets:
                bits |= _all([(key, blocks.get(places[number, key])) for key in keys], count)
            if bits:
                digits = f"{bits:0{count}b}".encode().translate(_DIGITS)[::-1]
                found.update(compress(indexing.numbers_of(ids), digits))
    return (found, set()) if way.exact else (set(), found)


def _all(keys: Sequence[tuple[int, memoryview | None]], count: int) -> int:
    """The letters of a segment that have all the keys, as bits."""
    bits = -1
    for key, block in keys:
        if block is None:
            return 0
        bits &= postings.find(block, key, count)
        if not bits:
            return 0
    return bits


def _uids(reader: Reader, box: int, contents: set[int] | None, limit: set[int] | None) -> dict[int, list[int]]:
    """The UIDs in the box of these contents, or of all."""
    if contents is not None and len(contents) <= _FEW:
        rows = []
        wanted = sorted(contents)
        for start in range(0, len(wanted), 250):
            part = wanted[start : start + 250]
            marks = ", ".join("?" * len(part))
            rows += reader.rows(f"{_MAP} AND content IN ({marks})", (box, *part))
    else:
        rows = reader.rows(_MAP, (box,))
    found: dict[int, list[int]] = {}
    for content, uid in rows:
        if (contents is None or content in contents) and (limit is None or uid in limit):
            found.setdefault(content, []).append(uid)
    return found


def _tested(reader: Reader, way: _Way, contents: list[int]) -> list[int]:
    """Those that hold the needle, by looking into each."""
    contents.sort()
    hits = []
    for statement, part in reader.parts(way.shape, contents):
        hits += [content for content, *texts in reader.rows(statement, part) if way.test(*map(unpacked, texts))]
    return hits

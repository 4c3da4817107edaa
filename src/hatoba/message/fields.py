"""Fields: a header block cut into its fields as they stand, and put together again with changes.

Called by net for those who are told a letter field by field, and by intake for what services want changed.
Never touches a field nobody named: octets stay as they are.
Fails never: a line that is no field stays where it is and has no name.
"""

import re
from collections.abc import Iterable, Sequence

from hatoba.model import edits

_START = re.compile(rb"^(?![ \t])", re.MULTILINE)
_NAME = re.compile(rb"([!-9;-~]+)[ \t]*:")


def split(block: bytes) -> list[bytes]:
    """Each field with its folded lines and its line ends; the block is their concatenation."""
    starts = [found.start() for found in _START.finditer(block) if found.start() < len(block)]
    if starts[:1] != [0] and block:
        starts.insert(0, 0)
    return [block[start:end] for start, end in zip(starts, [*starts[1:], len(block)], strict=False)]


def name(field: bytes) -> bytes:
    """Its name as written, b"" for a line that is no field."""
    found = _NAME.match(field)
    return found[1] if found else b""


def value(field: bytes) -> bytes:
    """All behind the colon without the last line end, b"" for a line that is no field."""
    found = _NAME.match(field)
    return field[found.end() :].rstrip(b"\r\n") if found else b""


def changed(block: bytes, wanted: Iterable[edits.FieldEdit], above: bytes = b"") -> tuple[bytes, bytes]:
    """(what is to stand above our own trace fields, the block with the changes in their order).

    `above`: what earlier changes put there; whoever asks now has seen it on top of the block.
    """
    high = split(above)
    kept = [*high, *split(block)]
    height = len(high)
    if kept and not kept[-1].endswith(b"\n"):
        kept[-1] += b"\r\n"
    for edit in wanted:
        made = edit.name + b":" + edit.value + b"\r\n"
        if edit.what == edits.ADD:
            kept.append(made)
        elif edit.what == edits.INSERT and edit.index <= 0:
            kept.insert(0, made)
            height += 1
        elif edit.what == edits.INSERT:
            kept.insert(height + edit.index - 1, made)
        else:
            height -= _change(kept, edit, made, height)
    return b"".join(kept[:height]), b"".join(kept[height:])


def _change(kept: list[bytes], edit: edits.FieldEdit, made: bytes, height: int) -> int:
    """Changes or removes fields; how many of the first `height` are gone."""
    places = _places(kept, edit.name)
    if edit.index:
        at = edit.index - 1 if edit.index > 0 else len(places) + edit.index
        places = places[at : at + 1] if at >= 0 else []
    if not edit.value:
        for place in reversed(places):
            del kept[place]
        return sum(place < height for place in places)
    for place in places:
        kept[place] = made
    if not places:  # what is to be changed is not there: it is added  # smfi_chgheader
        kept.append(made)
    return 0


def _places(kept: Sequence[bytes], wanted: bytes) -> list[int]:
    lowered = wanted.lower()
    return [place for place, field in enumerate(kept) if name(field).lower() == lowered]

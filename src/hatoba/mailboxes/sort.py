"""Sort: letters of a box in the order a client asks for.

Called by post for SORT, with the columns the store keeps of each letter.
Never looks into a letter: the keys were made when it came.
Fails with ValueError for a key there is none of.  # RFC 5256 §3, RFC 5957
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec


class Row(msgspec.Struct, frozen=True, gc=False):
    """What letters are sorted by, texts folded. `number` is what the answer names; `arrival` and `sent` are ms."""

    number: int
    arrival: int
    sent: int  # the time of arrival where the letter names none  # RFC 5256 §2.2
    size: int
    from_: str = ""
    to: str = ""
    cc: str = ""
    subject: str = ""
    display_from: str = ""
    display_to: str = ""


KEYS: dict[str, Callable[[Row], Any]] = {
    "arrival": lambda row: row.arrival,
    "cc": lambda row: row.cc,
    "date": lambda row: row.sent,
    "from": lambda row: row.from_,
    "size": lambda row: row.size,
    "subject": lambda row: row.subject,
    "to": lambda row: row.to,
    "displayfrom": lambda row: row.display_from,
    "displayto": lambda row: row.display_to,
}


def ordered(rows: Sequence[Row], keys: Sequence[tuple[str, bool]]) -> list[int]:
    """The rows' numbers by `keys`, (name, reverse) each, the first weighing most; equal ones as they were given."""
    result = list(rows)
    for name, reverse in reversed(keys):
        key = KEYS.get(name.lower())
        if key is None:
            raise ValueError(f"nothing is sorted by {name}")
        result.sort(key=key, reverse=reverse)
    return [row.number for row in result]

"""Marks: what the data of a domain's row says of its addresses: which of them take reports.

Read by snapshot, written by changes.
Never asks whether an address has a mailbox.
Fails never: data that cannot be read marks nothing.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from hatoba.store.rows import DomainRow

_REPORTS = "reports"


def of(row: DomainRow) -> tuple[str, ...]:
    """The keys of the domain's addresses that take reports."""
    listed = _held(row).get(_REPORTS)
    return tuple(each for each in listed if isinstance(each, str)) if isinstance(listed, list) else ()


def marked(row: DomainRow, keys: Iterable[str]) -> DomainRow:
    """The row with these marks; what else its data holds stays."""
    held = _held(row)
    held[_REPORTS] = sorted(set(keys))
    if not held[_REPORTS]:
        del held[_REPORTS]
    return msgspec.structs.replace(row, data=msgspec.json.encode(held))


def _held(row: DomainRow) -> dict[str, Any]:
    try:
        held = msgspec.json.decode(row.data)
    except msgspec.MsgspecError:
        return {}
    return held if isinstance(held, dict) else {}

"""Evidence: what a letter's event in the journal says of DMARC, as a row of the report about its day.

Called by gather for each event that holds such evidence.
Never judges: what the letter's own check found was written with the letter.
Fails never: evidence that cannot be read is none.
"""

import hashlib
from typing import NamedTuple

import msgspec

from hatoba.journal import forms
from hatoba.mailauth.dmarc.aggregate.form import Published, Row
from hatoba.store.rows import EventRow

MARK = b'"dmarc":'
DAY = 86_400_000  # ms


class Seen(msgspec.Struct, frozen=True):
    """The data of a tally row: letters that have all of this in common. `row` counts none: the tally does."""

    published: Published
    row: Row


class _Holder(msgspec.Struct, frozen=True):
    """As much of forms.Accepted and forms.Refused as is needed here."""

    header_from: str = ""
    dmarc: forms.Dmarc | None = None


class Observation(NamedTuple):
    """`domain`: the policy domain. `header_from`: as the letter had it."""

    day: int
    domain: str
    header_from: str
    seen: Seen


_read = msgspec.json.Decoder(_Holder).decode
_written = msgspec.json.Encoder(order="deterministic").encode
_seen = msgspec.json.Decoder(Seen).decode


def observed(event: EventRow) -> Observation | None:
    """The letter as its domain's report counts it; None when nobody asked for one."""
    if MARK not in event.data:
        return None
    try:
        held = _read(event.data)
    except msgspec.MsgspecError:
        return None
    found = held.dmarc
    if found is None or not found.rua or not found.published.domain:
        return None
    row = msgspec.structs.replace(found.row, count=0)
    return Observation(event.at // DAY, found.published.domain, held.header_from, Seen(found.published, row))


def coarse(seen: Seen) -> Seen:
    """The same with fewer details: what a domain with very many different rows is counted by."""
    row = msgspec.structs.replace(
        seen.row, envelope_from="", envelope_to="", auth_dkim=(), auth_spf=(), reasons=seen.row.reasons[:1]
    )
    return Seen(seen.published, row)


def data(seen: Seen) -> bytes:
    return _written(seen)


def key(written: bytes) -> str:
    """The key of the tally row that holds this data."""
    return hashlib.sha256(written).hexdigest()[:24]


def read(written: bytes) -> Seen | None:
    """The data of a tally row; None when it cannot be read."""
    try:
        return _seen(written)
    except msgspec.MsgspecError:
        return None

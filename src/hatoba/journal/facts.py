"""Facts: a letter's events read once: what it is found by, where it stands now, and how a list shows it.

Made by search for each letter that the index or the tail proposes.
Never touches the store: rows are given.
Fails never: an event that cannot be read adds nothing.
"""

from collections.abc import Iterable, Sequence

import msgspec

from hatoba.journal import forms, terms
from hatoba.kit import ids
from hatoba.message import words
from hatoba.model import event
from hatoba.model.event import Event
from hatoba.store.rows import EventRow

QUEUED = "queued"  # no attempt has ended yet, or a person released it
WAITING = frozenset({QUEUED, event.DEFERRED, event.HELD, event.QUARANTINED})  # states of recipients still in the queue
STATUSES = (
    QUEUED, event.DEFERRED, event.HELD, event.QUARANTINED,
    event.DELIVERED, event.FAILED, event.EXPIRED, event.DROPPED, event.BOUNCED, event.DELAYED,
    event.REFUSED,
)  # fmt: skip
_ORDERS = {event.HELD: event.HELD, event.QUARANTINED: event.QUARANTINED, event.DROPPED: event.DROPPED}


class Hit(msgspec.Struct, frozen=True):
    """A letter as a search shows it. `at` in ms; `status` holds every state that some recipient of it is in."""

    id: str
    at: int
    status: tuple[str, ...]
    sender: str
    to: tuple[str, ...]
    subject: str
    header_from: str
    message_id: str
    size: int
    door: str
    ip: str
    helo: str
    tls: str
    account: str
    verdicts: tuple[str, ...]


class Facts(msgspec.Struct):
    """`terms` of all its events, the folded subject, the states of its recipients; `at` of its acceptance (ms)."""

    terms: set[str]
    subject: str
    standing: frozenset[str]
    at: int
    first: EventRow | None  # its acceptance, or why it was refused


def of(rows: Sequence[EventRow]) -> Facts:
    """The facts in a letter's events, oldest first."""
    found: set[str] = set()
    first: EventRow | None = None
    for row in rows:
        found |= terms.of(row)
        if first is None and row.kind in terms.BORN:
            first = row
    form = terms.form_of(first) if first is not None else None
    subject = terms.folded_subject(form.subject) if form is not None else ""
    at = first.at if first is not None else rows[0].at if rows else 0
    return Facts(found, subject, standing(rows), at, first)


def standing(rows: Iterable[EventRow]) -> frozenset[str]:
    """Where the letter's recipients stand now; with "bounced" and "delayed" where a notice of that was written, and
    "refused" for a letter that was not taken."""
    now: dict[int, str] = {}
    told: set[str] = set()
    for row in rows:
        try:
            form = forms.read(Event(row.letter, row.at, row.kind, row.data))
        except (msgspec.DecodeError, KeyError):
            continue
        if isinstance(form, forms.Accepted):
            now |= dict.fromkeys(range(len(form.to)), QUEUED)
        elif isinstance(form, forms.Refused):
            told.add(row.kind)
        elif isinstance(form, forms.Tried):
            now |= {result.n: row.kind for result in form.results}
        elif isinstance(form, forms.Noticed):
            told.add(row.kind)
        elif isinstance(form, forms.Ordered):
            which = form.n or [n for n, state in now.items() if state in WAITING]
            now |= dict.fromkeys(which, _ORDERS.get(row.kind, QUEUED))
    return frozenset(now.values()) | told


def hit(letter: int, facts: Facts) -> Hit:
    """The letter for a list; one whose acceptance is gone from the journal has an id, a time and its states."""
    form = None
    if facts.first is not None:
        row = facts.first
        try:
            form = forms.read(Event(row.letter, row.at, row.kind, row.data))
        except msgspec.DecodeError:
            form = None
    status = tuple(name for name in STATUSES if name in facts.standing)
    if not isinstance(form, forms.Accepted | forms.Refused):
        return Hit(ids.text(letter), facts.at, status, "", (), "", "", "", 0, "", "", "", "", "", ())
    verdicts = tuple(sorted(term[2:] for term in facts.terms if term.startswith("v ")))
    return Hit(
        ids.text(letter), facts.at, status, form.sender, form.to, words.decode(form.subject),
        words.decode(form.header_from), form.message_id, form.size if isinstance(form, forms.Accepted) else 0,
        form.door, form.ip, form.helo, form.tls, form.account, verdicts,
    )  # fmt: skip

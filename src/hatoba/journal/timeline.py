"""Timeline: the whole story of one letter: what happened, with the dialogue, where it stands, what binds it.

Called by app (`hatoba trace`) and the doors for people, with the readers of the shards the letter may be in.
Never asks a worker: what only lives in memory (lane back-off, rates) is joined by app over the control socket.
Fails with StoreTrouble; an event that cannot be read is told as such, the others stand.
"""

from collections.abc import Iterable, Sequence

import msgspec

from hatoba.journal import forms, search, terms
from hatoba.kit import ids
from hatoba.model.envelope import Letter
from hatoba.model.event import Event
from hatoba.store import journal as rows
from hatoba.store import queue, spool
from hatoba.store.rows import HELD, QUARANTINED, STATES, EventRow, LaneRow, RecipientRow
from hatoba.store.sql import Reader
from hatoba.store.trouble import BadRow, Gone


class Unreadable(msgspec.Struct, frozen=True):
    """An event whose data is no form of its kind (written by a later hatoba, or damaged)."""

    data: str


class Entry(msgspec.Struct):
    """One event. `opening` is the connection's banner, EHLO and STARTTLS, wherever in the journal they were kept."""

    seq: int
    at: int  # ms
    kind: str
    form: forms.Form | Unreadable
    opening: str = ""


class Waiting(msgspec.Struct):
    """One recipient still in the queue. `state`: ready, active, held, quarantined; `next_at` in ms.

    `status` to `host` tell of the last attempt: our status and words, the peer's reply, when (ms) and where.
    """

    n: int
    to: str
    site: str
    state: str
    attempts: int
    next_at: int
    priority: int = 0
    status: str = ""
    text: str = ""
    reply: str = ""
    tried_at: int = 0
    host: str = ""
    binds: list[str] = []  # what keeps it from going, in words


class Story(msgspec.Struct):
    """All that the store knows of a letter. `shard` is the index of the reader it was found with.

    `accepted` is None when retention took its events; `queued` tells whether anything of it is still to be done.
    """

    id: str
    number: int
    shard: int
    accepted: forms.Accepted | None
    accepted_at: int
    expires: int  # ms, 0 when it is not in the queue any more
    queued: bool
    entries: list[Entry]
    waiting: list[Waiting]


def story(readers: Sequence[Reader], number: int) -> Story | None:
    """The letter's story, or None when no shard knows it. `readers`: one per shard; each read in one snapshot."""
    for shard, reader in enumerate(readers):
        with reader.snapshot():
            events = rows.of_letter(reader, number)
            letter = _letter(reader, number)
            if not events and letter is None:
                continue
            left = queue.of_letter(reader, number)
            lanes = {lane.site: lane for lane in queue.lanes(reader)} if left else {}
        entries = [_entry(row) for row in events]
        _join(readers, entries)
        first = next((e for e in entries if isinstance(e.form, forms.Accepted)), None)
        return Story(
            id=ids.text(number),
            number=number,
            shard=shard,
            accepted=first.form if first is not None and isinstance(first.form, forms.Accepted) else None,
            accepted_at=letter.accepted if letter is not None else entries[0].at,
            expires=letter.expires if letter is not None else 0,
            queued=letter is not None,
            entries=entries,
            waiting=[_waiting(row, lanes.get(row.site)) for row in left],
        )
    return None


def _letter(reader: Reader, number: int) -> Letter | None:
    try:
        return spool.load(reader, number, content=False)
    except (Gone, BadRow):
        return None


def _entry(row: EventRow) -> Entry:
    try:
        form: forms.Form | Unreadable = forms.read(Event(row.letter, row.at, row.kind, row.data))
    except (msgspec.DecodeError, KeyError):
        form = Unreadable(row.data.decode("utf-8", "replace"))
    opening = form.opening if isinstance(form, forms.Tried) else ""
    return Entry(row.seq, row.at, row.kind, form, opening)


def _join(readers: Sequence[Reader], entries: Iterable[Entry]) -> None:
    """Finds the opening of every connection that this letter did not open; looks each up once."""
    openings: dict[str, str] = {}
    for entry in entries:
        form = entry.form
        if isinstance(form, forms.Tried) and form.session and not entry.opening:
            if form.session not in openings:
                openings[form.session] = _opening(readers, form.session)
            entry.opening = openings[form.session]


def _opening(readers: Sequence[Reader], session: str) -> str:
    """The opening lines of a connection, "" when its first letter is gone from the journal."""
    for reader in readers:
        for letter in search.sessions(reader, session):
            for row in rows.of_letter(reader, letter):
                if terms.session(session) in terms.of(row):
                    form = _entry(row).form
                    if isinstance(form, forms.Tried):
                        return form.opening
    return ""


class _Last(msgspec.Struct):
    """What queue keeps of the last attempt in a recipient's row (its `Last`: the keys are queue's)."""

    code: str = ""
    text: str = ""
    reply: str = ""
    at: int = 0
    host: str = ""
    quarantined: str = ""


_last = msgspec.json.Decoder(_Last).decode


def _waiting(row: RecipientRow, lane: LaneRow | None) -> Waiting:
    try:
        last = _last(row.last)
    except msgspec.DecodeError:
        last = _Last()
    binds = []
    if row.state == HELD:
        binds.append("held")
    elif row.state == QUARANTINED:
        binds.append(f"quarantined: {last.quarantined}" if last.quarantined else "quarantined")
    if lane is not None and lane.held:
        binds.append(f"lane held: {lane.reason}" if lane.reason else "lane held")
    return Waiting(
        n=row.n,
        to=row.address,
        site=row.site,
        state=STATES.get(row.state, str(row.state)),
        attempts=row.attempts,
        next_at=row.next_at,
        priority=row.priority,
        status=last.code,
        text=last.text,
        reply=last.reply,
        tried_at=last.at,
        host=last.host,
        binds=binds,
    )

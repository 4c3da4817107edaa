"""Forms: what stands in the data of each kind of event, and the one place that writes and reads it.

Called by queue (each function makes the `Event` its transaction carries), by timeline, search and webhooks to read.
Never touches the store or a clock: `now` is an argument and an attempt knows its own times.
Fails with msgspec.DecodeError when `read` meets data that is no form of its kind.
"""

from collections.abc import Mapping, Sequence

import msgspec

from hatoba.kit import ids
from hatoba.mailauth.dmarc.aggregate.form import Published
from hatoba.mailauth.dmarc.aggregate.form import Row as ReportRow
from hatoba.model import event, outcome
from hatoba.model.envelope import Letter
from hatoba.model.event import Event
from hatoba.model.outcome import Attempt, Job
from hatoba.store import chain


class Dmarc(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What an aggregate report tells of one letter: the record that held, and a row of one (aggregate.observe).

    `rua`: the record names somebody who wants to hear.
    """

    published: Published
    row: ReportRow
    rua: bool = False


class Accepted(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A letter was taken in: kind accepted. Enough to search it and to tell its story when the letter is gone.

    `sender` is "" for the null reverse-path; `to` holds every recipient, by n. `sites` holds the lanes of the first
    attempt, by n (one entry alone: all share it; "" not routed yet); `next_at` is when that attempt is repeated
    should the worker die in it (ms, 0: unknown). `signed` names the DKIM keys that signed it, "domain selector" each;
    `unsigned` says why a letter of ours got no signature. `verdicts` are (check, action, score, reason), `auth` the
    findings of Authentication-Results, `rewrites` are (what, from, to).
    """

    sender: str
    to: tuple[str, ...]
    door: str
    size: int
    ip: str = ""
    port: int = 0
    helo: str = ""
    tls: str = ""
    account: str = ""
    message_id: str = ""
    header_from: str = ""
    subject: str = ""
    envid: str = ""
    priority: int = 0
    hold_until: int = 0
    sites: tuple[str, ...] = ()
    next_at: int = 0
    signed: tuple[str, ...] = ()
    unsigned: str = ""
    verdicts: tuple[tuple[str, str, float, str], ...] = ()
    auth: str = ""
    dmarc: Dmarc | None = None
    rewrites: tuple[tuple[str, str, str], ...] = ()


class Refused(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A letter was not taken, because of what its checks found at the end of its content: kind refused."""

    sender: str
    to: tuple[str, ...]
    door: str
    status: str
    text: str = ""
    ip: str = ""
    port: int = 0
    helo: str = ""
    tls: str = ""
    account: str = ""
    message_id: str = ""
    header_from: str = ""
    subject: str = ""
    verdicts: tuple[tuple[str, str, float, str], ...] = ()
    auth: str = ""
    dmarc: Dmarc | None = None


class Result(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What one attempt meant for one recipient. `next_at` (ms) stands where it was deferred."""

    n: int
    to: str
    status: str  # enhanced status code
    text: str = ""  # our own words beside the code
    reply: str = ""  # the peer's reply as it stood
    scope: str = "recipient"
    next_at: int = 0


class Tried(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """An attempt ended: kinds delivered, deferred, failed and expired. Times in ms.

    An attempt with mixed results makes one event per kind, alike in `attempt` and `started`; only the first of them
    holds `opening` and `dialogue`. An expiry without an attempt has `started` 0.
    """

    attempt: int
    results: tuple[Result, ...]
    site: str = ""
    host: str = ""
    ip: str = ""
    tls: str = ""
    source_ip: str = ""
    started: int = 0
    ended: int = 0
    session: str = ""
    opening: str = ""
    dialogue: str = ""
    tls_policy: str = ""  # who asked for TLS, and how the peer was authenticated


class Interrupted(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Kind attempted: an attempt was begun and its worker died before telling what came of it."""

    n: tuple[int, ...]
    attempt: int
    site: str = ""
    next_at: int = 0


class Noticed(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A DSN was written: kinds bounced and delayed. `dsn` is its id as text, "" when nobody wanted one (`reason`)."""

    n: tuple[int, ...]
    dsn: str = ""
    to: str = ""
    reason: str = ""


class Ordered(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Somebody or a rule said so: kinds held, released, retried, dropped, quarantined. `by` names who."""

    n: tuple[int, ...]  # () means every recipient that was left
    by: str = ""
    reason: str = ""
    next_at: int = 0


Purged = chain.Purged  # kind purged: of the journal itself, letter 0

Form = Accepted | Refused | Tried | Interrupted | Noticed | Ordered | Purged

_encode = msgspec.json.Encoder().encode
_READERS: dict[str, msgspec.json.Decoder[Form]] = {
    kind: msgspec.json.Decoder(form)
    for form, kinds in (
        (Accepted, (event.ACCEPTED,)),
        (Refused, (event.REFUSED,)),
        (Tried, (event.DELIVERED, event.DEFERRED, event.FAILED, event.EXPIRED)),
        (Interrupted, (event.ATTEMPTED,)),
        (Noticed, (event.BOUNCED, event.DELAYED)),
        (Ordered, (event.HELD, event.RELEASED, event.RETRIED, event.DROPPED, event.QUARANTINED)),
        (Purged, (event.PURGED,)),
    )
    for kind in kinds
}


def read(happened: Event) -> Form:
    """The form in an event's data. msgspec.DecodeError if it is none; KeyError for an unknown kind."""
    return _READERS[happened.kind].decode(happened.data)


def accepted(letter: Letter, sites: Sequence[str] = (), next_at: int = 0) -> Event:
    """The letter was taken in at `letter.accepted`. Hot: once per letter."""
    envelope, source = letter.envelope, letter.source
    sender = envelope.sender
    to = tuple([str(r.address) for r in envelope.recipients])
    if len(sites) > 1 and sites.count(sites[0]) == len(sites):
        sites = sites[:1]
    form = Accepted(
        "" if sender is None else str(sender), to, source.door, letter.size,
        source.ip, source.port, source.helo, source.tls, source.account,
        letter.message_id, letter.header_from, letter.subject,
        envelope.envid, envelope.priority, envelope.hold_until, tuple(sites), next_at,
        letter.signed, letter.unsigned,
    )  # fmt: skip
    notes = letter.notes
    if notes is not None:
        form = msgspec.structs.replace(
            form, verdicts=notes.verdicts, auth=notes.auth, dmarc=notes.dmarc, rewrites=notes.rewrites
        )
    return Event(letter.id, letter.accepted, event.ACCEPTED, _encode(form))


def refused(letter: int, form: Refused, now: int) -> Event:
    """A letter that never became ours; its id was given to nobody."""
    return Event(letter, now, event.REFUSED, _encode(form))


def settled(job: Job, attempt: Attempt, next_at: Mapping[int, int]) -> list[Event]:
    """The events of an ended attempt: one per kind of result, in the order delivered, deferred, expired, failed.

    `next_at` gives the next try (ms) of each deferred recipient, by n; a deferred one without a next try has expired.
    Hot: once per attempt.
    """
    recipients = job.letter.envelope.recipients
    by_kind: dict[str, list[Result]] = {}
    for o in attempt.outcomes:
        kind, due = o.kind, 0
        if kind == outcome.DEFERRED:
            due = next_at.get(o.n, 0)
            kind = event.DEFERRED if due else event.EXPIRED
        result = Result(o.n, str(recipients[o.n].address), o.status.code, o.status.text, o.reply, o.scope, due)
        if kind in by_kind:
            by_kind[kind].append(result)
        else:
            by_kind[kind] = [result]
    if len(by_kind) == 1:
        return [_tried(job, attempt, kind, results, True) for kind, results in by_kind.items()]
    order = sorted(by_kind, key=_ORDER.index)
    return [_tried(job, attempt, kind, by_kind[kind], i == 0) for i, kind in enumerate(order)]


_ORDER = (event.DELIVERED, event.DEFERRED, event.EXPIRED, event.FAILED)


def _tried(job: Job, a: Attempt, kind: str, results: list[Result], whole: bool) -> Event:
    form = Tried(
        job.attempts, tuple(results), a.site, a.host, a.ip, a.tls, a.source_ip, a.started, a.ended, a.session,
        a.opening if whole else "", a.dialogue if whole else "", tls_policy=a.tls_policy,
    )  # fmt: skip
    return Event(job.letter.id, a.ended, kind, _encode(form))


def expired(letter: int, results: Sequence[Result], attempts: int, now: int) -> Event:
    """The recipients' time ran out between attempts; each result holds the last status known."""
    return Event(letter, now, event.EXPIRED, _encode(Tried(attempts, tuple(results), ended=now)))


def interrupted(letter: int, n: Sequence[int], attempt: int, site: str, *, next_at: int, now: int) -> Event:
    """The attempt's worker died before it told: the attempt may or may not have reached the peer."""
    return Event(letter, now, event.ATTEMPTED, _encode(Interrupted(tuple(n), attempt, site, next_at)))


def bounced(letter: int, n: Sequence[int], dsn: int, to: str, *, now: int, reason: str = "") -> Event:
    """A failure DSN with the id `dsn` went to `to`; 0 when none was wanted, with the reason."""
    return Event(letter, now, event.BOUNCED, _encode(_noticed(n, dsn, to, reason)))


def delayed(letter: int, n: Sequence[int], dsn: int, to: str, *, now: int, reason: str = "") -> Event:
    """A delay DSN with the id `dsn` went to `to`; 0 when none was wanted, with the reason."""
    return Event(letter, now, event.DELAYED, _encode(_noticed(n, dsn, to, reason)))


def _noticed(n: Sequence[int], dsn: int, to: str, reason: str) -> Noticed:
    return Noticed(tuple(n), ids.text(dsn) if dsn else "", to, reason)


def held(letter: int, n: Sequence[int], by: str, now: int, reason: str = "") -> Event:
    """`by` (a person, "rule …") took the recipients n out of the lanes; () for all."""
    return Event(letter, now, event.HELD, _encode(Ordered(tuple(n), by, reason)))


def released(letter: int, n: Sequence[int], by: str, now: int, next_at: int = 0) -> Event:
    """`by` gave held or quarantined recipients back to their lanes, due at next_at."""
    return Event(letter, now, event.RELEASED, _encode(Ordered(tuple(n), by, "", next_at)))


def retried(letter: int, n: Sequence[int], by: str, now: int, next_at: int = 0) -> Event:
    """`by` asked for a try before its time."""
    return Event(letter, now, event.RETRIED, _encode(Ordered(tuple(n), by, "", next_at)))


def dropped(letter: int, n: Sequence[int], by: str, now: int, reason: str = "") -> Event:
    """`by` removed the recipients from the queue; nobody is told."""
    return Event(letter, now, event.DROPPED, _encode(Ordered(tuple(n), by, reason)))


def quarantined(letter: int, n: Sequence[int], reason: str, now: int, by: str = "hatoba") -> Event:
    """The rows met trouble too often (or cannot be read) and stand aside until a person looks."""
    return Event(letter, now, event.QUARANTINED, _encode(Ordered(tuple(n), by, reason)))

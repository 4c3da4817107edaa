"""Verdict: the world is healed, time passes beyond every lifetime, and the journal is read: what became of each letter.

Called by sim_history at the end of each history.
Never believes the queue's memory: it reads the disk and asks the hosts.
Fails with Broken, which names the promise.
"""

from collections import defaultdict
from typing import Any

import msgspec
from tests.simulation import sim_disk
from tests.simulation.sim_peers import Key
from tests.simulation.sim_world import World

from hatoba.journal import forms, timeline
from hatoba.kit import ids
from hatoba.model import event as event_
from hatoba.model.event import Event
from hatoba.queue.choice import Choice
from hatoba.store import journal, queue
from hatoba.store.rows import STATES

ENDS = (event_.DELIVERED, event_.FAILED, event_.EXPIRED, event_.DROPPED)
TRIES = (event_.DELIVERED, event_.DEFERRED, event_.FAILED, event_.ATTEMPTED)


class Tale(msgspec.Struct):
    """One letter by its journal."""

    accepted: list[forms.Accepted] = []
    ends: dict[int, list[str]] = {}  # by n
    attempts: dict[int, list[int]] = {}
    failed: list[int] = []  # n that owe the sender a DSN
    bounced: dict[int, list[str]] = {}  # ids of DSNs, "" for none
    delays: dict[int, int] = {}
    times: list[int] = []
    events: int = 0


def heal(world: World) -> None:
    """Disk, hosts and clock are well, what is held goes, and everybody's time passes: the queue must become empty."""
    world.say("== everything heals")
    world.disk.mode, world.disk.crash_in = sim_disk.WELL, 0
    world.hosts.dns = True
    world.hosts.modes.clear()
    if world.jumped:  # the clock never stands before what it once said
        world.offset += max(world.furthest - world.wall(), 0)
    limits = world.setup.queue
    world.pass_(40.0)  # what waits for the disk has been tried again
    held = [row for row in world.rows() if STATES[row[2]] in ("held", "quarantined")]
    life = max(limits.expire, world.setup.notice.expire) + limits.most * 1.5 + limits.site_most * 1.5
    for _ in range(80):
        if not [row for row in world.rows() if row not in held]:
            break
        world.pass_(life / 40)
    _at_rest(world)
    world.freed = world.wall()
    world.stopped.clear()
    world.held_lanes.clear()
    admin = world.p.queue.admin
    for site in [row.site for row in queue.lanes(world.reader) if row.held]:
        world.check(world.p.run(admin.release_lane(site, "sim"), 60.0).error is None, "orders end", site)
    for standing in [one.name for one in _filters(world)]:
        world.check(world.p.run(admin.release_filter(standing, "sim"), 60.0).error is None, "orders end", standing)
    world.check(world.p.run(admin.release(Choice(everything=True), "sim"), 60.0).error is None, "orders end", "all")
    for _ in range(80):
        if not world.rows():
            break
        world.pass_(life / 40)
    world.check(not world.rows(), "everything ends", f"left: {world.rows()}")
    world.pass_(3.0)
    _memory(world)


def _filters(world: World) -> list[Any]:
    found: list[Any] = []

    async def ask() -> None:
        found.extend(await world.p.queue.admin.filters())

    world.p.run(ask(), 60.0)
    return found


def _at_rest(world: World) -> None:
    """After every lifetime only what a person or the quarantine stopped may be left."""
    left = [row for row in world.rows() if STATES[row[2]] in ("ready", "active")]
    world.check(not left, "everything ends", f"left: {left}")


def _memory(world: World) -> None:
    """An empty queue has an empty memory."""
    status = world.p.queue.status()
    counts = (status.jobs, status.contents, status.unsettled, status.resolving, status.sealing)
    world.check(counts == (0, 0, 0, 0, 0), "counters agree with the rows", repr(status))
    world.check(len(world.p.queue._ledger) == 0, "counters agree with the rows", "the ledger is not empty")
    world.check(not world.p.queue._settlement.orders, "counters agree with the rows", "orders noted for nobody")
    lanes = [lane for lane in world.p.queue.lanes() if lane.waiting or lane.active]
    world.check(not lanes, "counters agree with the rows", repr(lanes))


def judge(world: World) -> None:
    """Every letter's tale, against what its client was told and what the hosts saw."""
    tales = read(world)
    rows: dict[int, set[int]] = defaultdict(set)
    for number, n, *_ in world.rows():
        rows[number].add(n)
    letters = {row[0] for row in world.reader.rows("SELECT id FROM letter")}
    world.check(letters == rows.keys(), "a letter is there while it has recipients", f"{letters} {dict(rows)}")
    files = world.p.shard.blobs.numbers()
    blobs = {row[0] for row in world.reader.rows("SELECT id FROM letter WHERE blob <> ''")}
    # Where COMMIT failed with the disk the row may come back with the log: such a body stays until the next opening.
    kept = {number for number in files - blobs if number not in tales or not tales[number].accepted}
    world.check(files == blobs | kept, "bodies go with their letters", f"{files} for {blobs}")
    total = sum(one.count for one in queue.counts(world.reader))
    world.check(total == sum(map(len, rows.values())), "counters agree with the rows", f"{total}")
    for number, record in world.sent.items():
        known = number in tales and bool(tales[number].accepted)
        world.check(record.state != "taken" or known, "nothing is lost", f"{number} was acknowledged and is not known")
        world.check(record.state != "refused" or not known, "refused is refused", f"{number} is in the journal")
    notices = _notices(world, tales)
    for number, tale in tales.items():
        _letter(world, number, tale, rows[number])
        if number not in world.sent:
            world.check(number in notices, "nothing comes from nowhere", f"{number} {tale}")
    if world.broken is not None:
        raise world.broken


def read(world: World) -> dict[int, Tale]:
    """The whole journal, letter by letter."""
    tales: dict[int, Tale] = defaultdict(Tale)
    for row in journal.after(world.reader, 0, 1_000_000):
        tale = tales[row.letter]
        form = forms.read(Event(row.letter, row.at, row.kind, row.data))
        tale.events += 1
        if not isinstance(form, forms.Ordered):  # an order counts from when it was given
            tale.times.append(row.at)
        if isinstance(form, forms.Accepted):
            first = tale.events == 1 or bool(tale.accepted)
            world.check(first, "the timeline is in order", f"{row.letter}: accepted late")
            tale.accepted.append(form)
        elif isinstance(form, forms.Tried):
            for result in form.results:
                _tried(tale, row.kind, result.n, form.attempt if form.started else 0)
        elif isinstance(form, forms.Interrupted):
            for n in form.n:
                tale.attempts.setdefault(n, []).append(form.attempt)
        elif isinstance(form, forms.Noticed):
            for n in form.n:
                if row.kind == event_.BOUNCED:
                    tale.bounced.setdefault(n, []).append(form.dsn)
                else:
                    tale.delays[n] = tale.delays.get(n, 0) + 1
        elif isinstance(form, forms.Ordered) and row.kind == event_.DROPPED:
            for n in form.n:
                tale.ends.setdefault(n, []).append(row.kind)
    return tales


def _tried(tale: Tale, kind: str, n: int, attempt: int) -> None:
    if kind in ENDS:
        tale.ends.setdefault(n, []).append(kind)
    if kind in (event_.FAILED, event_.EXPIRED):
        tale.failed.append(n)
    if kind in TRIES and attempt:
        tale.attempts.setdefault(n, []).append(attempt)


def _letter(world: World, number: int, tale: Tale, waiting: set[int]) -> None:
    world.check(len(tale.accepted) == 1, "each event once", f"{number} accepted {len(tale.accepted)} times")
    for n in range(len(tale.accepted[0].to if tale.accepted else ())):
        ends = tale.ends.get(n, [])
        where = f"{number}.{n}: {ends}{' and in the queue' if n in waiting else ''}"
        world.check(len(ends) + (n in waiting) == 1, "every recipient ends once", where)
        tries = tale.attempts.get(n, [])
        world.check(tries == sorted(set(tries)), "the timeline is in order", f"{number}.{n} attempts {tries}")
        delays = tale.delays.get(n, 0)
        world.check(delays <= 1, "each event once", f"{number}.{n}: {delays} notices of delay")
        _dials(world, (number, n), ends)
    if not world.jumped:
        world.check(min(tale.times) == tale.times[0], "the timeline is in order", f"{number}: {tale.times}")
    story = timeline.story([world.reader], number)
    entries = [] if story is None else story.entries
    plain = len(entries) == tale.events and not any(isinstance(e.form, timeline.Unreadable) for e in entries)
    world.check(plain, "the timeline is in order", f"{number}: {len(entries)} of {tale.events} told")


def _dials(world: World, key: Key, ends: list[str]) -> None:
    dials = world.hosts.dials[key]
    taken = [dial for dial in dials if dial.taken]
    if event_.DELIVERED in ends:
        world.check(bool(taken), "delivered is delivered", f"{key}: no host has it")
    heard = [dial for dial in taken if dial.known and dial.told]
    under_way = [dial for dial in taken if not dial.known or not dial.told]
    excess = len(taken) - 1 - len(under_way) - world.crashes
    world.check(excess <= 0, "duplicates are bounded", f"{key}: {len(taken)} copies, {heard}")


def _notices(world: World, tales: dict[int, Tale]) -> set[int]:
    """The ids of the notices that their causes name; each failure has one where the sender is to be told."""
    for number, tale in tales.items():
        if not tale.accepted:
            continue
        accepted = tale.accepted[0]
        record = world.sent.get(number)
        for n in sorted(set(tale.failed)):
            notes = tale.bounced.get(n, [])
            notify = "NEVER" if record is None else record.letter.envelope.recipients[n].notify
            owed = accepted.sender != "" and accepted.door != "dsn" and (not notify or "FAILURE" in notify)
            found = [note for note in notes if note]
            told = f"{number}.{n} from {accepted.sender!r} NOTIFY={notify!r}: {notes}"
            world.check(len(notes) == 1 and len(found) == owed, "exactly one DSN for a failure", told)
            for note in found:
                dsn = ids.number(note)
                known = dsn in tales and bool(tales[dsn].accepted) and tales[dsn].accepted[0].sender == ""
                world.check(known, "exactly one DSN for a failure", f"{told}: the DSN {dsn} does not exist")
        for n, notes in tale.bounced.items():
            ended = tale.ends.get(n, [])
            world.check(ended != [event_.DELIVERED], "exactly one DSN for a failure", f"{number}.{n}: {ended} {notes}")
    return {number for number, tale in tales.items() if tale.accepted and tale.accepted[0].door == "dsn"}

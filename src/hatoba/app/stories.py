"""A letter's story for people: the journal's timeline, what binds it now, and the lines that `hatoba trace` prints.

Called by the command line (trace, quickstart). Never changes anything.
"""

from collections.abc import Iterator, Sequence

import msgspec

from hatoba.app import live
from hatoba.app.places import Places
from hatoba.doors.control import call
from hatoba.journal import forms, timeline
from hatoba.journal import search as journal_search
from hatoba.journal.facts import Hit
from hatoba.journal.query import Query
from hatoba.kit import ids
from hatoba.message import words
from hatoba.store.sql import Reader


class Told(msgspec.Struct):
    """A story and, for each lane it waits in, what the running workers say of that lane."""

    story: timeline.Story
    lanes: dict[str, list[dict[str, object]]]


def find(readers: Sequence[Reader], query: str, limit: int) -> list[int]:
    """Ids of the letters that match, newest first."""
    found: set[int] = set()
    for reader in readers:
        found.update(journal_search.find(reader, query, limit))
    return sorted(found, reverse=True)[:limit]


def search(readers: Sequence[Reader], query: Query, limit: int) -> list[Hit]:
    """The letters of all shards that match, newest first, at most `limit`. BadQuery, StoreTrouble."""
    found: list[Hit] = []
    for reader in readers:
        found += journal_search.hits(reader, query, limit)
    found.sort(key=lambda hit: hit.id, reverse=True)  # ids as text sort as they do
    return found[:limit]


def tell(readers: Sequence[Reader], places: Places, number: int) -> Told | None:
    """The story of one letter with the live half joined; None when nobody knows it."""
    story = timeline.story(readers, number)
    if story is None:
        return None
    lanes: dict[str, list[dict[str, object]]] = {}
    for site in {row.site for row in story.waiting if row.site}:
        try:
            answers = live.ask(places, "lane", {"site": site})
        except call.Failed:
            continue
        lanes[site] = [answer for answer in answers if answer]
    for row in story.waiting:
        for lane in lanes.get(row.site, []):
            if lane["binds"] and lane["binds"] not in row.binds:
                row.binds.append(str(lane["binds"]))
    return Told(story, lanes)


def _dialogue(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield f"      {line}"


def _tried(entry: timeline.Entry, form: forms.Tried, when: str) -> Iterator[str]:
    where = f" at {form.host} [{form.ip}]" if form.host else (f" by {form.site}" if form.site else "")
    secured = f" over {form.tls}" if form.tls else ""
    took = f" in {(form.ended - form.started) / 1000:.2f} s" if form.started else ""
    yield f"{when}  {entry.kind} (attempt {form.attempt}){where}{secured}{took}"
    if form.tls_policy:
        yield f"    TLS policy: {form.tls_policy}"
    elif form.tls:
        yield "    TLS policy: opportunistic, certificate not checked"
    for result in form.results:
        said = result.reply or result.text
        yield f"    {result.to}: {result.status} {said}".rstrip()
    if entry.opening and form.dialogue:
        yield from _dialogue(entry.opening)
    yield from _dialogue(form.dialogue)


def _accepted(form: forms.Accepted | forms.Refused, when: str) -> Iterator[str]:
    who = f" as {form.account}" if form.account else ""
    secured = f" over {form.tls}" if form.tls else " in plain text"
    port = f" on port {form.port}" if form.port else ""
    origin = f" from {form.ip} ({form.helo})" if form.ip else ""
    done = f"accepted by {form.door}" if isinstance(form, forms.Accepted) else f"refused at {form.door}"
    size = f", {form.size} octets" if isinstance(form, forms.Accepted) else f": {form.status} {form.text}"
    yield f"{when}  {done}{port}{origin}{who}{secured if form.ip else ''}{size}"
    yield f"    <{form.sender}> → {', '.join(f'<{to}>' for to in form.to)}"
    for what, before, after in form.rewrites if isinstance(form, forms.Accepted) else ():
        yield f"    {what}: {f'{before} → {after}' if before and after else before or after}"
    if isinstance(form, forms.Accepted):
        if form.signed:
            yield f"    signed by {_signed(form.signed)}"
        if form.unsigned:
            yield f"    not signed: {form.unsigned}"
    if form.auth:
        yield from _wrapped(f"auth: {form.auth}")
    for check, action, score, reason in form.verdicts:
        points = f" {score:+g}" if score else ""
        yield f"    {check}: {action}{points}{f' ({reason})' if reason else ''}"
    if form.dmarc is not None:
        row, published = form.dmarc.row, form.dmarc.published
        why = "".join(f"; {each.type}: {each.comment}" for each in row.reasons)
        yield f"    DMARC of {published.domain}: p={published.p}, done: {row.disposition}{why}"


def _wrapped(text: str) -> Iterator[str]:
    """The findings, one a line."""
    for part in text.split("; "):
        yield f"    {part}"


def _signed(names: Sequence[str]) -> str:
    """ "example.org (selector, selector)" of the names of an accepted event."""
    by: dict[str, list[str]] = {}
    for name in names:
        domain, _, selector = name.partition(" ")
        by.setdefault(domain, []).append(selector)
    return ", ".join(f"{domain} ({', '.join(selectors)})" for domain, selectors in by.items())


def _other(entry: timeline.Entry, moment: "Moment") -> Iterator[str]:
    form, when = entry.form, moment(entry.at)
    facts = {key: value for key, value in msgspec.to_builtins(form).items() if value not in ("", [], 0)}
    facts.pop("n", None)
    if due := facts.pop("next_at", 0):
        facts["next try"] = moment(due)
    told = ", ".join(f"{key} {value}" for key, value in facts.items())
    yield f"{when}  {entry.kind}" + (f": {told}" if told else "")


def lines_of(entry: timeline.Entry, moment: "Moment") -> Iterator[str]:
    """One event in words, its dialogue below it."""
    when = moment(entry.at)
    if isinstance(entry.form, forms.Accepted | forms.Refused):
        yield from _accepted(entry.form, when)
    elif isinstance(entry.form, forms.Tried):
        yield from _tried(entry, entry.form, when)
    else:
        yield from _other(entry, moment)


class Moment:
    """Writes ms since 1970 in this machine's zone, with milliseconds."""

    def __call__(self, milliseconds: int) -> str:
        from datetime import UTC, datetime

        return datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone().isoformat(" ", "milliseconds")


def heading(story: timeline.Story) -> Iterator[str]:
    """The lines above the events."""
    refused = next((entry.form for entry in story.entries if isinstance(entry.form, forms.Refused)), None)
    first = story.accepted or refused
    subject = words.decode(first.subject) if first and first.subject else "(no subject)"
    yield f"{ids.text(story.number)}  {subject}"
    if first and first.message_id:
        yield f"  Message-ID {first.message_id}   From {first.header_from or '-'}"


def standing(story: timeline.Story, moment: Moment) -> Iterator[str]:
    """The lines below the events: where each recipient stands now."""
    if not story.waiting:
        last = [entry.kind for entry in story.entries if entry.kind not in ("bounced", "delayed")]
        yield f"  → no longer in the queue; last: {last[-1] if last else 'unknown'}"
    for row in story.waiting:
        binds = f"; binds now: {', '.join(row.binds)}" if row.binds else ""
        due = f", next try {moment(row.next_at)}" if row.state == "ready" else ""
        said = f"; last: {row.status} {row.reply}".rstrip() if row.status else ""
        yield f"  → {row.to}: {row.state} in {row.site or 'no lane yet'}, {row.attempts} attempts{due}{said}{binds}"

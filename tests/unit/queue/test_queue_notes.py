"""What checks want of the queue: a letter held, thrown away, told; and a header that stands apart from its blob."""

import asyncio

from tests.support.queue_seam import Harbour, says
from tests.unit.queue.conftest import Make

from hatoba.journal import forms, timeline
from hatoba.model.envelope import Letter, Notes
from hatoba.model.event import Event
from hatoba.model.outcome import FAILED
from hatoba.queue.choice import Choice
from hatoba.store import spool
from hatoba.store.rows import HELD

WHY = "quarantine: dmarc: fail"


def told(h: Harbour, letter: int) -> list[forms.Form | timeline.Unreadable]:
    with h.shard.reader() as reader:
        story = timeline.story([reader], letter)
    assert story is not None
    return [entry.form for entry in story.entries]


async def test_a_quarantined_letter_is_held_until_it_is_released(harbour: Make) -> None:
    h = await harbour()
    notes = Notes((("dmarc", "quarantine", 0.0, "fail"),), "dmarc=fail", hold=WHY)
    letter = await h.put("bob@a.example", "eve@b.example", notes=notes)
    await h.queue.settled()
    assert h.courier.taken == []
    assert [(n, state, attempts) for _, n, _, state, attempts, _ in h.rows()] == [(0, HELD, 0), (1, HELD, 0)]
    [row, _] = await h.queue.admin.show(letter)
    assert row.last.text == WHY
    accepted, held = told(h, letter)
    assert isinstance(accepted, forms.Accepted)
    assert isinstance(held, forms.Ordered)
    assert (accepted.verdicts, accepted.auth) == (notes.verdicts, "dmarc=fail")
    assert (held.by, held.reason) == ("checks", WHY)
    assert h.queue.status().contents == 0
    await h.queue.admin.release(Choice(letter=letter), "cli:root")
    await h.turn(1)
    assert sorted(h.courier.delivered) == [(letter, 0), (letter, 1)]
    assert h.letters() == []


async def test_a_quarantined_letter_may_be_dropped(harbour: Make) -> None:
    h = await harbour()
    letter = await h.put("bob@a.example", notes=Notes(hold=WHY))
    await h.queue.admin.drop(Choice(letter=letter), "cli:root", "junk it was")
    assert (h.letters(), h.events(letter)) == ([], ["accepted", "held", "dropped"])


async def test_a_discarded_letter_leaves_only_its_story(harbour: Make) -> None:
    h = await harbour()
    draft = h.shard.blobs.draft(1)
    letter = h.letter("bob@a.example", notes=Notes(drop="discarded: rule: noise"))
    await h.queue.enqueue(letter, draft)
    assert (h.letters(), h.rows(), h.courier.taken) == ([], [], [])
    accepted, dropped = told(h, letter.id)
    assert isinstance(accepted, forms.Accepted)
    assert isinstance(dropped, forms.Ordered)
    assert (dropped.by, dropped.reason) == ("checks", "discarded: rule: noise")
    assert not draft.path.exists()


async def test_an_event_of_a_letter_that_never_was(harbour: Make) -> None:
    h = await harbour()
    form = forms.Refused("a@b.example", ("bob@a.example",), "mx", "5.7.1", "no", subject="x")
    h.queue.record(forms.refused(77, form, 1))
    await h.put("carol@a.example")
    await h.queue.settled()
    while not h.events(77):
        await asyncio.sleep(0.005)
    assert told(h, 77) == [form]
    assert h.queue.status().unsettled == 0


def apart(h: Harbour, letter: Letter, body: bytes) -> Letter:
    """The letter as a door hands a large one in; its draft hangs on it."""
    letter.top = b"Authentication-Results: us; spf=pass\r\nFrom: alice@sender.example\r\nSubject: large\r\n"
    letter.content, letter.size, letter.subject = None, len(letter.top) + len(body), "large"
    return letter


async def test_a_notice_about_a_large_letter_returns_its_header(harbour: Make) -> None:
    h = await harbour()
    h.courier.answer = says(FAILED)
    body = b"\r\n" + b"0123456789abcdef\r\n" * 40_000
    letter = apart(h, h.letter("bob@a.example"), body)
    draft = h.shard.blobs.draft(letter.id)
    draft.append(body)
    h.courier.paused = True
    await h.queue.enqueue(letter, draft)
    await asyncio.sleep(0)
    with h.shard.reader() as reader:
        kept = spool.load(reader, letter.id)
    assert len(spool.content(h.shard.blobs, kept)) == kept.size
    h.courier.paused = False
    h.courier.finish()
    await h.queue.settled()
    h.courier.answer = says("delivered")
    await h.turn(1)
    notice = next(content for content in h.courier.bodies if content and b"text/rfc822-headers" in content)
    assert b"Authentication-Results: us; spf=pass\r\nFrom: alice@sender.example\r\nSubject: large\r\n" in notice
    assert b"0123456789abcdef" not in notice


def test_the_event_is_read_back_whole() -> None:
    form = forms.Refused(
        "", ("b@c.example",), "mx", "5.7.1", verdicts=(("spf", "reject", 1.5, "why"),), auth="spf=fail"
    )
    event = forms.refused(5, form, 9)
    assert isinstance(event, Event)
    assert forms.read(event) == form

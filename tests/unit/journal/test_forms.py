"""What queue writes is what timeline reads; an attempt makes one event per kind of result."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.journal import forms
from hatoba.kit import ids
from hatoba.model import event
from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Letter, Recipient, Source
from hatoba.model.event import Event
from hatoba.model.outcome import Attempt, Job, Outcome
from hatoba.model.status import Status

NOW = 1_700_000_000_000
WORDS = st.text(max_size=40)


def letter(*recipients: str, sender: str | None = "alice@example.org", number: int = 7) -> Letter:
    envelope = Envelope(
        None if sender is None else Address.parse(sender),
        tuple(Recipient(Address.parse(one)) for one in recipients or ("bob@example.com",)),
        envid="e1",
        priority=3,
    )
    source = Source("submission", "192.0.2.1", 587, "client.example.org", "TLSv1.3 X", "alice@example.org")
    return Letter(
        number, NOW, NOW + 1000, envelope, source, 321, message_id="<a@b>", header_from="Alice <a@b>", subject="Hello"
    )


def outcome(n: int, kind: str, code: str = "2.0.0", reply: str = "250 ok") -> Outcome:
    return Outcome(n, kind, Status(code, "text"), reply)


def test_accepted_tells_the_whole_letter() -> None:
    written = forms.accepted(letter("bob@example.com", '"c d"@example.com'), ["mx:a", "mx:b"], NOW + 300_000)
    assert (written.letter, written.at, written.kind) == (7, NOW, event.ACCEPTED)
    read = forms.read(written)
    assert isinstance(read, forms.Accepted)
    assert read.sender == "alice@example.org"
    assert read.to == ("bob@example.com", '"c d"@example.com')
    assert (read.door, read.ip, read.port, read.helo) == ("submission", "192.0.2.1", 587, "client.example.org")
    assert (read.tls, read.account, read.size) == ("TLSv1.3 X", "alice@example.org", 321)
    assert (read.message_id, read.header_from, read.subject) == ("<a@b>", "Alice <a@b>", "Hello")
    assert (read.envid, read.priority, read.sites, read.next_at) == ("e1", 3, ("mx:a", "mx:b"), NOW + 300_000)


def test_accepted_writes_readable_keys_and_leaves_out_what_is_empty() -> None:
    plain = msgspec.json.decode(forms.accepted(letter(sender=None), ["mx:a", "mx:a"]).data)
    assert plain["sender"] == ""
    assert plain["header_from"] == "Alice <a@b>"
    assert plain["sites"] == ["mx:a"]
    assert "hold_until" not in plain
    assert "next_at" not in plain


def test_one_kind_of_result_is_one_event_with_the_dialogue() -> None:
    job = Job(letter("a@x.example", "b@x.example"), (0, 1), attempts=2)
    attempt = Attempt(
        NOW + 1, NOW + 50, "mx:x", [outcome(0, "delivered"), outcome(1, "delivered")],
        "mx.x.example", "192.0.2.9", "TLSv1.3 Y", "192.0.2.2", "S1", "S: 220 hi\n", "C: MAIL\n",
    )  # fmt: skip
    (written,) = forms.settled(job, attempt, {})
    assert (written.kind, written.at, written.letter) == (event.DELIVERED, NOW + 50, 7)
    read = forms.read(written)
    assert isinstance(read, forms.Tried)
    assert [(r.n, r.to, r.status, r.reply) for r in read.results] == [
        (0, "a@x.example", "2.0.0", "250 ok"),
        (1, "b@x.example", "2.0.0", "250 ok"),
    ]
    assert (read.attempt, read.site, read.host, read.ip, read.tls) == (
        2,
        "mx:x",
        "mx.x.example",
        "192.0.2.9",
        "TLSv1.3 Y",
    )
    assert (read.source_ip, read.session, read.opening, read.dialogue) == (
        "192.0.2.2",
        "S1",
        "S: 220 hi\n",
        "C: MAIL\n",
    )
    assert (read.started, read.ended) == (NOW + 1, NOW + 50)


def test_mixed_results_make_one_event_each_and_the_dialogue_once() -> None:
    job = Job(letter("a@x.example", "b@x.example", "c@x.example", "d@x.example"), (0, 1, 2, 3))
    outcomes = [
        outcome(0, "failed", "5.1.1"),
        outcome(1, "deferred", "4.2.1"),
        outcome(2, "delivered"),
        outcome(3, "deferred", "4.2.2"),
    ]
    attempt = Attempt(NOW, NOW + 1, "mx:x", outcomes, dialogue="C: MAIL\n", opening="S: 220\n")
    written = forms.settled(job, attempt, {1: NOW + 300_000})
    assert [one.kind for one in written] == [event.DELIVERED, event.DEFERRED, event.EXPIRED, event.FAILED]
    read = [forms.read(one) for one in written]
    tried = [one for one in read if isinstance(one, forms.Tried)]
    assert [one.dialogue for one in tried] == ["C: MAIL\n", "", "", ""]
    assert [one.opening for one in tried] == ["S: 220\n", "", "", ""]
    assert [[r.n for r in one.results] for one in tried] == [[2], [1], [3], [0]]
    assert tried[1].results[0].next_at == NOW + 300_000
    assert tried[2].results[0].next_at == 0


def test_no_outcome_is_no_event() -> None:
    assert forms.settled(Job(letter(), (0,)), Attempt(NOW, NOW, "x", []), {}) == []


@pytest.mark.parametrize(
    ("written", "kind", "form"),
    [
        (forms.held(7, (0,), "rule x", NOW, "spam"), event.HELD, forms.Ordered((0,), "rule x", "spam")),
        (forms.released(7, (), "taro", NOW, 5), event.RELEASED, forms.Ordered((), "taro", "", 5)),
        (forms.retried(7, (1, 2), "taro", NOW, 6), event.RETRIED, forms.Ordered((1, 2), "taro", "", 6)),
        (forms.dropped(7, (0,), "taro", NOW, "asked"), event.DROPPED, forms.Ordered((0,), "taro", "asked")),
        (forms.quarantined(7, (0,), "crashed", NOW), event.QUARANTINED, forms.Ordered((0,), "hatoba", "crashed")),
        (
            forms.interrupted(7, (0,), 3, "mx:x", next_at=9, now=NOW),
            event.ATTEMPTED,
            forms.Interrupted((0,), 3, "mx:x", 9),
        ),
        (
            forms.bounced(7, (0,), 99, "a@b", now=NOW),
            event.BOUNCED,
            forms.Noticed((0,), ids.text(99), "a@b"),
        ),
        (
            forms.delayed(7, (0,), 0, "", now=NOW, reason="NOTIFY=NEVER"),
            event.DELAYED,
            forms.Noticed((0,), "", "", "NOTIFY=NEVER"),
        ),
        (
            forms.expired(7, [forms.Result(0, "a@b", "4.4.1")], 12, NOW),
            event.EXPIRED,
            forms.Tried(12, (forms.Result(0, "a@b", "4.4.1"),), ended=NOW),
        ),
    ],
)
def test_every_kind_reads_back(written: Event, kind: str, form: forms.Form) -> None:
    assert (written.letter, written.at, written.kind) == (7, NOW, kind)
    assert forms.read(written) == form


def test_every_kind_of_the_model_has_a_form() -> None:
    for kind in event.KINDS:
        with pytest.raises(msgspec.DecodeError):
            forms.read(Event(1, NOW, kind, b"[]"))


@given(reply=WORDS, dialogue=WORDS, text=WORDS, subject=WORDS)
def test_any_text_survives(reply: str, dialogue: str, text: str, subject: str) -> None:
    attempt = Attempt(NOW, NOW, "s", [Outcome(0, "failed", Status("5.0.0", text), reply)], dialogue=dialogue)
    (written,) = forms.settled(Job(letter(), (0,)), attempt, {})
    read = forms.read(written)
    assert isinstance(read, forms.Tried)
    assert (read.results[0].reply, read.results[0].text, read.dialogue) == (reply, text, dialogue)
    accepted = letter()
    accepted.subject = subject
    form = forms.read(forms.accepted(accepted))
    assert isinstance(form, forms.Accepted)
    assert form.subject == subject

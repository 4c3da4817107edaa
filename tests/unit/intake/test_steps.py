"""Checks in a transaction: which are asked when, what is remembered, what their verdicts do to the letter."""

from collections.abc import Callable, Generator, Iterable
from typing import Any

import pytest
from tests.support import steps
from tests.support.smtp_site import QUIET

from hatoba.intake import asking
from hatoba.intake.case import Client, Reverse
from hatoba.intake.desk import Desk
from hatoba.intake.filter_settings import Settings
from hatoba.intake.filters import build
from hatoba.intake.tally import Tally
from hatoba.intake.transaction import Transaction
from hatoba.journal import forms
from hatoba.mailauth.questions import NXDOMAIN, Answer, Question
from hatoba.message import headers
from hatoba.model.address import Address
from hatoba.model.envelope import Letter, Recipient, Source
from hatoba.model.outcome import Silence, Verdict
from hatoba.model.status import Refusal, Status
from hatoba.store import blobs

NOW = 1_700_000_000_000
MX = Source("mx", "192.0.2.1", 25, "client.example")
ALICE = Source("submission", "192.0.2.1", 587, "laptop", "TLSv1.3 X", "alice@example.org")
TEXT = b"From: carol@example.com\r\nSubject: x\r\nX-Spam-Flag: NO\r\n\r\nbody\r\n"
Make = Callable[..., Desk]
Said = Iterable[Verdict]


class Probe:
    """A check that says what it is told to, at each stage it is told something for, and notes when it was asked."""

    def __init__(self, name: str = "probe", *, inside: bool = False, always: bool = False, **said: Any) -> None:
        self.name, self.inside, self.always = name, inside, always
        self.asked: list[tuple[str, Any]] = []
        for stage, verdicts in said.items():
            setattr(self, f"at_{stage}", self._stage(stage, verdicts))

    def _stage(self, stage: str, verdicts: Any) -> Callable[..., Said]:
        def at(*arguments: Any) -> Said:
            self.asked.append((stage, arguments[-1]))
            said: Said = verdicts(*arguments) if callable(verdicts) else verdicts
            return said

        return at

    @property
    def stages(self) -> list[str]:
        return [stage for stage, _ in self.asked]


@pytest.fixture
def judged(desk: Make) -> Callable[..., Desk]:
    """`judged(check, …)`: a desk with these checks, each a phase of its own."""

    def make(*checks: Any, filters: Settings | None = None, tally: Tally | None = None, **settings: Any) -> Desk:
        phases = [check if isinstance(check, list) else [check] for check in checks]
        made = build.build(QUIET, filters or Settings(), hostname="mx.example.org", more=phases)
        return desk(filters=made, tally=tally, **settings)

    return make


def begin(desk: Desk, *to: str, source: Source = MX, client: Client | None = None, **drive: Any) -> Transaction:
    sender = "alice@example.org" if source is ALICE else "carol@example.com"
    transaction = desk.begin(source, Reverse(Address.parse(sender)), 7, NOW, client=client)
    for one in to or ("alice@example.org",):
        steps.ended(transaction.recipient(Recipient(Address.parse(one))), **drive)
    return transaction


def end(transaction: Transaction, content: bytes = TEXT, **drive: Any) -> Letter:
    made = transaction.end(content, dotted=False, eightbit=False, now=NOW + 5)
    letter = steps.ended(made, **drive)
    assert isinstance(letter, Letter)
    return letter


def refused(code: str) -> "pytest.RaisesExc[Refusal]":
    return pytest.raises(Refusal, match=f"^{code.replace('.', '[.]')}")


def spam(letter: Letter) -> dict[str, str]:
    head = headers.scan(letter.content or b"")
    return {name.decode(): value.decode() for name, value in head.fields() if name.lower().startswith(b"x-spam")}


def test_stages_are_asked_in_order_and_once_where_once_is_enough(judged: Make) -> None:
    probe = Probe(connect=(), sender=(), recipient=(), content=())
    desk, client = judged(probe), Client()
    end(begin(desk, "alice@example.org", "bob@example.org", client=client))
    assert probe.stages == ["connect", "sender", "recipient", "recipient", "content"]
    assert [str(asked.address) for _, asked in probe.asked[2:4]] == ["alice@example.org", "bob@example.org"]
    end(begin(desk, client=client))
    assert probe.stages[5:] == ["sender", "recipient", "content"]


def test_submissions_are_asked_what_is_for_them(judged: Make) -> None:
    outside, inside = Probe("outside", content=(), sender=()), Probe("inside", inside=True, content=())
    letter = end(begin(judged(outside, inside), source=ALICE))
    assert (outside.stages, inside.stages) == ([], ["content"])
    assert letter.notes is not None
    end(begin(judged(outside, inside, relay_networks=("192.0.2.0/24",))))
    assert (outside.stages, inside.stages) == ([], ["content"] * 2)


def test_without_checks_there_is_nothing_to_drive(judged: Make) -> None:
    transaction = judged().begin(MX, Reverse(None), 7, NOW)
    assert transaction.recipient(Recipient(Address.parse("alice@example.org"))) is None
    letter = transaction.end(TEXT, dotted=False, eightbit=False, now=NOW)
    assert isinstance(letter, Letter)
    assert letter.notes is None


def test_unknown_recipients_are_refused_unasked(judged: Make) -> None:
    probe = Probe(sender=(), recipient=())
    with refused("5.1.1"):
        begin(judged(probe), "nobody@example.org")
    assert probe.stages == []


def test_a_sender_once_refused_is_refused_for_every_recipient(judged: Make) -> None:
    probe = Probe(sender=(Verdict("probe", "reject", Status("5.7.1", "no")),), recipient=())
    transaction = judged(probe).begin(MX, Reverse(None), 7, NOW)
    for to in ("alice@example.org", "bob@example.org"):
        with refused("5.7.1 no"):
            steps.ended(transaction.recipient(Recipient(Address.parse(to))))
    assert probe.stages == ["sender"]
    with refused("5.5.1"):
        transaction.end(TEXT, dotted=False, eightbit=False, now=NOW)


def test_a_client_once_refused_is_refused_on_its_whole_connection(judged: Make) -> None:
    probe = Probe(connect=(Verdict("probe", "defer"),))
    desk, client = judged(probe), Client()
    for _ in range(2):
        with refused("4.7.1"):
            begin(desk, client=client)
    assert probe.stages == ["connect"]


def test_a_recipient_may_be_refused_alone_and_leaves_nothing(judged: Make) -> None:
    def only_bob(case: Any, recipient: Recipient) -> Said:
        if recipient.address.local == "bob":
            return (Verdict("probe", "accept", score=1.5),)
        return (Verdict("probe", "greylist", reason="come again", score=9.0),)

    probe = Probe(recipient=only_bob)
    transaction = begin(judged(probe), "bob@example.org")
    with refused("4.7.1 come again"):
        steps.ended(transaction.recipient(Recipient(Address.parse("alice@example.org"))))
    letter = end(transaction)
    assert [str(recipient.address) for recipient in letter.envelope.recipients] == ["bob@example.org"]
    assert letter.notes is not None
    assert letter.notes.verdicts == (("probe", "accept", 1.5, ""),)


def test_points_of_all_stages_add_up(judged: Make) -> None:
    points = (Verdict("probe", "accept", score=2.0),)
    probe = Probe(connect=points, sender=points, recipient=points, content=points)
    letter = end(begin(judged(probe, filters=Settings(junk_at=8))))
    assert spam(letter) == {
        "X-Spam-Flag": "YES",
        "X-Spam-Score": "8",
        "X-Spam-Status": "Yes, score=8 action=junk tests=score",
    }
    with refused("5.7.1 Refused as unwanted: score 8 of 8"):
        end(begin(judged(probe, filters=Settings(reject_at=8))))


def test_a_tag_is_told_and_what_others_said_stays_where_nothing_is(judged: Make) -> None:
    told = spam(end(begin(judged(Probe(content=(Verdict("rule", "tag", score=1),))))))
    assert told == {"X-Spam-Score": "1", "X-Spam-Status": "No, score=1 action=tag tests=rule"}
    assert spam(end(begin(judged(Probe(content=()))))) == {"X-Spam-Flag": "NO"}


def test_later_phases_are_not_asked_once_a_letter_is_refused(judged: Make) -> None:
    first, second = Probe("first", content=(Verdict("first", "reject", reason="no"),)), Probe("second", content=())
    transaction = begin(judged(first, second))
    with refused("5.7.1 no") as caught:
        end(transaction)
    assert second.stages == []
    event = transaction.refused(caught.value)
    assert event is not None
    form = forms.read(event)
    assert isinstance(form, forms.Refused)
    assert (form.status, form.text, form.sender, form.to) == (
        "5.7.1",
        "no",
        "carol@example.com",
        ("alice@example.org",),
    )
    assert form.verdicts == (("first", "reject", 0.0, "no"),)
    assert (event.kind, event.letter, event.at) == ("refused", 7, NOW + 5)


def test_an_allowed_letter_is_asked_only_what_always_counts(judged: Make) -> None:
    allow = Probe("list", sender=(Verdict("list", "allow", reason="friend"),))
    spam_, virus = Probe("spam", content=(Verdict("spam", "reject"),)), Probe("virus", always=True, content=())
    letter = end(begin(judged(allow, spam_, virus)))
    assert (spam_.stages, virus.stages) == ([], ["content"])
    assert letter.notes is not None
    assert letter.notes.verdicts == (("list", "allow", 0.0, "friend"),)


@pytest.mark.parametrize(
    ("action", "hold", "drop"),
    [("quarantine", "quarantine: probe: odd", ""), ("discard", "", "discarded: probe: odd"), ("junk", "", "")],
)
def test_what_is_to_be_held_or_dropped_says_why(judged: Make, action: str, hold: str, drop: str) -> None:
    letter = end(begin(judged(Probe(content=(Verdict("probe", action, reason="odd"),)))))
    assert letter.notes is not None
    assert (letter.notes.hold, letter.notes.drop) == (hold, drop)


def test_fields_go_on_top_and_out_as_a_check_wants(judged: Make) -> None:
    verdict = Verdict(
        "probe",
        "accept",
        fields=(("X-Own", "a\r\nInjected: b"), ("X Bad:Name", "läuft\x00"), ("X-Long", "word " * 60)),
        remove=("subject", "x-spam-flag"),
    )
    letter = end(begin(judged(Probe(content=(verdict,)))))
    content = letter.content or b""
    assert content.startswith(b"X-Own: a Injected: b\r\nX-Bad-Name: l?uft\r\nX-Long: word")
    assert b"Subject" not in content
    assert b"\nX-Spam" not in content
    assert content.endswith(b"From: carol@example.com\r\n\r\nbody\r\n")
    assert max(map(len, content.split(b"\r\n"))) <= 78
    assert headers.scan(content).first(b"x-long") == b"word " * 59 + b"word"


def test_silence_counts_as_the_settings_say(judged: Make) -> None:
    tally = Tally()
    desk = judged(Probe(content=()), tally=tally)

    def silent(made: Any) -> Any:
        next(made)
        with pytest.raises(StopIteration) as ended:
            made.send([Silence("probe", "abcdef")])
        return ended.value.value

    with refused("4.3.0 Internal error abcdef"):
        silent(begin(desk).end(TEXT, dotted=False, eightbit=False, now=NOW))
    open_ = judged(Probe(content=()), filters=Settings(fault="accept"), tally=tally)
    letter = silent(begin(open_).end(TEXT, dotted=False, eightbit=False, now=NOW))
    assert letter.notes.verdicts == (("probe", "accept", 0.0, "internal error abcdef"),)
    assert tally.verdicts == {("probe", "fault"): 2}


def test_a_content_check_reads_the_letter_as_often_as_it_likes(judged: Make, folder: blobs.Folder) -> None:
    seen: list[tuple[bytes, bool, int]] = []

    def read(subject: Any) -> Said:
        seen.extend((b"".join(subject.pieces()), subject.large, subject.size) for _ in range(2))
        return ()

    desk = judged(Probe(content=read), spill=2000, header=2000)
    small = end(begin(desk))
    assert seen == [(TEXT, False, len(TEXT))] * 2
    assert (small.content or b"").endswith(TEXT)
    seen.clear()
    transaction = begin(desk)
    for at in range(0, 5000, 1000):
        transaction.chunk(TEXT if at == 0 else b"x" * 998 + b"\r\n")
    large = end(transaction, b"last\r\n")
    whole = TEXT + (b"x" * 998 + b"\r\n") * 4 + b"last\r\n"
    assert seen == [(whole, True, len(whole))] * 2
    assert transaction.draft is not None
    assert large.top + transaction.draft.read() == large.top[: -len(TEXT) + 8] + whole
    assert large.size == len(large.top) + transaction.draft.size
    transaction.discard()


def test_parts_and_content_of_a_subject(judged: Make) -> None:
    seen: list[Any] = []

    def look(subject: Any) -> Said:
        seen.append((subject.content(), [leaf.type for leaf in subject.parts], subject.case.ptr, subject.id))
        return ()

    end(begin(judged(Probe(content=look))))
    assert seen == [(TEXT, [b""], "", 7)]


def test_a_watch_sees_every_octet_of_the_body(judged: Make) -> None:
    class Watching(Probe):
        def watch(self, case: Any, heading: Any) -> Any:
            self.body = bytearray()
            return self

        def update(self, piece: bytes) -> None:
            self.body += piece

    def watched(subject: Any) -> Said:
        assert subject.watched.get("probe") is probe
        assert subject.watched.get("other") is None
        return ()

    probe = Watching(content=watched)
    end(begin(judged(probe)))
    assert (probe.stages, bytes(probe.body)) == (["content"], b"body\r\n")
    transaction = begin(judged(probe, spill=2000, header=2000))
    for _ in range(3):
        transaction.chunk(b"a: b\r\n\r\n" + b"y" * 992)
    end(transaction, b"z\r\n")
    assert probe.body == b"y" * 992 + (b"a: b\r\n\r\n" + b"y" * 992) * 2 + b"z\r\n"
    transaction.discard()


def test_checks_ask_dns_and_services(judged: Make) -> None:
    class Asking:
        name = "asking"

        def at_recipient(self, case: Any, recipient: Recipient) -> asking.Asking[Said]:
            listed = yield from asking.dns("1.2.0.192.list.example", "A")
            (greylist,) = yield (asking.Consult("greylist", asking.At(case, recipient)),)
            return (*greylist, Verdict("asking", "accept", score=float(len(listed.records))))

        def at_content(self, subject: Any) -> Generator[Any, Any, Any]:
            return (yield from asking.consult("clamd", subject))

    def look(question: Question) -> Answer:
        return Answer(("127.0.0.2",)) if question == ("1.2.0.192.list.example", "A") else NXDOMAIN

    services = {
        "greylist": lambda consult: (Verdict("grey", "accept", reason=str(consult.subject.recipient.address)),),
        "clamd": lambda consult: [Verdict("clamd", "junk", reason=str(consult.subject.size))],
    }
    desk = judged(Asking())
    letter = end(begin(desk, look=look, services=services), services=services)
    assert letter.notes is not None
    assert letter.notes.verdicts == (
        ("grey", "accept", 0.0, "alice@example.org"),
        ("asking", "accept", 1.0, ""),
        ("clamd", "junk", 0.0, str(len(TEXT))),
    )


def test_engines_in_step() -> None:
    def counting(name: str, rounds: int) -> asking.Asking[Any]:
        said = ""
        for at in range(rounds):
            a, b = yield (Question(f"{name}{at}", "A"), Question(f"{name}{at}", "MX"))
            said += a + b
        return said

    engine = asking.side_by_side(counting("x", 2), counting("y", 0), counting("z", 1))
    first: Any = next(engine)
    second: Any = engine.send(tuple(f"{each.name}{each.type} " for each in first))
    assert (len(first), len(second)) == (4, 2)
    with pytest.raises(StopIteration) as ended:
        engine.send(tuple(f"{each.name}{each.type} " for each in second))
    assert ended.value.value == ("x0A x0MX x1A x1MX ", "", "z0A z0MX ")

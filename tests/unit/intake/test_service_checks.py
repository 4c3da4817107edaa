"""Checks that consult services: what an answer means, what a failure means, and how changes are carried out."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.support import steps
from tests.support.smtp_site import QUIET

from hatoba.intake import service_settings
from hatoba.intake.case import Reverse
from hatoba.intake.desk import Desk
from hatoba.intake.filter_settings import Settings
from hatoba.intake.filters import build, facts
from hatoba.message import fields
from hatoba.model import edits, opinion
from hatoba.model.address import Address
from hatoba.model.edits import Edits, FieldEdit
from hatoba.model.envelope import Letter, Recipient, Source
from hatoba.model.opinion import Failed, Filtered, Hooked, Rated, Scanned
from hatoba.model.status import Refusal, Status

NOW = 1_700_000_000_000
MX = Source("mx", "192.0.2.1", 25, "client.example", "TLSv1.3 X")
ALICE = Source("submission", "192.0.2.1", 587, "laptop", "TLSv1.3 X", "alice@example.org")
TEXT = b"From: carol@example.com\r\nSubject: x\r\nX-Old: 1\r\n\r\nbody\r\n"
A, B = "alice@example.org", "bob@example.org"
Services = service_settings.Services
Make = Callable[..., Desk]
Run = Callable[..., Letter]


@pytest.fixture
def run(desk: Make) -> Run:
    """`run(services, answers, …)`: a letter through these checks; `answers`: service → its answer or a function."""

    def take(
        named: Services, answers: dict[str, Any], *,
        to: tuple[str, ...] = (A,), source: Source = MX, text: bytes = TEXT,
        **settings: Any,
    ) -> Letter:  # fmt: skip
        filters = build.build(QUIET, Settings(**settings.pop("filters", {})), hostname="mx.example.org", services=named)
        sender = A if source is ALICE else "carol@example.com"
        transaction = desk(filters=filters, **settings).begin(source, Reverse(Address.parse(sender)), 7, NOW)

        def answer(asked: Any) -> Any:
            found = answers[asked.service]
            return found(facts.question(asked)) if callable(found) else found

        services = dict.fromkeys(("rspamd", "clamd", "milter", "hook"), answer)
        for one in to:
            steps.ended(transaction.recipient(Recipient(Address.parse(one))), services=services)
        letter = steps.ended(transaction.end(text, dotted=False, eightbit=False, now=NOW + 5), services=services)
        assert isinstance(letter, Letter)
        return letter

    return take


def told(letter: Letter) -> list[tuple[str, str, float, str]]:
    assert letter.notes is not None
    return list(letter.notes.verdicts)


def milters(*names: str, **more: Any) -> Services:
    return Services(milter=tuple(service_settings.Milter(name=name, address="/x", **more) for name in names))


RSPAMD = Services(rspamd=service_settings.Rspamd(url="http://x"))
CLAMD = Services(clamd=service_settings.Clamd(address="/x"))
HOOK = Services(hook=(service_settings.Hook(name="h", url="http://x"),))


def rated(action: str, **more: Any) -> Rated:
    return Rated(action, 3.0, 15.0, **more)


@pytest.mark.parametrize(
    ("word", "action"),
    [
        ("no action", "accept"), ("greylist", "accept"), ("add header", "junk"), ("rewrite subject", "junk"),
        ("quarantine", "quarantine"), ("discard", "discard"), ("some word of its own", "accept"),
    ],
)  # fmt: skip
def test_rspamds_words(run: Run, word: str, action: str) -> None:
    letter = run(RSPAMD, {"rspamd": rated(word, symbols=tuple((f"S{n}", 1.0) for n in range(10)))})
    ((check, said, score, reason),) = told(letter)
    assert (check, said, score) == ("rspamd", action, 3.0)
    assert reason.startswith(f"{word}, 3 of 15: S0(1), S1(1)")
    assert reason.endswith(" and 2 more")
    assert letter.notes is not None
    assert bool(letter.notes.hold) == (action == "quarantine")
    assert bool(letter.notes.drop) == (action == "discard")


@pytest.mark.parametrize(
    ("word", "text", "code"), [("reject", "Away", "5.7.1"), ("soft reject", "", "4.7.1"), ("reject", "", "5.7.1")]
)
def test_rspamds_refusals(run: Run, word: str, text: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        run(RSPAMD, {"rspamd": rated(word, text=text)})
    assert refused.value.status.code == code
    assert refused.value.status.text == (text or {"5": "Refused as spam", "4": "Try again later"}[code[0]])


def test_what_rspamd_rejects_may_be_kept(run: Run) -> None:
    kept = Services(rspamd=service_settings.Rspamd(url="http://x", reject="junk", weight=0.5))
    letter = run(kept, {"rspamd": rated("reject")})
    assert told(letter)[0][1:3] == ("junk", 1.5)
    assert b"X-Spam-Flag: YES" in (letter.content or b"")


def test_its_score_counts_with_the_others(run: Run) -> None:
    with pytest.raises(Refusal, match="score 3 of 2"):
        run(RSPAMD, {"rspamd": rated("no action")}, filters={"reject_at": 2.0})
    silent = Services(rspamd=service_settings.Rspamd(url="http://x", weight=0.0))
    assert run(silent, {"rspamd": rated("no action")}, filters={"reject_at": 2.0})


def test_a_rewritten_subject_is_encoded_and_fields_are_changed(run: Run) -> None:
    wanted = Edits((FieldEdit(edits.INSERT, b"X-Bar", b" +++"), FieldEdit(edits.CHANGE, b"X-Old")))
    letter = run(RSPAMD, {"rspamd": rated("rewrite subject", subject="[迷惑] x", edits=wanted)})
    content = letter.content or b""
    assert content.startswith(b"X-Bar: +++\r\n")
    assert b"\r\nSubject: =?utf-8?" in content.lower().replace(b"subject", b"Subject")
    assert b"X-Old" not in content
    assert content.endswith(b"\r\n\r\nbody\r\n")


@pytest.mark.parametrize("named", [RSPAMD, CLAMD, HOOK, milters("m")])
@pytest.mark.parametrize("choice", ["accept", "defer"])
def test_a_failure_is_what_the_setting_says(run: Run, named: Services, choice: str) -> None:
    change: dict[str, Any] = {}
    for table in ("rspamd", "clamd"):
        change[table] = msgspec.structs.replace(getattr(named, table), on_failure=choice)
    for table in ("milter", "hook"):
        change[table] = tuple(msgspec.structs.replace(each, on_failure=choice) for each in getattr(named, table))
    answers = dict.fromkeys(("rspamd", "clamd", "hook h", "milter m"), Failed("it sleeps"))
    if choice == "defer":
        with pytest.raises(Refusal, match=r"4.7.1 A filter cannot be asked now"):
            run(Services(**change), answers)
    else:
        ((_, action, _, reason),) = told(run(Services(**change), answers))
        assert (action, reason) == ("accept", "failed: it sleeps")


def test_viruses_count_against_every_list_and_for_our_own_people(run: Run) -> None:
    both = Services(clamd=CLAMD.clamd, hook=HOOK.hook)
    with pytest.raises(Refusal, match=r"5.7.1 Virus found: Eicar"):
        run(both, {"clamd": Scanned("Eicar"), "hook h": Hooked("allow")})
    with pytest.raises(Refusal, match=r"5.7.1 Virus found: Eicar"):
        run(both, {"clamd": Scanned("Eicar")}, source=ALICE)
    ((check, action, _, reason),) = told(run(CLAMD, {"clamd": Scanned(unscanned="too much for it")}))
    assert (check, action, reason) == ("clamd", "accept", "not asked: too much for it")


def test_a_hook_says_it_all(run: Run) -> None:
    said = Hooked("tag", 1.5, "seen before", None, (("X-A", "1"), ("X-A", "2")), ("x-old",))
    letter = run(HOOK, {"hook h": said})
    assert told(letter) == [("hook h", "tag", 1.5, "seen before")]
    content = letter.content or b""
    assert content.count(b"X-A: ") == 2
    assert b"X-Old" not in content
    with pytest.raises(Refusal, match=r"5.7.9 no"):
        run(HOOK, {"hook h": Hooked("reject", status=Status("5.7.9", "no"))})
    with pytest.raises(Refusal, match=r"4.7.1 Try again later"):
        run(HOOK, {"hook h": Hooked("greylist")})


def filtered(*wanted: FieldEdit, **more: Any) -> Filtered:
    return Filtered("continue", edits=Edits(wanted, **more))


def test_each_milter_sees_what_those_before_it_changed(run: Run) -> None:
    seen: list[opinion.Question] = []

    def second(question: opinion.Question) -> Filtered:
        seen.append(question)
        return filtered(FieldEdit(edits.CHANGE, b"X-Top", b" twice", 1), FieldEdit(edits.ADD, b"X-Last", b" z"))

    first = filtered(
        FieldEdit(edits.INSERT, b"X-Top", b" once", 0),
        FieldEdit(edits.INSERT, b"X-First", b" y", 1),
        FieldEdit(edits.CHANGE, b"Subject", b" changed", 1),
        body=b".dot\r\n\xe6\r\n",
        added=(B,),
        removed=(A,),
        sender="",
    )
    named = milters("one", "two", recipients=False)
    letter = run(named, {"milter one": first, "milter two": second})
    (question,) = seen
    assert (question.sender, question.recipients) == ("", (B,))
    whole = b"".join(question.pieces())
    assert whole == question.block + b"\r\n.dot\r\n\xe6\r\n"
    assert question.size == len(whole)
    assert question.block.startswith(b"X-Top: once\r\nX-First: y\r\nFrom: carol@example.com\r\nSubject: changed\r\n")
    content = letter.content or b""
    assert content.startswith(b"X-Top: twice\r\nReceived: ")
    assert content.endswith(b"X-Old: 1\r\nX-Last: z\r\n\r\n.dot\r\n\xe6\r\n")
    assert letter.envelope.sender is None
    assert [str(each.address) for each in letter.envelope.recipients] == [B]
    assert (letter.dotted, letter.eightbit, letter.size) == (True, True, len(content))


def test_a_milter_that_refuses_ends_the_row(run: Run) -> None:
    with pytest.raises(Refusal, match=r"5.7.1 Refused by a filter"):
        run(milters("one", "two", recipients=False), {"milter one": Filtered("reject")})


def test_a_milter_is_asked_about_each_recipient_where_that_is_wanted(run: Run) -> None:
    asked: list[tuple[str, ...]] = []

    def judge(question: opinion.Question) -> Filtered:
        asked.append(question.recipients)
        refuses = question.recipients == (B,) and not question.size
        return Filtered("reject", Status("5.1.1", "nobody")) if refuses else Filtered("continue")

    with pytest.raises(Refusal, match=r"5.1.1 nobody"):
        run(milters("m"), {"milter m": judge}, to=(A, B))
    assert asked == [(A,), (B,)]
    run(milters("m", recipients=False), {"milter m": judge}, to=(A, B))
    assert asked[2:] == [(A, B)]


def test_a_milter_may_leave_out_our_own_people(run: Run) -> None:
    named = Services(
        milter=(
            service_settings.Milter(name="all", address="/x"),
            service_settings.Milter(name="outside", address="/x", submissions=False),
        )
    )
    letter = run(named, {"milter all": Filtered("continue")}, source=ALICE)
    assert [check for check, *_ in told(letter)] == ["milter all"]


def test_a_letter_that_nobody_is_left_to_get_is_dropped(run: Run) -> None:
    letter = run(milters("m"), {"milter m": filtered(removed=(A,))})
    assert letter.notes is not None
    assert letter.notes.drop == "discarded: milter m: it took every recipient away"
    assert len(letter.envelope.recipients) == 1


@pytest.mark.parametrize("wrong", [{"added": ("no address",)}, {"removed": ("@",)}, {"sender": "x y@z"}])
def test_an_address_that_is_none_is_a_failure(run: Run, wrong: dict[str, Any]) -> None:
    ((_, action, _, reason),) = told(run(milters("m"), {"milter m": filtered(**wrong)}))
    assert action == "accept"
    assert reason.startswith("failed: it asked for an address that is none")


def test_quarantine_by_a_milter_keeps_its_changes(run: Run) -> None:
    wanted = Edits((FieldEdit(edits.ADD, b"X-Why", b" odd"),))
    letter = run(milters("m"), {"milter m": Filtered("quarantine", None, "looks odd", wanted)})
    assert letter.notes is not None
    assert letter.notes.hold == "quarantine: milter m: looks odd"
    assert b"X-Why: odd\r\n\r\nbody" in (letter.content or b"")


def test_large_letters_keep_their_draft_or_get_another(run: Run) -> None:
    text = TEXT + b"line\r\n" * 100
    small = run(milters("m"), {"milter m": filtered(body=b"small\r\n")}, text=text, spill=1000, header=256)
    assert (small.content or b"").endswith(b"\r\n\r\nsmall\r\n")
    large = run(milters("m"), {"milter m": filtered(body=b"L" * 2000)}, text=text, spill=1000, header=256)
    assert large.content is None
    assert large.size == len(large.top) + 2002
    assert large.blob


BLOCK = b"A: 1\r\nB: 2\r\n folded\r\nA: 3\r\n"


@pytest.mark.parametrize(
    ("edit", "above", "block"),
    [
        (FieldEdit(edits.CHANGE, b"a", b" x", 2), b"", b"A: 1\r\nB: 2\r\n folded\r\na: x\r\n"),
        (FieldEdit(edits.CHANGE, b"A", b"", -1), b"", b"A: 1\r\nB: 2\r\n folded\r\n"),
        (FieldEdit(edits.CHANGE, b"A", b"", 0), b"", b"B: 2\r\n folded\r\n"),
        (FieldEdit(edits.CHANGE, b"A", b"", 3), b"", BLOCK),
        (FieldEdit(edits.CHANGE, b"A", b"", -3), b"", BLOCK),
        (FieldEdit(edits.CHANGE, b"B", b" x", 1), b"", b"A: 1\r\nB: x\r\nA: 3\r\n"),
        (FieldEdit(edits.CHANGE, b"C", b" new", 1), b"", BLOCK + b"C: new\r\n"),
        (FieldEdit(edits.INSERT, b"C", b" new", 0), b"C: new\r\n", BLOCK),
        (FieldEdit(edits.INSERT, b"C", b" new", 1), b"", b"C: new\r\n" + BLOCK),
        (FieldEdit(edits.INSERT, b"C", b" new", 2), b"", b"A: 1\r\nC: new\r\nB: 2\r\n folded\r\nA: 3\r\n"),
        (FieldEdit(edits.INSERT, b"C", b" new", 99), b"", BLOCK + b"C: new\r\n"),
    ],
)
def test_one_edit(edit: FieldEdit, above: bytes, block: bytes) -> None:
    assert fields.changed(BLOCK, [edit]) == (above, block)


def test_edits_after_edits_see_what_stands_above() -> None:
    above, block = fields.changed(BLOCK, [FieldEdit(edits.INSERT, b"A", b" 0", 0)])
    assert fields.changed(block, [FieldEdit(edits.CHANGE, b"A", b"", 1)], above) == (b"", BLOCK)
    assert fields.changed(b"A: 1", [FieldEdit(edits.ADD, b"B", b" 2")]) == (b"", b"A: 1\r\nB: 2\r\n")
    assert fields.value(b"no field\r\n") == fields.name(b"no field\r\n") == b""

"""Reports of ours: who gets one, and what it says."""

from collections.abc import Callable

import pytest
from tests.support.reporter import DAY, MONDAY, PUBLISHED, START, Node, attached, kept, parsed, row

from hatoba.mailauth import questions
from hatoba.mailauth.dmarc.aggregate import read as aggregate
from hatoba.mailauth.dmarc.aggregate.form import Published
from hatoba.reports import kinds, leader, made
from hatoba.store import base, tallies

NIGHT = (MONDAY + 1) * DAY + 3_700_000  # past one o'clock
Make = Callable[..., Node]


def test_the_day_after_the_domain_hears(node: Node, register: base.Register) -> None:
    node.judged(row(), row(), row("192.0.2.2", dkim="pass", disposition="none"))
    node.turn()
    node.turn()
    assert node.letters == []  # the day goes on
    node.now = NIGHT
    node.turn()
    (letter,) = node.letters
    assert [str(each.address) for each in letter.envelope.recipients] == ["dmarc@out.example"]
    assert letter.envelope.recipients[0].notify == "NEVER"
    assert str(letter.envelope.sender) == "postmaster@home.example"
    message = parsed(letter)
    (due,) = kept(register, kinds.SENT[kinds.DMARC])
    number = made.read(due.data).number
    assert message["Subject"] == f"Report Domain: out.example Submitter: home.example Report-ID: {number}"
    assert message["From"].addresses[0].addr_spec == "postmaster@home.example"
    assert message["Auto-Submitted"] == "auto-generated"
    name, octets = attached(letter)
    begin, end = MONDAY * 86_400, MONDAY * 86_400 + 86_399
    assert name == f"home.example!out.example!{begin}!{end}!{number}.xml.gz"
    report = aggregate.parse(octets)
    assert (report.org_name, report.email, report.report_id) == ("home.example", "postmaster@home.example", number)
    assert (report.begin, report.end, report.form) == (begin, end, "2.0")
    assert report.published == PUBLISHED
    assert [(each.source_ip, each.count, each.dkim, each.disposition) for each in report.rows] == [
        ("192.0.2.1", 2, "fail", "reject"),
        ("192.0.2.2", 1, "pass", "none"),
    ]
    node.turn()
    assert len(node.letters) == 1
    assert tallies.domains(register.reader, kinds.DMARC, MONDAY) == []


def test_late_letters_have_a_report_of_their_own(node: Node) -> None:
    node.judged(row())
    node.turn()
    node.now = NIGHT
    node.turn()
    node.judged(row("192.0.2.9"), at=START)
    node.turn()
    node.turn()
    first, second = [aggregate.parse(attached(letter)[1]) for letter in node.letters]
    assert first.report_id != second.report_id
    assert [each.source_ip for each in second.rows] == ["192.0.2.9"]


@pytest.mark.parametrize(
    ("record", "wants"),
    [
        (
            [b"v=DMARC1; p=none; rua=mailto:a@out.example,mailto:b@sub.out.example"],
            ["a@out.example", "b@sub.out.example"],
        ),
        ([b"v=DMARC1; p=none"], []),
        ([b"v=spf1 -all"], []),
        ([b"v=DMARC1; p=none; rua=mailto:a@out.example", b"v=DMARC1; p=reject"], []),
        ([b"v=DMARC1; p=none; rua=mailto:a@stranger.example"], []),
        ([b"v=DMARC1; p=none; rua=https://out.example/,mailto:a@out.example"], ["a@out.example"]),
    ],
)
def test_the_record_of_today_says_who_hears(
    node: Node, register: base.Register, record: list[bytes], wants: list[str]
) -> None:
    node.judged(row())
    node.turn()
    node.now = NIGHT
    node.zone["_dmarc.out.example"] = {"TXT": record}
    node.turn()
    assert [str(letter.envelope.recipients[0].address) for letter in node.letters] == wants
    assert tallies.domains(register.reader, kinds.DMARC, MONDAY) == []


def test_a_stranger_hears_only_when_he_agreed(node: Node) -> None:
    node.zone["_dmarc.out.example"] = {
        "TXT": [b"v=DMARC1; p=none; rua=mailto:a@yes.example,mailto:b@no.example,mailto:c@other.example"]
    }
    node.zone["out.example._report._dmarc.yes.example"] = {"TXT": [b"v=DMARC1"]}
    node.zone["out.example._report._dmarc.other.example"] = {"TXT": [b"v=DMARC1; rua=mailto:here@other.example"]}
    node.judged(row())
    node.turn()
    node.now = NIGHT
    node.turn()
    to = {str(letter.envelope.recipients[0].address) for letter in node.letters}
    assert to == {"a@yes.example", "here@other.example"}


def test_a_domain_without_an_answer_is_asked_again(node: Node) -> None:
    node.judged(row())
    node.turn()
    node.now = NIGHT
    good = node.zone["_dmarc.out.example"]
    node.zone["_dmarc.out.example"] = {"TXT": questions.TROUBLE}
    node.turn()
    node.zone["_dmarc.out.example"] = good
    node.turn()
    assert node.letters == []
    node.now += leader.ASIDE + 1
    node.turn()
    assert len(node.letters) == 1


def test_each_configuration_has_its_report(node: Node) -> None:
    other = Published("out.example", "none", discovery_method="psl", pct=50)
    node.judged(row(), row())
    node.judged(row(), published=other)
    node.turn()
    node.now = NIGHT
    node.turn()
    told = [aggregate.parse(attached(letter)[1]) for letter in node.letters]
    assert sorted((each.published.p, each.form, sum(r.count for r in each.rows)) for each in told) == [
        ("none", "1.0", 1),
        ("reject", "2.0", 2),
    ]

"""Reports of ours: who gets one, what it says, and that a crash loses none and doubles none."""

import asyncio
import email
import email.policy
import gzip
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import pytest
from tests.support.reporter import DAY, MONDAY, PUBLISHED, START, Node, row

from hatoba.mailauth import questions
from hatoba.mailauth.dmarc.aggregate import read as aggregate
from hatoba.mailauth.dmarc.aggregate.form import Published
from hatoba.mailauth.tlsrpt import report as tlsrpt
from hatoba.mailauth.tlsrpt import tally
from hatoba.model.envelope import Letter
from hatoba.model.status import Refusal, Status
from hatoba.reports import kinds, leader, made
from hatoba.store import base, reports, tallies
from hatoba.store.rows import ReportRow, TallyRow
from hatoba.store.trouble import StoreTrouble

NIGHT = (MONDAY + 1) * DAY + 3_700_000  # past one o'clock
Make = Callable[..., Node]


def parsed(letter: Letter) -> EmailMessage:
    assert letter.content is not None
    message = email.message_from_bytes(letter.content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def attached(letter: Letter) -> tuple[str, bytes]:
    """(file name, content) of the report in a letter."""
    parts = [part for part in parsed(letter).walk() if part.get_filename()]
    assert len(parts) == 1
    octets = parts[0].get_payload(decode=True)
    assert isinstance(octets, bytes)
    return str(parts[0].get_filename()), octets


def kept(register: base.Register, *kinds_: str) -> list[ReportRow]:
    return reports.listed(register.reader, kinds_, 0, 0)


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


def test_domains_left_out_and_the_hour(make: Make) -> None:
    node = make(omit=("Example",), hour=5)
    node.judged(row())
    node.judged(row(), published=Published("in.test", "none"))
    node.zone["_dmarc.in.test"] = {"TXT": [b"v=DMARC1; p=none; rua=mailto:x@in.test"]}
    node.turn()
    node.now = NIGHT
    node.turn()
    assert node.letters == []
    node.now += 4 * 3_600_000
    node.turn()
    assert [str(letter.envelope.recipients[0].address) for letter in node.letters] == ["x@in.test"]


def test_reports_are_spread_over_their_time(make: Make) -> None:
    node = make(spread=3600.0)
    for n in range(30):
        node.judged(row(), published=Published(f"d{n}.example", "none"))
        node.zone[f"_dmarc.d{n}.example"] = {"TXT": [b"v=DMARC1; p=none; rua=mailto:x@d%d.example" % n]}
    node.turn()
    seen = []
    for minutes in (1, 20, 40, 61):
        node.now = (MONDAY + 1) * DAY + 3_600_000 + minutes * 60_000
        node.turn()
        seen.append(len(node.letters))
    assert seen[-1] == 30
    assert 0 < seen[1] < seen[2] < 30


def test_each_configuration_has_its_report(node: Node) -> None:
    other = Published("out.example", "none", discovery_method="psl", pct=50)
    node.judged(row(), row())
    node.judged(row(), published=other)
    node.turn()
    node.now = NIGHT
    node.turn()
    told = [aggregate.parse(attached(letter)[1]) for letter in node.letters]
    assert [(each.published.p, each.form, sum(r.count for r in each.rows)) for each in told] == [
        ("reject", "2.0", 2),
        ("none", "1.0", 1),
    ]


def test_one_node_of_many_sends(make: Make, register: base.Register) -> None:
    nodes = [make(f"n{n}/0") for n in range(3)]
    nodes[0].judged(*(row(f"192.0.2.{n}") for n in range(5)))
    for node in nodes:
        node.turn()
        node.now = NIGHT
    for _ in range(2):
        for node in nodes:
            node.turn()
    assert sum(len(node.letters) for node in nodes) == 1
    assert len(nodes[0].letters) == 1
    with pytest.raises(ValueError, match="another worker"):
        nodes[1].send(MONDAY)
    asyncio.run(nodes[0].office.close())
    nodes[1].now = nodes[0].now
    assert nodes[1].send(MONDAY) == {"made": 0, "sent": 0, "waiting": 0, "unwanted": 0}


def test_who_dies_leaves_the_lease_after_a_while(make: Make) -> None:
    first, second = make(), make("n2/0")
    first.judged(row())
    first.turn()
    second.now = first.now + leader.LEASE - 1
    with pytest.raises(ValueError, match="another worker"):
        second.send(MONDAY + 1)
    second.now += 2
    assert second.send(MONDAY)["sent"] == 1
    first.now = second.now
    assert first.turn() == 0


def test_a_lost_lease_stops_the_round(make: Make) -> None:
    first, second = make(), make("n2/0")
    first.judged(row())
    first.turn()

    async def slow(letter: Letter) -> None:
        first.letters.append(letter)
        second.now = first.now + leader.LEASE + 1  # the first one hangs for so long that another goes on
        second.judged(row(), published=Published("b.example", "none"))
        await asyncio.to_thread(lambda: second.send(MONDAY + 5))

    first.taken = slow
    first.now = NIGHT
    first.turn()
    assert len(first.letters) == 1


class Killed(BaseException):
    """The process dies here."""


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_between_sending_and_marking_sends_once(make: Make, register: base.Register, after: bool) -> None:
    node = make()
    node.judged(row())
    node.turn()
    node.now = NIGHT

    async def dies(letter: Letter) -> None:
        if after:
            await node.take(letter)
        raise Killed

    node.taken = dies
    with pytest.raises(Killed):
        node.turn()
    (due,) = kept(register, kinds.DUE[kinds.DMARC])
    assert made.read(due.data).begun
    again = make("n2/0")
    again.numbers.next(NIGHT + DAY)
    again.now = NIGHT + leader.LEASE + 1
    again.turn()
    assert len(node.letters) + len(again.letters) == 1
    (sent,) = kept(register, kinds.SENT[kinds.DMARC])
    assert made.read(sent.data).done == ("mailto:dmarc@out.example",)
    assert len(made.read(sent.data).letters) == 1
    again.turn()
    assert len(node.letters) + len(again.letters) == 1


def test_a_crash_while_it_is_made_leaves_the_counts(
    node: Node, register: base.Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.judged(row())
    node.turn()
    node.now = NIGHT

    def dies(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(reports, "put", dies)
        with pytest.raises(Killed):
            node.turn()
    assert tallies.domains(register.reader, kinds.DMARC, MONDAY) == ["out.example"]
    node.turn()
    assert len(node.letters) == 1


@pytest.mark.parametrize("error", [StoreTrouble("full"), Refusal(Status("4.3.2", "no shard"))])
def test_a_queue_that_takes_nothing_is_tried_again(node: Node, register: base.Register, error: Exception) -> None:
    node.judged(row())
    node.turn()
    node.now = NIGHT
    good = node.taken

    async def fails(letter: Letter) -> None:
        raise error

    node.taken = fails
    node.turn()
    (due,) = kept(register, kinds.DUE[kinds.DMARC])
    assert due.at > NIGHT
    node.taken = good
    node.turn()
    assert node.letters == []
    node.now = due.at
    node.turn()
    assert len(node.letters) == 1


def test_a_bug_costs_one_report_some_time_and_no_other(node: Node, register: base.Register) -> None:
    node.judged(row())
    node.judged(row(), published=Published("b.example", "none"))
    node.zone["_dmarc.b.example"] = {"TXT": [b"v=DMARC1; p=none; rua=mailto:x@b.example"]}
    node.turn()
    node.now = NIGHT

    async def fails(letter: Letter) -> None:
        if "out.example" in str(letter.envelope.recipients[0].address):
            raise RuntimeError("a bug")
        node.letters.append(letter)

    node.taken = fails
    node.turn()
    assert [str(each.envelope.recipients[0].address) for each in node.letters] == ["x@b.example"]
    (due,) = kept(register, kinds.DUE[kinds.DMARC])
    assert made.read(due.data).why.startswith("internal error")


def test_sizes_are_heeded(node: Node) -> None:
    node.zone["_dmarc.out.example"] = {
        "TXT": [
            b"v=DMARC1; p=none; rua=mailto:all@out.example!1m,mailto:little@out.example!2k,mailto:none@out.example!1"
        ]
    }
    node.judged(
        *(row(f"198.51.{a}.{b}", envelope_from=f"{a * b * 77777}.example") for a in range(4) for b in range(200))
    )
    node.turn()
    node.now = NIGHT
    node.turn()
    to = {str(letter.envelope.recipients[0].address): letter for letter in node.letters}
    assert sorted(to) == ["all@out.example", "little@out.example"]
    assert len(aggregate.parse(attached(to["all@out.example"])[1]).rows) == 800
    little = attached(to["little@out.example"])[1]
    assert len(little) * 4 / 3 < 2048
    report = aggregate.parse(little)
    assert 0 < len(report.rows) < 800
    assert f"{800 - len(report.rows)} rows about {800 - len(report.rows)} letters are left out" in report.errors[0]


def test_without_an_address_nothing_is_sent_and_nothing_is_lost(make: Make, register: base.Register) -> None:
    node = make(address="no address")
    node.judged(row())
    node.turn()
    node.now = NIGHT
    assert node.turn() == 0
    assert tallies.domains(register.reader, kinds.DMARC, MONDAY) == ["out.example"]
    with pytest.raises(ValueError, match=r"reports\.address"):
        node.send(MONDAY)


def test_in_another_name_and_with_the_null_reverse_path(make: Make) -> None:
    node = make(address="noreply@reports.example", organization="Häfen", contact="https://home.example/dmarc")
    node.judged(row())
    assert node.send(MONDAY) == {"made": 1, "sent": 1, "waiting": 0, "unwanted": 0}
    (letter,) = node.letters
    assert letter.envelope.sender is None  # nobody here would take what comes back
    assert parsed(letter)["From"].addresses[0].display_name == "Häfen"
    report = aggregate.parse(attached(letter)[1])
    assert (report.org_name, report.email) == ("Häfen", "noreply@reports.example")
    assert report.extra_contact_info == "https://home.example/dmarc"
    assert report.end == START // 1000  # the day is not over


def seen(node: Node, register: base.Register, *seen_: tuple[tally.Seen, int], domain: str = "tls.example") -> None:
    rows = [
        TallyRow(kinds.TLS, MONDAY, domain, tally.key(tally.data(one)), count, tally.data(one)) for one, count in seen_
    ]
    register.note(lambda tx: tallies.add(tx, rows))


def test_tls_reports_by_mail(node: Node, register: base.Register) -> None:
    failed = tally.Seen(
        "sts", "tls.example", ("version: STSv1",), ("*.tls.example",), "certificate-expired", "192.0.2.7"
    )
    well = tally.Seen("sts", "tls.example", ("version: STSv1",), ("*.tls.example",))
    seen(node, register, (well, 40), (failed, 2))
    seen(node, register, (tally.Seen("no-policy-found", "b.example"), 1), domain="b.example")
    node.zone["_smtp._tls.tls.example"] = {"TXT": [b"v=TLSRPTv1; rua=mailto:tls@tls.example"]}
    node.turn()
    node.now = NIGHT
    node.turn()
    (letter,) = node.letters
    message = parsed(letter)
    assert message["TLS-Report-Domain"] == "tls.example"
    assert message["TLS-Report-Submitter"] == "home.example"
    assert message["TLS-Required"] == "No"
    assert message.get_content_type() == "multipart/report"
    name, octets = attached(letter)
    begin = MONDAY * 86_400
    report = tlsrpt.parse(octets)
    assert name == f"home.example!tls.example!{begin}!{begin + 86_399}!{report.id}.json.gz"
    (policy,) = report.policies
    assert (policy.successes, policy.failures) == (40, 2)
    assert policy.details == (tlsrpt.Failure("certificate-expired", 2, "192.0.2.7"),)
    assert tallies.domains(register.reader, kinds.TLS, MONDAY) == []


def test_tls_reports_by_https(node: Node, register: base.Register) -> None:
    seen(node, register, (tally.Seen("sts", "tls.example"), 3))
    node.zone["_smtp._tls.tls.example"] = {"TXT": [b"v=TLSRPTv1; rua=https://rua.example/v1,mailto:tls@tls.example"]}
    node.turn()
    node.now = NIGHT
    node.answer = OSError("refused")
    node.turn()
    assert len(node.letters) == 1
    (due,) = kept(register, kinds.DUE[kinds.TLS])
    assert made.read(due.data).done == ("mailto:tls@tls.example",)
    assert "refused" in made.read(due.data).why
    node.answer = 503
    node.now = due.at
    node.turn()
    node.answer = 201
    (due,) = kept(register, kinds.DUE[kinds.TLS])
    assert "503" in made.read(due.data).why
    node.now = due.at
    node.turn()
    assert len(node.letters) == 1
    url, fields, octets = node.posted[-1]
    assert url == "https://rua.example/v1"
    assert fields == {"Content-Type": "application/tlsrpt+gzip"}
    assert tlsrpt.parse_json(gzip.decompress(octets)).policies[0].successes == 3
    (sent,) = kept(register, kinds.SENT[kinds.TLS])
    assert made.read(sent.data).why == ""


def test_what_cannot_be_posted_is_written_off_in_the_end(node: Node, register: base.Register) -> None:
    seen(node, register, (tally.Seen("sts", "tls.example"), 3))
    node.zone["_smtp._tls.tls.example"] = {"TXT": [b"v=TLSRPTv1; rua=https://rua.example/v1"]}
    node.answer = 404
    node.now = NIGHT
    for _ in range(10):
        node.turn()
        node.now += DAY // 4
    assert kept(register, kinds.DUE[kinds.TLS]) == []
    (sent,) = kept(register, kinds.SENT[kinds.TLS])
    assert made.read(sent.data).why == "https://rua.example/v1: the answer was 404"
    assert made.read(sent.data).done == ()


def test_reports_wait_until_every_journal_was_read(make: Make) -> None:
    node = make()
    node.judged(row())
    node.turn()
    shards, node.shards = node.shards, {0: node.shards[0]}  # nobody works shard 1
    node.now = NIGHT
    node.turn()
    assert node.letters == []
    node.shards = shards
    node.turn()
    assert len(node.letters) == 1


def test_they_do_not_wait_for_ever(make: Make) -> None:
    node = make()
    node.judged(row())
    node.turn()
    node.shards = {0: node.shards[0]}
    node.now = NIGHT + leader.LATE
    node.turn()
    assert len(node.letters) == 1


def test_old_counts_and_old_reports_go(node: Node, register: base.Register) -> None:
    node.judged(row())
    node.turn()
    node.now += 5 * DAY
    node.turn()
    assert node.letters == []
    assert tallies.domains(register.reader, kinds.DMARC, MONDAY) == []
    node.judged(row())
    node.send(node.now // DAY)
    assert len(kept(register, kinds.SENT[kinds.DMARC])) == 1
    node.now += 399 * DAY
    node.turn()
    assert len(kept(register, kinds.SENT[kinds.DMARC])) == 1
    node.now += 2 * DAY
    node.turn()
    assert kept(register, kinds.SENT[kinds.DMARC]) == []


def test_what_is_off_is_not_sent(make: Make) -> None:
    node = make(dmarc=False, tls=False)
    with pytest.raises(ValueError, match=r"reports\.dmarc"):
        node.send(MONDAY)

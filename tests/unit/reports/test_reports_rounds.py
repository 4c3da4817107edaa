"""When reports go out, in whose name, how large, how TLS reports go, and what is forgotten."""

import gzip
from collections.abc import Callable

import pytest
from tests.support.reporter import DAY, MONDAY, START, Node, attached, kept, parsed, row

from hatoba.mailauth.dmarc.aggregate import read as aggregate
from hatoba.mailauth.dmarc.aggregate.form import Published
from hatoba.mailauth.tlsrpt import report as tlsrpt
from hatoba.mailauth.tlsrpt import tally
from hatoba.reports import kinds, leader, made
from hatoba.store import base, tallies
from hatoba.store.rows import TallyRow

NIGHT = (MONDAY + 1) * DAY + 3_700_000  # past one o'clock
Make = Callable[..., Node]


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
    assert letter.envelope.tls_optional
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

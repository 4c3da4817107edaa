"""Two hatoba over real sockets: one judges letters in the name of the other's domain, the other reads its report."""

import re
import smtplib
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.support import pg, post
from tests.support.dns_server import DnsServer
from tests.support.node import Node
from tests.support.town import careless, common_port
from tests.support.wait import until

from hatoba.app.places import Places
from hatoba.doors.control import call

SETTINGS = """
[dns]
servers = ["{dns}"]
least_ttl = "0s"
[delivery]
port = {peers}
[auth]
iprev = false
[reports]
dmarc = {sends}
tls = {sends}
spread = "0s"
organization = "{organization}"
[[listener]]
kind = "mx"
address = ["{address}"]
port = {mx}
[[listener]]
kind = "submission"
address = ["127.0.0.1"]
port = {submission}
"""


def node(folder: Path, dns: DnsServer, peers: int, address: str, organization: str, sends: str, **more: Any) -> Node:
    return Node(
        folder, SETTINGS, workers=more.pop("workers", 1),
        ports={"mx": peers if address != "127.0.0.1" else 0, "submission": 0},
        dns=dns.address, peers=peers, address=address, sends=sends, organization=organization, **more,
    )  # fmt: skip


def kept(box: post.Mailbox, folder: Path) -> Path:
    """The letters of a mailbox as files."""
    folder.mkdir()
    for number, octets in enumerate(box.letters()):
        (folder / f"{number}.eml").write_bytes(octets)
    return folder


def read(node_: Node) -> None:
    """What a worker does every few seconds, now."""
    for path in Places(node_.data).controls():
        call.call(path, "report.gather")


def letter(author: str, subject: str) -> bytes:
    return f"From: <{author}>\r\nTo: <alice@home.example>\r\nSubject: {subject}\r\n\r\nHello.\r\n".encode()


NUMBER = re.compile(rb"Report Domain: (\S+)\s+Submitter:\s+\S+\s+Report-ID:\s+(\S+)")
ZONE = {
    "home.example": {"TXT": ['"v=spf1 ip4:127.0.0.0/8 -all"']},
    "_dmarc.home.example": {"TXT": ['"v=DMARC1; p=none"']},
    "out.example": {"TXT": ['"v=spf1 ip4:127.0.0.1 -all"']},
    "_dmarc.out.example": {"TXT": ['"v=DMARC1; p=none; rua=mailto:reports@out.example"']},
    "other.example": {"TXT": ['"v=spf1 -all"']},
    "_smtp._tls.out.example": {"TXT": ['"v=TLSRPTv1; rua=mailto:reports@out.example"']},
    "_dmarc.strict.example": {"TXT": ['"v=DMARC1; p=reject; rua=mailto:reports@out.example"']},
    "strict.example._report._dmarc.out.example": {"TXT": ['"v=DMARC1"']},
    "_dmarc.victim.example": {"TXT": ['"v=DMARC1; p=none; rua=mailto:alice@out.example,mailto:a@nowhere.example"']},
}


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "sqlite":
        yield ""
        return
    name = pg.database()
    yield pg.url(name)
    pg.drop(name)


def test_the_report_arrives_and_says_what_was_counted(tmp_path: Path, database: str) -> None:
    peers = common_port()
    with ExitStack() as open_:
        dns = open_.enter_context(DnsServer({name: dict(types) for name, types in ZONE.items()}))
        dns.zone["out.example"]["MX"] = ["10 mx.out.example."]
        dns.zone["mx.out.example"] = {"A": ["127.0.7.2"]}
        here = node(tmp_path / "here", dns, peers, "127.0.0.1", "Here", "true", workers=2, database=database)
        there = node(tmp_path / "there", dns, peers, "127.0.7.2", "There", "false")
        post.settle_in(here, local=["home.example"], accounts=["alice@home.example"])
        post.settle_in(
            there, local=["out.example", "strict.example"], accounts=["reports@out.example", "alice@out.example"]
        )
        there.cli("report", "address", "reports@out.example")
        open_.enter_context(here)
        open_.enter_context(there)

        _letters(here)
        _outward(here, there)
        done = here.json("report", "send", "--day", "today")
        assert done == {"made": 3, "sent": 3, "waiting": 0, "unwanted": 1}
        box = post.Mailbox(there, "reports@out.example")
        for domain in ("out.example", "strict.example"):
            box.holding(f"Subject: Report Domain: {domain}".encode())
        box.holding(b"TLS-Report-Submitter: home.example")
        read(there)

        told = {each["domain"]: each for each in there.json("report", "summary", "--no-names")["dmarc"]}
        assert set(told) == {"out.example", "strict.example"}
        ours = told["out.example"]
        assert (ours["letters"], ours["passed"], ours["spf"], ours["dkim"]) == (5, 3, 3, 0)
        assert [(each["ip"], each["letters"]) for each in ours["sources"]] == [("127.0.0.1", 5)]
        strict = told["strict.example"]
        assert (strict["letters"], strict["passed"], strict["rejected"]) == (2, 0, 2)
        assert all(each["reporter"] == "Here" for each in there.json("report", "list"))
        assert "no valid DKIM signature" in there.log.read_text()  # home.example publishes no key: RFC 8460 §3
        assert [each["new"] for each in there.json("report", "import", str(kept(box, tmp_path / "kept")))].count(1) == 1
        (tls,) = there.json("report", "summary", "--no-names", "--kind", "tls")["tls"]
        assert (tls["domain"], tls["reports"], tls["failures"]) == ("out.example", 1, 0)
        assert 1 <= tls["successes"] <= 2  # the second letter may have gone over the same connection
        _nobody_else(here, there, dns)


def _outward(here: Node, there: Node) -> None:
    """Two sessions to the other one, over TLS."""
    for number in range(2):
        with post.dial(here.ports["submission"], context=careless()) as client:
            client.login("alice@home.example", post.PASSWORD)
            content = letter("alice@home.example", f"outward {number}")
            post.hand_in(client, "alice@home.example", ["alice@out.example"], content)
        post.Mailbox(there, "alice@out.example").holding(b"outward %d" % number)


def _letters(here: Node) -> None:
    mx = here.ports["mx"]
    for number in range(3):
        post.send(mx, "news@out.example", "alice@home.example", letter("news@out.example", f"{number}"))
    for number in range(2):
        post.send(mx, "x@other.example", "alice@home.example", letter("ceo@out.example", f"forged {number}"))
        with pytest.raises(smtplib.SMTPResponseException):
            post.send(mx, "x@other.example", "alice@home.example", letter("ceo@strict.example", "forged"))
    post.send(mx, "x@other.example", "alice@home.example", letter("ceo@victim.example", "no report about this"))


def _nobody_else(here: Node, there: Node, dns: DnsServer) -> None:
    """The stranger who did not agree got nothing, and no letter is told twice."""
    assert ("victim.example._report._dmarc.nowhere.example", "TXT") in dns.asked
    assert not any(b"Report Domain" in text for text in post.Mailbox(there, "alice@out.example").letters())
    here.json("report", "send", "--day", "today")  # at most of TLS: the letters with DMARC reports were sessions, too
    sent = here.json("report", "list", "--kind", "sent")
    assert {each["state"] for each in sent if each["kind"] == "tls-sent"} == {"mailto:reports@out.example"}
    assert sorted((each["domain"], each["count"], each["state"]) for each in sent if each["kind"] == "dmarc-sent") == [
        ("out.example", 5, "mailto:reports@out.example"),
        ("strict.example", 2, "mailto:reports@out.example"),
    ]
    shown = there.cli(
        "report", "show", there.json("report", "list", "--domain", "out.example", "--kind", "dmarc")[0]["id"]
    )
    assert "127.0.0.1" in shown
    csv = there.cli("report", "summary", "--csv", "--no-names").splitlines()
    assert csv[0] == "kind,domain,source,name,count,bad,dkim,spf"
    assert "dmarc,out.example,127.0.0.1,,5,2,0,3" in csv


def test_a_kill_while_reports_go_out_loses_none(tmp_path: Path) -> None:
    peers = common_port()
    domains = [f"d{number}.example" for number in range(12)]
    with ExitStack() as open_:
        dns = open_.enter_context(DnsServer({}))
        for domain in (*domains, "out.example"):
            dns.zone[f"_dmarc.{domain}"] = {"TXT": ['"v=DMARC1; p=none; rua=mailto:reports@out.example"']}
            dns.zone[f"{domain}._report._dmarc.out.example"] = {"TXT": ['"v=DMARC1"']}
        dns.zone["out.example"] = {"MX": ["10 mx.out.example."]}
        dns.zone["mx.out.example"] = {"A": ["127.0.7.3"]}
        here = node(tmp_path / "here", dns, peers, "127.0.0.1", "Here", "true")
        there = node(tmp_path / "there", dns, peers, "127.0.7.3", "There", "false")
        post.settle_in(here, local=["home.example"], accounts=["alice@home.example"])
        post.settle_in(there, local=["out.example", *domains], accounts=["reports@out.example"])
        there.cli("report", "address", "reports@out.example")
        open_.enter_context(there)
        open_.enter_context(here)
        for domain in domains:
            post.send(here.ports["mx"], f"x@{domain}", "alice@home.example", letter(f"x@{domain}", "hello"))
        box = post.Mailbox(there, "reports@out.example")
        asking = threading.Thread(target=lambda: here.cli("report", "send", "--day", "today", check=False))
        asking.start()
        until(lambda: len(box.letters()) >= 2, "the first reports", every=0.001)
        here.kill()
        asking.join()
        here.start()
        here.cli("report", "send", "--day", "today")
        for domain in domains:
            box.holding(f"Subject: Report Domain: {domain}".encode(), seconds=90)
        read(there)
        told = there.json("report", "summary", "--no-names")["dmarc"]
        assert {each["domain"]: each["letters"] for each in told} == dict.fromkeys(domains, 1)
        numbers = [found for text in box.letters() if (found := NUMBER.findall(text))]
        ids = {(domain, number) for each in numbers for domain, number in each}
        assert len(ids) == len(domains)  # a letter may have come twice, being under way at the death; a report did not
        assert len(numbers) <= 2 * len(domains)

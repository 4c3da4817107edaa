"""DANE's questions: what is asked, what counts as no, and what as trouble."""

import pytest

from hatoba.mailauth import questions
from hatoba.mailauth.questions import Answer, Question
from hatoba.mailauth.tlsa import lookup
from hatoba.mailauth.tlsa.lookup import Dane
from hatoba.mailauth.tlsa.records import Tlsa

EE = (3, 1, 1, bytes(32))
ADDRESS = Answer(("192.0.2.1",), "ok", True)
Zone = dict[tuple[str, str], Answer]


def secure(*records: object) -> Answer:
    return Answer(records, "ok", True)


def discover(zone: Zone, *nexthop: str, port: int = 25) -> tuple[Dane, list[Question]]:
    asked: list[Question] = []

    def look(question: Question) -> Answer:
        asked.append(question)
        return zone.get((question.name, question.type), questions.NODATA)

    return questions.run(lookup.discover("mx.example.org", port, nexthop=nexthop), look), asked


def test_records_of_a_host() -> None:
    found, _ = discover(
        {("mx.example.org", "A"): ADDRESS, ("_25._tcp.mx.example.org", "TLSA"): secure(EE)}, "example.org"
    )
    assert found == Dane("usable", (Tlsa(*EE),), ("mx.example.org", "example.org"), "mx.example.org")


def test_another_port() -> None:
    found, _ = discover(
        {("mx.example.org", "AAAA"): ADDRESS, ("_465._tcp.mx.example.org", "TLSA"): secure(EE)}, port=465
    )
    assert found.state == "usable"


def test_no_record_can_be_used() -> None:
    of: Zone = {("mx.example.org", "A"): ADDRESS, ("_25._tcp.mx.example.org", "TLSA"): secure((1, 0, 1, bytes(32)))}
    assert discover(of)[0].state == "unusable"


@pytest.mark.parametrize("answer", [questions.NODATA, questions.NXDOMAIN, Answer((EE,), "ok", False)])
def test_no_or_insecure_records(answer: Answer) -> None:
    assert (
        discover({("mx.example.org", "A"): ADDRESS, ("_25._tcp.mx.example.org", "TLSA"): answer})[0].state == "absent"
    )


def test_trouble_is_no_no() -> None:
    of: Zone = {("mx.example.org", "A"): ADDRESS, ("_25._tcp.mx.example.org", "TLSA"): questions.TROUBLE}
    assert discover(of)[0].state == "trouble"
    assert discover({("mx.example.org", "A"): questions.TROUBLE})[0].state == "trouble"
    assert discover({})[0].state == "absent"


def test_a_host_with_insecure_addresses_is_not_asked() -> None:
    of: Zone = {("mx.example.org", "A"): ADDRESS, ("mx.example.org", "AAAA"): Answer(("2001:db8::1",), "ok", False)}
    found, asked = discover({**of, ("_25._tcp.mx.example.org", "TLSA"): secure(EE)})
    assert found.state == "absent"
    assert "TLSA" not in [question.type for question in asked]


def test_an_alias_is_followed_and_the_name_itself_comes_second() -> None:
    of: Zone = {("mx.example.org", "A"): ADDRESS, ("mx.example.org", "CNAME"): secure("mail.example.net")}
    found, asked = discover({**of, ("_25._tcp.mail.example.net", "TLSA"): secure(EE)})
    assert (found.state, found.base, found.names) == ("usable", "mail.example.net", ("mail.example.net",))
    found, asked = discover({**of, ("_25._tcp.mx.example.org", "TLSA"): secure(EE)})
    assert found.base == "mx.example.org"
    assert [question.name for question in asked if question.type == "TLSA"] == [
        "_25._tcp.mail.example.net", "_25._tcp.mx.example.org",
    ]  # fmt: skip


def test_a_secure_alias_of_an_insecure_host() -> None:
    of: Zone = {
        ("mx.example.org", "A"): Answer(("192.0.2.1",), "ok", False),
        ("mx.example.org", "CNAME"): secure("mail.example.net"),
        ("_25._tcp.mx.example.org", "TLSA"): secure(EE),
    }
    assert discover(of)[0].base == "mx.example.org"


def test_aliases_in_a_circle() -> None:
    of: Zone = {
        ("mx.example.org", "A"): ADDRESS, ("mx.example.org", "CNAME"): secure("a.example"),
        ("a.example", "CNAME"): secure("mx.example.org"), ("_25._tcp.mx.example.org", "TLSA"): secure(EE),
    }  # fmt: skip
    found, asked = discover(of)
    assert found.state == "usable"
    assert len(asked) < 20

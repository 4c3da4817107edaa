"""Names of clients: those of their address in DNS, and those they greet with."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.support.checks import Scene, refused

from hatoba.intake import filter_tables
from hatoba.intake.filters import reverse
from hatoba.mailauth import questions

Make = Callable[..., Scene]


def names(**weights: Any) -> dict[str, Any]:
    return {"auth": {"iprev": True}, "reverse": filter_tables.Reverse(**weights)}


POINTER = {"1.2.0.192.in-addr.arpa": {"PTR": ["mail.a.example"]}, "mail.a.example": {"A": ["192.0.2.1"]}}


def test_a_client_without_a_name(filtered: Make) -> None:
    assert refused(filtered({}, **names(missing="reject"))) == "5.7.1 Your address 192.0.2.1 has no name in DNS"
    filtered(POINTER, **names(missing="reject")).letter()


def test_a_name_that_leads_elsewhere(filtered: Make) -> None:
    zone = POINTER | {"mail.a.example": {"A": ["192.0.2.99"]}}
    here = filtered(zone, **names(unconfirmed=2.5))
    here.letter()
    assert here.said("reverse unconfirmed") == [("accept", 2.5)]


def test_a_generic_name(filtered: Make) -> None:
    zone = {
        "1.2.0.192.in-addr.arpa": {"PTR": ["192-0-2-1.dyn.isp.example"]},
        "192-0-2-1.dyn.isp.example": {"A": ["192.0.2.1"]},
    }
    assert "192-0-2-1.dyn.isp.example" in refused(filtered(zone, **names(generic="reject")))


@pytest.mark.parametrize(
    ("name", "ip", "generic"),
    [
        ("192-0-2-1.isp.example", "192.0.2.1", True),
        ("1.2.0.192.isp.example", "192.0.2.1", True),
        ("host192x000x002x001.isp.example", "192.0.2.1", True),
        ("c0000201.isp.example", "192.0.2.1", True),
        ("p1234-ipngn.dyn.isp.example", "192.0.2.1", True),
        ("dsl-17.isp.example", "192.0.2.1", True),
        ("2001-0db8-0000-0000-0000-0000-0000-0001.isp.example", "2001:db8::1", True),
        ("mail.a.example", "192.0.2.1", False),
        ("mx1.pool.a.example", "192.0.2.1", True),
        ("mta-17.a.example", "192.0.2.1", False),
        ("mail-ot1-f51.a.example", "209.85.210.51", False),
        ("user.a.example", "192.0.2.1", False),
        ("vm7.compute.cloud.example", "192.0.2.1", True),
    ],
)
def test_generic_names(name: str, ip: str, generic: bool) -> None:
    check = reverse.Check(filter_tables.Reverse(patterns=("*.compute.cloud.example",)))
    assert check.generic(name, ip) is generic


@pytest.mark.parametrize(
    ("finding", "helo"),
    [
        ("helo_bare_ip", "192.0.2.1"),
        ("helo_bare_ip", "2001:db8::1"),
        ("helo_literal", "[192.0.2.7]"),
        ("helo_literal", "[rubbish]"),
        ("helo_short", "localhost"),
        ("helo_short", "WORKGROUP"),
        ("helo_short", ""),
        ("helo_ours", "MX.example.org"),
        ("helo_ours", "example.net"),
        ("helo_unresolved", "nowhere.example"),
    ],
)
def test_greetings(filtered: Make, finding: str, helo: str) -> None:
    zone = {name: {"A": ["203.0.113.9"]} for name in ("mx.example.org", "example.net")}
    zone["a.example"] = {"MX": [(10, "mail.a.example")]}  # type: ignore[list-item] # as the zone of DNS has it
    here = filtered(zone, **names(**{finding: "reject"}))
    assert refused(here, helo=helo).startswith("5.7.1")
    weights = {name: 1.0 for name in filter_tables.Reverse.__struct_fields__ if name.startswith("helo")}
    here = filtered(zone, **names(**weights))
    here.letter(helo=helo)
    assert [v.check for v in here.verdicts if v.score] == [f"reverse {finding}"]
    for good in ("[192.0.2.1]", "a.example"):
        here.letter(helo=good)
        assert [v.check for v in here.verdicts if v.score] == []


def test_a_greeting_that_dns_does_not_answer_about_is_no_finding(filtered: Make) -> None:
    here = filtered({"x.example": {"A": questions.TROUBLE}}, **names(helo_unresolved="reject"))
    here.letter(helo="x.example")

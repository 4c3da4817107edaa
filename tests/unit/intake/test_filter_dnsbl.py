"""DNS lists: reversed names, weights by answer, domains, and lists that have gone wrong."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.support.checks import Scene, refused

from hatoba.intake import filter_settings, filter_tables
from hatoba.intake.filters import dnsbl
from hatoba.mailauth import questions
from hatoba.model.status import Refusal

Make = Callable[..., Scene]


def bl(zone: str = "bl.example", **words: Any) -> dict[str, Any]:
    return {"dnsbl": (filter_tables.Dnsbl(zone, **words),)}


@pytest.mark.parametrize(
    ("ip", "name"),
    [
        ("192.0.2.1", "1.2.0.192"),
        ("::ffff:192.0.2.1", "1.2.0.192"),
        ("2001:db8::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"),
        ("nonsense", ""),
    ],
)
def test_reversed_names(ip: str, name: str) -> None:
    assert dnsbl.reversed_name(ip) == name


def test_a_listed_client_is_refused(filtered: Make) -> None:
    zone = {"1.2.0.192.bl.example": {"A": ["127.0.0.2"]}}
    assert refused(filtered(zone, **bl())) == "5.7.1 192.0.2.1 is listed at bl.example"
    assert refused(filtered(zone, **bl(text="{ip}: see https://{zone}"))) == "5.7.1 192.0.2.1: see https://bl.example"
    filtered(zone, **bl()).letter(ip="192.0.2.2")


def test_an_ipv6_client_is_listed_by_nibbles(filtered: Make) -> None:
    zone = {f"{dnsbl.reversed_name('2001:db8::1')}.bl.example": {"A": ["127.0.0.2"]}}
    assert "is listed at" in refused(filtered(zone, **bl()), ip="2001:db8::1")


def test_codes_have_their_own_weights(filtered: Make) -> None:
    code = filter_tables.Code
    codes = (code("127.0.0.2", 4.0, "spammer"), code("127.0.0.10/31", 1.5, "dynamic"), code("127.0.0.99", "off"))
    zone = {"1.2.0.192.bl.example": {"A": ["127.0.0.2", "127.0.0.11", "127.0.0.99", "127.0.0.50"]}}
    here = filtered(zone, **bl(code=codes, weight=0.25))
    here.letter()
    assert sorted(here.said("dnsbl bl.example")) == [("accept", 0.25), ("accept", 1.5), ("accept", 4.0)]
    assert any("spammer" in verdict.reason for verdict in here.verdicts)


def test_a_list_of_good_ones_speaks_for_them(filtered: Make) -> None:
    zone = {"1.2.0.192.good.example": {"A": ["127.0.5.2"]}}
    here = filtered(zone, **bl("good.example", weight=-3.0))
    here.letter()
    assert here.said("dnsbl good.example") == [("accept", -3.0)]


def test_whom_a_list_of_good_ones_lets_in_nobody_else_judges(filtered: Make) -> None:
    zone = {"1.2.0.192.good.example": {"A": ["127.0.5.3"]}, "1.2.0.192.bl.example": {"A": ["127.0.0.2"]}}
    good = filter_tables.Dnsbl("good.example", weight=-1.0, code=(filter_tables.Code("127.0.5.3", "allow"),))
    here = filtered(zone, dnsbl=(filter_tables.Dnsbl("bl.example"), good))
    here.letter()
    assert here.said("dnsbl good.example") == [("allow", 0.0)]


@pytest.mark.parametrize(
    ("answers", "note"),
    [
        (["127.255.255.254"], "it does not serve us"),
        (["127.255.255.252"], "it does not serve us"),
        (["203.0.113.80"], "is no answer of a list"),
        (questions.TROUBLE, "no answer from the list"),
    ],
)
def test_complaints_and_nonsense_list_nobody(filtered: Make, answers: Any, note: str) -> None:
    here = filtered({"1.2.0.192.bl.example": {"A": answers}}, **bl())
    here.letter()
    assert here.said("dnsbl bl.example") == [("accept", 0.0)]
    assert note in here.verdicts[0].reason


def test_a_list_that_has_everybody_is_not_believed(filtered: Make) -> None:
    """Its domain was let go and somebody answers every name: RFC 5782 §5 says 127.0.0.1 is never listed."""
    zone = {f"{name}.bl.example": {"A": ["127.0.0.2"]} for name in ("1.2.0.192", "1.0.0.127")}
    here = filtered(zone, **bl())
    here.letter()
    assert "has everybody" in here.verdicts[0].reason


@pytest.mark.parametrize(
    ("look", "source", "name"),
    [
        ("sender", {"sender": "x@bad.example"}, "bad.example"),
        ("helo", {"helo": "Bad.Example."}, "bad.example"),
    ],
)
def test_lists_of_domains(filtered: Make, look: str, source: dict[str, str], name: str) -> None:
    zone = {f"{name}.dbl.example": {"A": ["127.0.1.2"]}}
    assert refused(filtered(zone, **bl("dbl.example", look=look)), **source) == f"5.7.1 {name} is listed at dbl.example"
    filtered(zone, **bl("dbl.example", look=look)).letter()


def test_the_clients_confirmed_name_is_looked_up(filtered: Make) -> None:
    zone = {
        "1.2.0.192.in-addr.arpa": {"PTR": ["host.bad.example"]},
        "host.bad.example": {"A": ["192.0.2.1"]},
        "host.bad.example.dbl.example": {"A": ["127.0.1.2"]},
    }
    told = refused(filtered(zone, {"iprev": True}, **bl("dbl.example", look="ptr")))
    assert told == "5.7.1 host.bad.example is listed at dbl.example"


@pytest.mark.parametrize(
    "source", [{"sender": ""}, {"helo": "[192.0.2.1]"}, {"helo": "localhost"}, {"helo": "x" * 250}]
)
def test_what_no_list_of_domains_is_asked(filtered: Make, source: dict[str, Any]) -> None:
    look = "sender" if "sender" in source else "helo"
    here = filtered(**bl("dbl.example", look=look))
    here.letter(**source)
    assert here.answers.asked == []


def test_a_list_for_some_domains(filtered: Make) -> None:
    here = filtered({"1.2.0.192.bl.example": {"A": ["127.0.0.2"]}}, **bl(domains=("example.net",)))
    here.letter()
    assert refused(here, to=["x@example.net"]).startswith("5.7.1")


def test_points_count_once_for_a_letter_to_many(filtered: Make) -> None:
    here = filtered({"1.2.0.192.bl.example": {"A": ["127.0.0.2"]}}, **bl(weight=6.0))
    here.letter(to=["alice@example.org", "bob@example.org", "x@example.net"])
    assert here.said("dnsbl bl.example") == [("accept", 6.0)]


def test_codes_that_are_none() -> None:
    with pytest.raises(ValueError, match="300"):
        dnsbl.Check(filter_tables.Dnsbl("bl.example", code=(filter_tables.Code("127.0.0.300", 1.0),)))


def test_points_said_before_refuse_the_recipient_who_wants_less(filtered: Make) -> None:
    """What is said of both alike counts once, but each is judged by the thresholds of its own domain."""
    strict = filter_settings.Domain("example.net", reject_at=5.0)
    here = filtered({"1.2.0.192.bl.example": {"A": ["127.0.0.2"]}}, domain=(strict,), **bl(weight=6.0))
    transaction = here.begin()
    here.rcpt(transaction, "bob@example.org")
    with pytest.raises(Refusal, match="score 6 of 5"):
        here.rcpt(transaction, "x@example.net")
    here.rcpt(transaction, "alice@example.org")
    assert here.said("dnsbl bl.example") == [("accept", 6.0)]

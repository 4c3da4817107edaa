"""Checks of the envelope: lists, DNS lists, names of clients and rates, each as a letter meets it at the desk."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.checks import NOW, Answers, Scene

from hatoba.directory import listing, listings
from hatoba.intake import filter_settings, filter_tables
from hatoba.intake.desk import Desk
from hatoba.intake.filters import build, dnsbl, rate, reverse
from hatoba.mailauth import questions
from hatoba.model.status import Refusal
from hatoba.net.limits import SharedCounters

Make = Callable[..., Scene]
PASSES = {"a.example": {"TXT": [b"v=spf1 ip4:192.0.2.0/24 -all"]}}


@pytest.fixture
def counters() -> Iterator[SharedCounters]:
    import os

    made = SharedCounters.create(2)
    yield made
    made.close()
    os.close(made.fd)


@pytest.fixture
def scene(desk: Callable[..., Desk], counters: SharedCounters) -> Make:
    """A desk with these tables of [filter]; `auth` is [auth], `zone` what DNS holds."""

    def make(zone: Any = None, auth: dict[str, Any] | None = None, **tables: Any) -> Scene:
        quiet: dict[str, Any] = {"spf": "off", "dkim": False, "arc": False, "dmarc": "off", "iprev": False}
        filters = build.build(
            filter_settings.Auth(**(quiet | (auth or {}))),
            filter_settings.Settings(**tables),
            hostname="mx.example.org",
            counters=counters,
        )
        return Scene(desk(filters=filters), Answers(zone))

    return make


def refused(scene: Scene, **words: Any) -> str:
    with pytest.raises(Refusal) as caught:
        scene.letter(**words)
    return str(caught.value.status)


# lists


def lists(*deny: str, allow: tuple[str, ...] = (), proof: Any = "none") -> dict[str, Any]:
    return {"lists": filter_tables.Lists(allow=allow, deny=deny, proof=proof)}


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("192.0.2.0/24", "5.7.1 Your network is not welcome here"),
        ("helo:mail.a.example", "5.7.1 Your host is not welcome here"),
        (".example", "5.7.1 This sender is not welcome here"),
        ("recipient:bob@example.org", "5.7.1 This recipient takes no mail"),
    ],
)
def test_who_is_denied_is_refused(scene: Make, entry: str, told: str) -> None:
    assert refused(scene(**lists(entry))) == told


def test_a_list_of_the_directory_holds_at_once(scene: Make) -> None:
    here = scene()
    directory = here.desk._place.directory
    here.letter()
    entry = listing.parse("deny", "192.0.2.1", note="spam of Monday")
    listings.add(directory, [entry])
    assert refused(here) == "5.7.1 Your network is not welcome here"
    assert "spam of Monday" in here.verdicts[-1].reason if here.verdicts else True
    listings.remove(directory, [entry])
    here.letter()


def test_allow_goes_before_deny_and_before_all_else(scene: Make) -> None:
    zone = {"1.2.0.192.bl.example": {"A": ["127.0.0.2"]}}
    here = scene(zone, dnsbl=(filter_tables.Dnsbl("bl.example"),), **lists("a.example", allow=("192.0.2.1",)))
    here.letter()
    assert here.said("lists") == [("allow", 0.0)]
    assert here.answers.asked == []  # nobody was asked about it


def test_an_allowed_sender_needs_proof(scene: Make) -> None:
    tables = lists("192.0.2.0/24", allow=("ann@a.example",), proof="spf")
    assert refused(scene(auth={"spf": "tag"}, **tables)).startswith("5.7.1")
    scene(PASSES, auth={"spf": "tag"}, **tables).letter()
    scene(**lists("192.0.2.0/24", allow=("ann@a.example",), proof="none")).letter()


def test_a_domain_decides_for_itself(scene: Make) -> None:
    here = scene(**lists(allow=("192.0.2.1",)))
    listings.add(here.desk._place.directory, [listing.parse("deny", "192.0.2.0/24", "example.org")])
    assert refused(here) == "5.7.1 Your network is not welcome here"
    here.letter(to=["x@example.net"])


def test_allowed_and_checked_recipients_part(scene: Make) -> None:
    here = scene()
    listings.add(here.desk._place.directory, [listing.parse("allow", "a.example", "example.net")])
    here = scene(**lists(proof="none"))
    here.desk._place.directory.refresh(0)
    transaction = here.begin()
    here.rcpt(transaction, "x@example.net")
    with pytest.raises(Refusal, match=r"4\.5\.3"):
        here.rcpt(transaction, "bob@example.org")
    here.rcpt(transaction, "y@example.net")
    other = here.begin()
    here.rcpt(other, "bob@example.org")
    with pytest.raises(Refusal, match=r"4\.5\.3"):
        here.rcpt(other, "x@example.net")


def test_our_own_people_are_not_on_these_lists(scene: Make) -> None:
    scene(**lists("192.0.2.1")).letter(sender="alice@example.org", account="alice@example.org")


# DNS lists


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


def test_a_listed_client_is_refused(scene: Make) -> None:
    zone = {"1.2.0.192.bl.example": {"A": ["127.0.0.2"]}}
    assert refused(scene(zone, **bl())) == "5.7.1 192.0.2.1 is listed at bl.example"
    assert refused(scene(zone, **bl(text="{ip}: see https://{zone}"))) == "5.7.1 192.0.2.1: see https://bl.example"
    scene(zone, **bl()).letter(ip="192.0.2.2")


def test_an_ipv6_client_is_listed_by_nibbles(scene: Make) -> None:
    zone = {f"{dnsbl.reversed_name('2001:db8::1')}.bl.example": {"A": ["127.0.0.2"]}}
    assert "is listed at" in refused(scene(zone, **bl()), ip="2001:db8::1")


def test_codes_have_their_own_weights(scene: Make) -> None:
    code = filter_tables.Code
    codes = (code("127.0.0.2", 4.0, "spammer"), code("127.0.0.10/31", 1.5, "dynamic"), code("127.0.0.99", "off"))
    zone = {"1.2.0.192.bl.example": {"A": ["127.0.0.2", "127.0.0.11", "127.0.0.99", "127.0.0.50"]}}
    here = scene(zone, **bl(code=codes, weight=0.25))
    here.letter()
    assert sorted(here.said("dnsbl bl.example")) == [("accept", 0.25), ("accept", 1.5), ("accept", 4.0)]
    assert any("spammer" in verdict.reason for verdict in here.verdicts)


def test_a_list_of_good_ones_speaks_for_them(scene: Make) -> None:
    zone = {"1.2.0.192.good.example": {"A": ["127.0.5.2"]}}
    here = scene(zone, **bl("good.example", weight=-3.0))
    here.letter()
    assert here.said("dnsbl good.example") == [("accept", -3.0)]


@pytest.mark.parametrize(
    ("answers", "note"),
    [
        (["127.255.255.254"], "it does not serve us"),
        (["127.255.255.252"], "it does not serve us"),
        (["203.0.113.80"], "is no answer of a list"),
        (questions.TROUBLE, "no answer from the list"),
    ],
)
def test_complaints_and_nonsense_list_nobody(scene: Make, answers: Any, note: str) -> None:
    here = scene({"1.2.0.192.bl.example": {"A": answers}}, **bl())
    here.letter()
    assert here.said("dnsbl bl.example") == [("accept", 0.0)]
    assert note in here.verdicts[0].reason


def test_a_list_that_has_everybody_is_not_believed(scene: Make) -> None:
    """Its domain was let go and somebody answers every name: RFC 5782 §5 says 127.0.0.1 is never listed."""
    zone = {f"{name}.bl.example": {"A": ["127.0.0.2"]} for name in ("1.2.0.192", "1.0.0.127")}
    here = scene(zone, **bl())
    here.letter()
    assert "has everybody" in here.verdicts[0].reason


@pytest.mark.parametrize(
    ("look", "source", "name"),
    [
        ("sender", {"sender": "x@bad.example"}, "bad.example"),
        ("helo", {"helo": "Bad.Example."}, "bad.example"),
    ],
)
def test_lists_of_domains(scene: Make, look: str, source: dict[str, str], name: str) -> None:
    zone = {f"{name}.dbl.example": {"A": ["127.0.1.2"]}}
    assert refused(scene(zone, **bl("dbl.example", look=look)), **source) == f"5.7.1 {name} is listed at dbl.example"
    scene(zone, **bl("dbl.example", look=look)).letter()


def test_the_clients_confirmed_name_is_looked_up(scene: Make) -> None:
    zone = {
        "1.2.0.192.in-addr.arpa": {"PTR": ["host.bad.example"]},
        "host.bad.example": {"A": ["192.0.2.1"]},
        "host.bad.example.dbl.example": {"A": ["127.0.1.2"]},
    }
    told = refused(scene(zone, {"iprev": True}, **bl("dbl.example", look="ptr")))
    assert told == "5.7.1 host.bad.example is listed at dbl.example"


@pytest.mark.parametrize(
    "source", [{"sender": ""}, {"helo": "[192.0.2.1]"}, {"helo": "localhost"}, {"helo": "x" * 250}]
)
def test_what_no_list_of_domains_is_asked(scene: Make, source: dict[str, str]) -> None:
    look = "sender" if "sender" in source else "helo"
    here = scene(**bl("dbl.example", look=look))
    here.letter(**source)
    assert here.answers.asked == []


def test_a_list_for_some_domains(scene: Make) -> None:
    here = scene({"1.2.0.192.bl.example": {"A": ["127.0.0.2"]}}, **bl(domains=("example.net",)))
    here.letter()
    assert refused(here, to=["x@example.net"]).startswith("5.7.1")


def test_points_count_once_for_a_letter_to_many(scene: Make) -> None:
    here = scene({"1.2.0.192.bl.example": {"A": ["127.0.0.2"]}}, **bl(weight=6.0))
    here.letter(to=["alice@example.org", "bob@example.org", "x@example.net"])
    assert here.said("dnsbl bl.example") == [("accept", 6.0)]


def test_codes_that_are_none() -> None:
    with pytest.raises(ValueError, match="300"):
        dnsbl.Check(filter_tables.Dnsbl("bl.example", code=(filter_tables.Code("127.0.0.300", 1.0),)))


# names of clients


def names(**weights: Any) -> dict[str, Any]:
    return {"auth": {"iprev": True}, "reverse": filter_tables.Reverse(**weights)}


POINTER = {"1.2.0.192.in-addr.arpa": {"PTR": ["mail.a.example"]}, "mail.a.example": {"A": ["192.0.2.1"]}}


def test_a_client_without_a_name(scene: Make) -> None:
    assert refused(scene({}, **names(missing="reject"))) == "5.7.1 Your address 192.0.2.1 has no name in DNS"
    scene(POINTER, **names(missing="reject")).letter()


def test_a_name_that_leads_elsewhere(scene: Make) -> None:
    zone = POINTER | {"mail.a.example": {"A": ["192.0.2.99"]}}
    here = scene(zone, **names(unconfirmed=2.5))
    here.letter()
    assert here.said("reverse unconfirmed") == [("accept", 2.5)]


def test_a_generic_name(scene: Make) -> None:
    zone = {
        "1.2.0.192.in-addr.arpa": {"PTR": ["192-0-2-1.dyn.isp.example"]},
        "192-0-2-1.dyn.isp.example": {"A": ["192.0.2.1"]},
    }
    assert "192-0-2-1.dyn.isp.example" in refused(scene(zone, **names(generic="reject")))


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
def test_greetings(scene: Make, finding: str, helo: str) -> None:
    zone = {name: {"A": ["203.0.113.9"]} for name in ("mx.example.org", "example.net")}
    zone["a.example"] = {"MX": [(10, "mail.a.example")]}  # type: ignore[list-item] # as the zone of DNS has it
    here = scene(zone, **names(**{finding: "reject"}))
    assert refused(here, helo=helo).startswith("5.7.1")
    weights = {name: 1.0 for name in filter_tables.Reverse.__struct_fields__ if name.startswith("helo")}
    here = scene(zone, **names(**weights))
    here.letter(helo=helo)
    assert [v.check for v in here.verdicts if v.score] == [f"reverse {finding}"]
    for good in ("[192.0.2.1]", "a.example"):
        here.letter(helo=good)
        assert [v.check for v in here.verdicts if v.score] == []


def test_a_greeting_that_dns_does_not_answer_about_is_no_finding(scene: Make) -> None:
    here = scene({"x.example": {"A": questions.TROUBLE}}, **names(helo_unresolved="reject"))
    here.letter(helo="x.example")


# rates


def limits(*entries: filter_tables.Rate) -> dict[str, Any]:
    return {"rate": entries}


RATE = filter_tables.Rate


def test_more_than_a_minute_may_have(scene: Make) -> None:
    here = scene(**limits(RATE("ip", minute=2)))
    here.now = NOW // 60_000 * 60_000
    here.letter()
    here.letter()
    told = refused(here)
    assert told.startswith("4.7.1 Too many recipients for your network, 2 per minute: try again in ")
    here.letter(ip="192.0.2.2")
    here.now += 60_000 + 59_000  # the window slides: nearly all of it has left
    here.letter()


def test_the_time_told_is_enough(scene: Make) -> None:
    here = scene(**limits(RATE("sender", hour=3)))
    here.now = NOW // 3_600_000 * 3_600_000 + 1000
    for _ in range(3):
        here.letter()
    seconds = int(refused(here).split("try again in ")[1].split()[0])
    here.now += seconds * 1000
    here.letter()


@given(current=st.integers(0, 50), former=st.integers(0, 50), into=st.integers(0, 59_999), most=st.integers(1, 40))
def test_waiting_so_long_is_enough_and_hardly_more(current: int, former: int, into: int, most: int) -> None:
    share = 1 - into / 60_000
    if current + former * share < most:
        return
    seconds = rate.wait(current, former, share, most, 60)

    def then(after: float) -> float:
        at = into / 1000 + after
        if at < 60:
            return current + former * (1 - at / 60)
        return current * max(0.0, 1 - (at - 60) / 60)

    assert then(seconds) < most
    assert seconds <= 2 or then(seconds - 2) >= most


@pytest.mark.parametrize(
    ("per", "other"),
    [
        ("sender", {"sender": "eve@a.example"}),
        ("ip", {"ip": "192.0.2.2"}),
        ("network", {"ip": "192.0.3.1"}),
        ("domain", {"to": ["x@example.net"]}),
    ],
)
def test_each_has_a_count_of_its_own(scene: Make, per: Any, other: dict[str, Any]) -> None:
    here = scene(**limits(RATE(per, day=1)))
    here.letter()
    assert refused(here).startswith("4.7.1 Too many recipients")
    here.letter(**other)


def test_an_account_is_counted_wherever_it_sends_from(scene: Make) -> None:
    here = scene(**limits(RATE("account", hour=1)))
    here.letter(sender="alice@example.org", account="alice@example.org")
    told = refused(here, sender="alice@example.org", account="alice@example.org", ip="198.51.100.1")
    assert told.startswith("4.7.1 Too many recipients of this account, 1 per hour")
    here.letter(sender="bob@example.org", account="bob@example.org")
    here.letter()


def test_one_ipv6_network_is_one_client(scene: Make) -> None:
    here = scene(**limits(RATE("ip", hour=1)))
    here.letter(ip="2001:db8::1")
    assert refused(here, ip="2001:db8::2").startswith("4.7.1")
    here.letter(ip="2001:db8:0:1::1")


@pytest.mark.parametrize(
    ("match", "counted", "free"),
    [
        (("ann@a.example",), {"sender": "ANN@a.example"}, {"sender": "bob@a.example"}),
        ((".a.example",), {"sender": "ann@x.a.example"}, {"sender": "ann@b.example"}),
        (("a.example",), {"sender": "ann@a.example"}, {"sender": "ann@x.a.example"}),
    ],
)
def test_exceptions(scene: Make, match: tuple[str, ...], counted: dict[str, str], free: dict[str, str]) -> None:
    here = scene(**limits(RATE("sender", hour=1), RATE("sender", match, hour=2)))
    here.letter(**counted)
    here.letter(**counted)
    assert refused(here, **counted).startswith("4.7.1")
    here.letter(**free)
    assert refused(here, **free).startswith("4.7.1")


def test_a_network_without_a_limit(scene: Make) -> None:
    here = scene(**limits(RATE("ip", hour=1), RATE("ip", ("192.0.2.0/28",))))
    for _ in range(5):
        here.letter()
    here.letter(ip="192.0.2.200")
    assert refused(here, ip="192.0.2.200").startswith("4.7.1")


def test_every_recipient_counts_and_refused_ones_do_not(scene: Make) -> None:
    here = scene(**limits(RATE("ip", hour=2)), **lists("recipient:bob@example.org"))
    transaction = here.begin()
    for _ in range(3):
        with pytest.raises(Refusal):
            here.rcpt(transaction, "bob@example.org")
    here.rcpt(transaction, "alice@example.org")
    here.rcpt(transaction, "x@example.net")
    with pytest.raises(Refusal, match="Too many recipients"):
        here.rcpt(transaction, "y@example.net")


def test_bounces_have_no_sender_to_count(scene: Make) -> None:
    here = scene(**limits(RATE("sender", hour=1)))
    here.letter(sender="")
    here.letter(sender="")


def test_a_look_counts_nothing(counters: SharedCounters, scene: Make) -> None:
    check = rate.Check([RATE("ip", hour=1)], counters, counting=False)
    here = scene(**limits(RATE("ip", hour=1)))
    transaction = here.begin()
    for _ in range(5):
        assert check.at_recipient(transaction._case, _recipient()) == ()
    here.letter()
    (verdict,) = check.at_recipient(transaction._case, _recipient())
    assert verdict.action == "defer"


def _recipient() -> Any:
    from hatoba.model.address import Address
    from hatoba.model.envelope import Recipient

    return Recipient(Address("bob", "example.org"))


@pytest.mark.parametrize("entry", [RATE("ip", ("example.org",)), RATE("sender", ("a b",))])
def test_entries_that_are_none(entry: filter_tables.Rate, counters: SharedCounters) -> None:
    with pytest.raises(ValueError, match=r"."):
        rate.Check([entry], counters)

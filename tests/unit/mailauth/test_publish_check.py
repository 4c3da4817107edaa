"""What the DNS has held against what it should have: each fault is named with its reason, and nothing else is."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.support import signed
from tests.support import zone as zones
from tests.unit.mailauth.test_publish_expected import ED, FACTS, RSA

from hatoba.mailauth import questions
from hatoba.mailauth.dkim import keys, published
from hatoba.mailauth.publish import check
from hatoba.mailauth.publish.facts import Facts, Finding, KeyFact
from hatoba.mailauth.questions import TROUBLE, Answer, Question

Zone = dict[str, dict[str, Any]]
IP6 = "1." + "0." * 23 + "8.b.d.0.1.0.0.2.ip6.arpa"
HOST: dict[str, Any] = {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]}
TLSA = (3, 1, 1, bytes(range(32)))


def good() -> Zone:
    """A zone that has all that FACTS asks for."""
    return {
        "example.org": {
            "MX": [(10, "mx.example.org"), (20, "mx2.example.org")],
            "TXT": [b"v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 include:_spf.example.com ~all", b"something else"],
        },
        "_spf.example.com": {"TXT": [b"v=spf1 ip4:198.51.100.0/24 -all"]},
        "mx.example.org": dict(HOST),
        "mx2.example.org": dict(HOST),
        "1.2.0.192.in-addr.arpa": {"PTR": ["mx.example.org"]},
        IP6: {"PTR": ["mx.example.org"]},
        "1-rsa._domainkey.example.org": {"TXT": [RSA.record.encode()]},
        "1-e._domainkey.example.org": {"TXT": [ED.record.encode()]},
        "_dmarc.example.org": {"TXT": [b"v=DMARC1; p=reject; rua=mailto:postmaster@example.org"]},
        "_mta-sts.example.org": {"TXT": [b"v=STSv1; id=20260101"]},
        "mta-sts.example.org": dict(HOST),
        "_smtp._tls.example.org": {"TXT": [b"v=TLSRPTv1; rua=mailto:postmaster@example.org"]},
        "_submissions._tcp.example.org": {"SRV": [(5, 0, 465, "mx.example.org")]},
        "autoconfig.example.org": dict(HOST),
        "autodiscover.example.org": dict(HOST),
        "_25._tcp.mx.example.org": {"TLSA": [(3, 1, 1, b"older"), TLSA]},
        "_25._tcp.mx2.example.org": {"TLSA": [TLSA]},
    }


def findings(zone: Zone, facts: Facts = FACTS) -> list[Finding]:
    return questions.run(check.check(facts), zones.look(zone, secure=True))


def test_a_good_zone_has_no_fault() -> None:
    told = findings(good())
    assert [(each.topic, each.name, each.why) for each in told if each.state != "ok"] == []
    assert not any(each.matters for each in told)
    assert [each.weight for each in told] == sorted(
        (each.weight for each in told), key=["needed", "advised", "optional"].index
    )


def test_an_empty_zone_lacks_everything() -> None:
    told = findings({})
    assert {each.state for each in told} == {"missing"}
    assert all(each.why for each in told)
    assert any(each.matters for each in told)


def test_a_dns_that_does_not_answer_is_no_missing_record() -> None:
    class Silent(dict[str, dict[str, Any]]):
        def get(self, name: str, default: Any = None) -> Any:
            return dict.fromkeys(("A", "AAAA", "TXT", "MX", "PTR", "SRV", "TLSA", "CNAME"), TROUBLE)

    told = questions.run(check.check(FACTS), zones.look(Silent()))
    assert {each.state for each in told if each.topic not in ("autoconfig",)} == {"trouble"}


Change = Callable[[Zone], None]


def txt(name: str, *texts: bytes) -> Change:
    def change(zone: Zone) -> None:
        zone.setdefault(name, {})["TXT"] = list(texts)

    return change


def has(name: str, **types: Any) -> Change:
    def change(zone: Zone) -> None:
        zone[name] = types

    return change


SPF, DMARC = "example.org", "_dmarc.example.org"


@pytest.mark.parametrize(
    ("topic", "change", "state", "why"),
    [
        ("spf", txt(SPF, b"v=spf1 ip4:192.0.2.1 -all"), "differs", "does not include 2001:db8::1"),
        ("spf", txt(SPF, b"v=spf1 mx -all", b"v=spf1 mx ~all"), "differs", "2 SPF records"),
        ("spf", txt(SPF, b"v=spf1 mx +all"), "differs", "+all lets everybody send"),
        ("spf", txt(SPF, b"v=spf1 mx all"), "differs", "all lets everybody send"),
        ("spf", txt(SPF, b"v=spf1 mx ?all"), "weak", "?all says nothing"),
        ("spf", txt(SPF, b"v=spf1 mx"), "weak", "nothing about anybody else"),
        ("spf", txt(SPF, b"v=spf1 mx bad:mechanism -all"), "differs", "cannot read it"),
        ("spf", txt(SPF, b"v=spf1 " + b"a:mx.example.org " * 11 + b"-all"), "ok", ""),
        ("spf", txt(SPF, b"v=spf1 " + b"include:_spf.example.com " * 11 + b"mx -all"), "differs", "more than 10 terms"),
        ("spf", txt(SPF, b"v=spf1 " + b"include:_spf.example.com " * 8 + b"mx -all"), "weak", "9 of the 10 look-ups"),
        ("spf", txt(SPF, b"something else"), "missing", "no SPF record"),
        ("dmarc", txt(DMARC, b"v=DMARC1; p=none; rua=mailto:x@example.org"), "weak", "p=none"),
        ("dmarc", txt(DMARC, b"v=DMARC1; p=reject; pct=10; rua=mailto:x@example.org"), "weak", "a part of the letters"),
        ("dmarc", txt(DMARC, b"v=DMARC1; p=reject"), "weak", "nobody gets reports"),
        ("dmarc", txt(DMARC, b"v=DMARC1; p=rejct"), "differs", "cannot read it"),
        ("dmarc", txt(DMARC, b"v=DMARC1; p=reject", b"v=DMARC1; p=none"), "differs", "several records"),
        ("mx", has("example.org", MX=[(10, "mx.example.net")]), "differs", "go elsewhere"),
        ("mx", has("example.org", MX=[(0, "")]), "differs", "takes no mail"),
        ("mx", has("example.org", MX=[(10, "mx.example.org"), (20, "old.example")]), "weak", "old.example"),
        ("address", has("mx.example.org", CNAME=["x.example"], A=["192.0.2.1"]), "differs", "an alias of x.example"),
        ("address", has("mx2.example.org", A=["203.0.113.9"]), "differs", "another machine"),
        ("address", has("mx2.example.org", A=["192.0.2.1", "203.0.113.9"]), "weak", "203.0.113.9"),
        ("ptr", has("1.2.0.192.in-addr.arpa", PTR=["pool-1.isp.example"]), "differs", "does not lead back"),
        ("ptr", has("1.2.0.192.in-addr.arpa", PTR=["mx2.example.org"]), "weak", "we greet as mx.example.org"),
        ("mta-sts", has("mta-sts.example.org"), "differs", "nobody gets the policy"),
        ("mta-sts", txt("_mta-sts.example.org", b"v=STSv1; id=!"), "differs", "cannot be read"),
        ("tls-rpt", txt("_smtp._tls.example.org", b"v=TLSRPTv1; rua=mailto:x@example.net"), "weak", "elsewhere"),
        ("srv", has("_submissions._tcp.example.org", SRV=[(0, 1, 465, "old.example")]), "differs", "elsewhere"),
        ("tlsa", has("_25._tcp.mx.example.org", TLSA=[(3, 1, 1, b"old")]), "differs", "do not deliver"),
        ("tlsa", has("_25._tcp.mx.example.org", TLSA=Answer((TLSA,), "ok", False)), "weak", "not signed"),
    ],
)  # fmt: skip
def test_one_fault(topic: str, change: Change, state: str, why: str) -> None:
    zone = good()
    change(zone)
    faults = [each for each in findings(zone) if each.state != "ok"]
    if state == "ok":
        assert faults == []
        return
    (fault,) = [each for each in faults if each.topic == topic]
    assert (fault.state, why in fault.why) == (state, True), fault
    assert fault.matters == (fault.weight == "needed" and state != "weak")


def test_the_record_to_paste_keeps_what_stands_there() -> None:
    zone = good()
    zone["example.org"]["TXT"] = [b"v=spf1 ip4:192.0.2.1 include:_spf.example.com +all"]
    (fault,) = [each for each in findings(zone) if each.topic == "spf"]
    assert fault.expected[0].text == "v=spf1 ip6:2001:db8::1 ip4:192.0.2.1 include:_spf.example.com ~all"
    zone["example.org"]["TXT"] = [fault.expected[0].text.encode()]
    assert [each.topic for each in findings(zone) if each.state != "ok"] == []


def test_a_parent_record_holds_for_a_subdomain() -> None:
    zone = good() | {"_dmarc.example.org": {"TXT": [b"v=DMARC1; p=reject; sp=none; rua=mailto:x@example.org"]}}
    facts = Facts(domain="news.example.org", mx=("mx.example.org",), helo="mx.example.org", keys=(RSA,))
    (fault,) = [each for each in findings(zone, facts) if each.topic == "dmarc"]
    assert (fault.state, fault.why[:15]) == ("weak", "at example.org,")
    zone["_dmarc.example.org"]["TXT"] = [b"v=DMARC1; p=reject; rua=mailto:x@example.org"]
    (fine,) = [each for each in findings(zone, facts) if each.topic == "dmarc"]
    assert (fine.state, fine.why) == ("ok", "inherited from example.org")


def test_addresses_come_from_the_hosts_where_nobody_says_them() -> None:
    facts = Facts(domain="example.org", mx=FACTS.mx, helo="mx.example.org", keys=(RSA,), tls_rua=FACTS.tls_rua)
    told = findings(good(), facts)
    assert [each.name for each in told if each.topic == "ptr"] == ["1.2.0.192.in-addr.arpa", IP6]
    assert [each.topic for each in told if each.state not in ("ok",)] == []


def test_without_a_key_in_use_it_says_what_to_do() -> None:
    facts = Facts(domain="example.org", mx=("mx.example.org",), helo="mx.example.org")
    (fault,) = [each for each in findings(good(), facts) if each.topic == "dkim"]
    assert (fault.state, fault.fix, fault.matters) == ("missing", "Run: hatoba dkim new example.org", True)


OTHER = keys.record(signed.rsa_key(1024)).encode()


@pytest.mark.parametrize(
    ("texts", "state", "why"),
    [
        ([RSA.record.encode()], "ok", ""),
        ([RSA.record.replace("v=DKIM1; k=rsa; ", "").encode()], "ok", ""),
        ([], "missing", "not published"),
        ([OTHER], "differs", "another key"),
        ([RSA.record.encode(), OTHER], "differs", "2 records"),
        ([b"v=DKIM1; k=rsa; p="], "differs", "revoked"),
        ([b"v=DKIM1; k=rsa; p=AAAA"], "differs", "cannot be read"),
        ([RSA.record.replace("k=rsa;", "k=rsa; t=y;").encode()], "differs", "t=y"),
        ([RSA.record.replace("k=rsa;", "k=rsa; s=other;").encode()], "differs", "not for mail"),
        ([RSA.record.replace("k=rsa;", "k=rsa; h=sha1;").encode()], "differs", "SHA-256"),
        (TROUBLE, "trouble", "no answer"),
    ],
)
def test_a_key_record(texts: Any, state: str, why: str) -> None:
    look = zones.look({"s._domainkey.example.org": {"TXT": texts}})
    found = questions.run(published.look("example.org", "s", RSA.record), look)
    assert (found.state, why in found.why) == (state, True), found


def test_findings_for_programs() -> None:
    (spf,) = [each for each in check.as_values(findings({})) if each["topic"] == "spf"]
    assert (spf["name"], spf["state"], spf["matters"]) == ("example.org", "missing", True)
    assert spf["expected"][0]["type"] == "TXT"  # type: ignore[index]  # a list of records


def asked(zone: Zone) -> list[Question]:
    seen: list[Question] = []
    look = zones.look(zone, secure=True)

    def noting(question: Question) -> Answer:
        seen.append(question)
        return look(question)

    questions.run(check.check(FACTS), noting)
    return seen


def test_only_names_the_dns_can_carry_are_asked() -> None:
    for question in asked(good()):
        assert question.name == question.name.lower().rstrip(".")
        assert question.name.isascii()


def test_key_states_are_explained() -> None:
    for state, part in (
        ("signing", "cannot be verified"),
        ("waiting", "once it is published"),
        ("retiring", "under way"),
    ):
        facts = Facts(domain="example.org", mx=(), helo="mx.example.org", keys=(KeyFact("x", RSA.record, state), ED))
        fault = next(each for each in findings(good(), facts) if each.name.startswith("x."))
        assert part in fault.why

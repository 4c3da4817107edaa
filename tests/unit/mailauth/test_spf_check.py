"""check_host: what each mechanism, modifier, limit and trouble makes of a letter."""

import pytest
from tests.support import zone
from tests.support.policies import HELO, IP, Names, ask, policy

from hatoba.mailauth import questions
from hatoba.mailauth.questions import TROUBLE, Answer, Question
from hatoba.mailauth.spf import check
from hatoba.mailauth.spf.settings import Settings


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("v=spf1 ip4:192.0.2.0/24 -all", "pass"),
        ("v=spf1 ip4:198.51.100.0/24 -all", "fail"),
        ("v=spf1 ip4:198.51.100.0/24 ~all", "softfail"),
        ("v=spf1 ip4:198.51.100.0/24 ?all", "neutral"),
        ("v=spf1 ip4:198.51.100.0/24", "neutral"),
        ("v=spf1", "neutral"),
        ("v=spf1 -ip4:192.0.2.25 +all", "fail"),
        ("v=spf1 ip6:: -all", "permerror"),
        ("v=spf1 ip6:::/0 -all", "fail"),
        ("v=spf1 +all nonsense", "permerror"),
        ("v=spf1 ?all redirect=other.example", "neutral"),
        (b"v=spf1 +all \xc3\xa9", "permerror"),
    ],
)
def test_the_first_match_decides(text: str | bytes, wanted: str) -> None:
    assert ask(policy(text)).result == wanted


def test_the_result_tells_what_decided() -> None:
    found = ask(policy("v=spf1 a ~all", own={"A": ["198.51.100.1"]}))
    assert (found.identity, found.domain, found.term, found.lookups) == ("mailfrom", "example.org", "~all", 1)
    broken = ask(policy("v=spf1 wrong"))
    assert "wrong" in broken.why
    assert broken.why.isascii()


@pytest.mark.parametrize("sender", ["user@none.example", "user@[192.0.2.1]", "user@a..b", "user@" + "x" * 64 + ".org"])
def test_no_policy_or_no_domain_is_none(sender: str) -> None:
    assert ask(policy("v=spf1 -all"), sender).result == "none"


def test_texts_of_other_kinds_do_not_count_and_two_policies_do() -> None:
    own = {"TXT": [b"google=1", b"v=spf10 -all", b"\xff", b"v=spf1 +all"]}
    assert ask({"example.org": own}).result == "pass"
    own["TXT"].append(b"V=SPF1")
    assert ask({"example.org": own}).result == "permerror"


def test_trouble_with_the_first_record_is_temperror() -> None:
    found = ask({"example.org": {"TXT": TROUBLE}})
    assert found.result == "temperror"
    assert "example.org" in found.why


def test_a_and_mx_with_prefixes_and_other_names() -> None:
    hosts: Names = {
        "web.example": {"A": ["192.0.2.99"], "AAAA": ["2001:db8:0:1::1"]},
        "example.org": {"MX": [(10, "web.example"), (20, "")]},
    }

    def say(text: str, ip: str = IP) -> str:
        return ask({**hosts, "example.org": hosts["example.org"] | {"TXT": [text.encode()]}}, ip=ip).result

    assert say("v=spf1 a:web.example -all", "192.0.2.99") == "pass"
    assert say("v=spf1 a:web.example -all") == "fail"
    assert say("v=spf1 a:web.example/24 -all") == "pass"
    assert say("v=spf1 a:web.example/24//64 -all", "2001:db8:0:1::ff") == "pass"
    assert say("v=spf1 a:web.example/24//64 -all", "2001:db8:0:2::ff") == "fail"
    assert say("v=spf1 a:web.example/0 -all", "203.0.113.1") == "pass"
    assert say("v=spf1 mx -all", "192.0.2.99") == "pass"
    assert say("v=spf1 mx/24 -all") == "pass"
    assert say("v=spf1 mx//48 -all", "2001:db8::1") == "pass"
    assert say("v=spf1 mx:web.example -all") == "fail"  # no MX: its own address does not stand in


def test_an_address_mapped_into_ipv6_is_ipv4_and_a_zone_is_nothing() -> None:
    assert ask(policy("v=spf1 ip4:192.0.2.25 -all"), ip="::ffff:192.0.2.25").result == "pass"
    assert ask(policy("v=spf1 ip6:::ffff:0:0/96 -all"), ip="::ffff:192.0.2.25").result == "fail"
    assert ask(policy("v=spf1 ip6:fe80::/10 -all"), ip="fe80::1%eth0").result == "pass"


def test_include_says_yes_to_pass_alone() -> None:
    for inner, wanted in {
        "+all": "pass", "-all": "softfail", "~all": "softfail", "?all": "softfail", "": "softfail", "zzz": "permerror",
    }.items():  # fmt: skip
        names = policy("v=spf1 include:in.example ~all", in__example={"TXT": [f"v=spf1 {inner}".encode()]})
        assert ask(names).result == wanted, inner
    assert ask(policy("v=spf1 include:in.example ~all")).result == "permerror"
    assert ask(policy("v=spf1 include:in.example ~all", in__example={"TXT": TROUBLE})).result == "temperror"
    assert ask(policy("v=spf1 include:in..example +all")).result == "permerror"


def test_redirect_takes_the_place_and_the_domain() -> None:
    other = {"TXT": [b"v=spf1 a:%{d} -all"], "A": [IP]}
    assert ask(policy("v=spf1 redirect=other.example", other__example=other)).result == "pass"
    assert ask(policy("v=spf1 ?ip4:192.0.2.25 redirect=other.example", other__example=other)).result == "neutral"
    assert ask(policy("v=spf1 redirect=other.example")).result == "permerror"
    assert ask(policy("v=spf1 redirect=other.example", other__example={"TXT": TROUBLE})).result == "temperror"


def test_exists_asks_for_ipv4_whatever_the_client_has() -> None:
    names = policy("v=spf1 exists:%{ir}.%{v}.%{l1r+}._spf.%{o} -all")
    name = "1." + "0." * 23 + "8.b.d.0.1.0.0.2.ip6.user._spf.example.org"
    assert ask({**names, name: {"A": ["127.0.0.2"]}}, "user+tag@example.org", "2001:db8::1").result == "pass"
    assert ask({**names, name: {"AAAA": ["::2"]}}, "user+tag@example.org", "2001:db8::1").result == "fail"


def test_ptr_needs_a_name_that_leads_back_and_fits() -> None:
    back = "25.2.0.192.in-addr.arpa"
    own = policy("v=spf1 ptr -all", mx__example__org={"A": [IP]}, liar__example__org={"A": ["198.51.100.1"]})
    assert ask({**own, back: {"PTR": ["mx.example.org"]}}).result == "pass"
    assert ask({**own, back: {"PTR": ["liar.example.org"]}}).result == "fail"
    assert ask({**own, back: {"PTR": ["notexample.org"]}, "notexample.org": {"A": [IP]}}).result == "fail"
    assert ask({**own, back: {"PTR": TROUBLE}}).result == "fail"
    assert ask({**own, back: {"PTR": ["mx.example.org"]}, "mx.example.org": {"A": TROUBLE}}).result == "fail"
    crowd = [f"h{number}.example" for number in range(10)]
    assert ask({**own, back: {"PTR": [*crowd, "mx.example.org"]}}).result == "fail"
    assert ask({**own, back: {"PTR": [*crowd[1:], "mx.example.org"]}}).result == "pass"


def test_the_p_macro_prefers_the_domain_then_names_below_it() -> None:
    back = {"25.2.0.192.in-addr.arpa": {"PTR": ["far.example", "x.example.org", "example.org"]}}
    hosts = {name: {"A": [IP]} for name in ("far.example", "x.example.org")}
    names = policy("v=spf1 exists:%{p}.%{d}.ok.example -all")
    for present, wanted in (
        (hosts, "x.example.org"),
        ({"far.example": {"A": [IP]}}, "far.example"),
        ({}, "unknown"),
        ({**hosts, "example.org": names["example.org"] | {"A": [IP]}}, "example.org"),
    ):
        good = {f"{wanted}.example.org.ok.example": {"A": ["127.0.0.2"]}}
        assert ask({**names, **back, **present, **good}).result == "pass", wanted


def chain(length: int) -> Names:
    names = {f"i{at}.example": {"TXT": [f"v=spf1 include:i{at + 1}.example -all".encode()]} for at in range(length)}
    return {**names, f"i{length}.example": {"TXT": [b"v=spf1 +all"]}}


def test_ten_terms_ask_the_dns_and_no_more() -> None:
    assert ask({**policy("v=spf1 include:i0.example -all"), **chain(9)}).result == "pass"
    over = ask({**policy("v=spf1 include:i0.example -all"), **chain(10)})
    assert over.result == "permerror"
    assert "10" in over.why
    wide = policy("v=spf1 " + "a " * 10 + "+all", own={"A": ["198.51.100.1"]})
    assert ask(wide).result == "pass"
    wide["example.org"]["TXT"] = [b"v=spf1 " + b"a " * 11 + b"+all"]
    assert ask(wide).result == "permerror"
    many = policy("v=spf1 " + "ip4:10.0.0.1 ip6:::1 " * 300 + "+all")
    assert ask(many).result == "pass"


@pytest.mark.parametrize("term", ["include:example.org", "redirect=example.org", "include:%{d}"])
def test_circles_end(term: str) -> None:
    assert ask(policy(f"v=spf1 {term}")).result == "permerror"


def test_void_look_ups_end_it_at_the_third_or_as_set() -> None:
    names = policy("v=spf1 a:v1.example exists:v2.example +all")
    found = ask(names)
    assert (found.result, found.voids) == ("pass", 2)
    names = policy("v=spf1 a:v1.example exists:v2.example mx:v3.example +all")
    assert ask(names).result == "permerror"
    assert ask(names, settings=Settings(void_lookups=3)).result == "pass"
    assert ask(policy("v=spf1 a:v1.example +all"), settings=Settings(void_lookups=0)).result == "permerror"


def test_a_term_is_void_once_however_many_mail_hosts_lack_an_address() -> None:
    hosts = [(at, f"mx{at}.example") for at in range(5)]
    names = policy("v=spf1 mx +all", own={"MX": hosts}) | {host: {"A": ["198.51.100.1"]} for _, host in hosts}
    found = ask(names, ip="2001:db8::1")
    assert (found.result, found.voids) == ("pass", 1)


def test_names_that_cannot_be_asked_for_do_not_exist() -> None:
    asked: list[Question] = []

    def look(question: Question) -> Answer:
        asked.append(question)
        return zone.look(policy("v=spf1 a:x..example a:%{h}.example exists:" + "y" * 64 + ".example +all"))(question)

    found = questions.run(check.mail_from(IP, "user@example.org", 'we"ird\\'), look)
    assert found.result == "pass"
    assert found.voids == 0
    assert asked == [Question("example.org", "TXT")]


def test_more_than_ten_mail_hosts_is_permerror() -> None:
    hosts = [(at, f"mx{at}.example") for at in range(11)]
    names = policy("v=spf1 mx +all", own={"MX": hosts}) | {host: {"A": [IP]} for _, host in hosts}
    assert ask(names).result == "permerror"
    names["example.org"]["MX"] = hosts[:10]
    assert ask(names).result == "pass"


def test_trouble_behind_the_mail_host_that_matches_is_no_matter() -> None:
    own = {"MX": [(1, "one.example"), (2, "two.example")]}
    good, bad = {"A": [IP]}, {"A": TROUBLE}
    assert ask(policy("v=spf1 mx -all", own=own, one__example=good, two__example=bad)).result == "pass"
    assert ask(policy("v=spf1 mx -all", own=own, one__example=bad, two__example=good)).result == "temperror"


def test_mail_hosts_are_asked_for_together() -> None:
    own = {"MX": [(1, "one.example"), (2, "two.example"), (3, "one.example"), (4, "")]}
    engine = check.mail_from(IP, "user@example.org", HELO)
    look = zone.look(policy("v=spf1 mx -all", own=own))
    assert next(engine) == (Question("example.org", "TXT"),)
    assert engine.send((look(Question("example.org", "TXT")),)) == (Question("example.org", "MX"),)
    hosts = engine.send((look(Question("example.org", "MX")),))
    assert hosts == (Question("one.example", "A"), Question("two.example", "A"))
    with pytest.raises(StopIteration) as end:
        engine.send((TROUBLE, Answer((IP,))))
    assert end.value.value.result == "temperror"


def test_a_huge_record_is_not_read() -> None:
    names = policy("v=spf1 +all " + "x=y " * 5000)
    assert ask(names).result == "permerror"
    assert ask(names, settings=Settings(record_octets=65535)).result == "pass"


def test_the_null_sender_is_the_postmaster_of_the_helo_name() -> None:
    names: Names = {"mail.example.net": {"TXT": [b"v=spf1 exists:%{l}.%{o}.%{d}.%{h} -all"]}}
    names["postmaster.mail.example.net.mail.example.net.mail.example.net"] = {"A": ["127.0.0.2"]}
    found = ask(names, "")
    assert (found.result, found.identity, found.domain) == ("pass", "helo", "mail.example.net")
    assert questions.run(check.helo(IP, HELO), zone.look(names)) == found


@pytest.mark.parametrize("helo", ["[192.0.2.25]", "WORKSTATION", "", "a..b", "-"])
def test_a_helo_that_is_no_domain_is_none_unasked(helo: str) -> None:
    with pytest.raises(StopIteration) as end:
        next(check.helo(IP, helo))
    assert end.value.value.result == "none"


def test_a_sender_without_local_part_is_the_postmaster() -> None:
    names = policy("v=spf1 -all exp=why.example", why__example={"TXT": [b"%{s}"]})
    assert ask(names, "@example.org").explanation == "postmaster@example.org"


def test_domains_in_u_labels_and_capitals_are_asked_for_in_a_labels() -> None:
    names: Names = {"xn--r8jz45g.xn--zckzah": {"TXT": [b"v=spf1 exists:%{d}.%{o}.ok.example -all"]}}
    names["xn--r8jz45g.xn--zckzah.xn--r8jz45g.xn--zckzah.ok.example"] = {"A": ["127.0.0.2"]}
    found = ask(names, "user@例え.テスト")
    assert (found.result, found.domain) == ("pass", "xn--r8jz45g.xn--zckzah")
    assert ask(policy("v=spf1 +all"), "user@EXAMPLE.Org.").result == "pass"


@pytest.mark.parametrize("domain", ["a\u200db.example", "\u2024.example", "é" * 64 + ".example", "-é.example"])
def test_a_domain_that_has_no_a_labels_is_none_unasked(domain: str) -> None:
    with pytest.raises(StopIteration) as end:
        next(check.mail_from(IP, f"user@{domain}", HELO))
    assert end.value.value.result == "none"


def test_the_names_of_the_client_are_asked_for_once() -> None:
    asked: list[Question] = []

    def look(question: Question) -> Answer:
        asked.append(question)
        names = policy("v=spf1 ptr:x.example ptr:mx.x.example exists:%{p}.ok.example -all")
        names["25.2.0.192.in-addr.arpa"] = {"PTR": ["mx.x.example"]}
        return zone.look(names)(question)

    assert questions.run(check.mail_from(IP, "user@example.org", HELO), look).result == "fail"
    assert [question.type for question in asked] == ["TXT", "PTR", "A", "A"]


def test_a_local_part_beyond_ascii_matches_no_term_that_holds_it() -> None:
    other = {"TXT": [b"v=spf1 +all"]}
    for text, wanted in {
        "exists:%{l}.ok.example -all": "fail",
        "a:%{S}.example.org -all": "fail",
        "include:%{l}.example.org -all": "fail",
        "redirect=%{l}.example.org": "neutral",
        "exists:%{o}.ok.example -all": "pass",
    }.items():
        names = policy(f"v=spf1 {text}") | {"example.org.ok.example": {"A": ["127.0.0.2"]}, "x.example": other}
        assert ask(names, "送信@example.org").result == wanted, text


def test_rubbish_instead_of_an_address_is_the_callers_fault() -> None:
    with pytest.raises(ValueError, match="does not appear"):
        ask(policy("v=spf1 +all"), ip="localhost")

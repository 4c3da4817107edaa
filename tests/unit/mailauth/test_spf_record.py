"""SPF records: every rule of the grammar, from both sides."""

import pytest

from hatoba.mailauth.spf import record
from hatoba.mailauth.spf.record import BadRecord, Term


def read(text: str) -> record.Record:
    return record.parse(text.encode())


def test_a_whole_record() -> None:
    found = read("V=SPF1 A MX/24 -mx:mail.example.org//64  ?include:_spf.example.net ~ALL Exp=e.example moo=%{d}/x=1 ")
    assert [(term.qualifier, term.mechanism) for term in found.terms] == [
        ("pass", "a"), ("pass", "mx"), ("fail", "mx"), ("neutral", "include"), ("softfail", "all"),
    ]  # fmt: skip
    assert found.terms[1].bits4 == 24
    assert found.terms[2].bits6 == 64
    assert found.terms[2].text == "-mx:mail.example.org//64"
    assert found.exp is not None
    assert found.redirect is None
    assert found.unknown == ("moo=%{d}/x=1",)


def test_networks_become_numbers() -> None:
    four, six, host = read("v=spf1 ip4:192.0.2.77/24 ip6:2001:db8::ffff/32 ip6:::ffff:192.0.2.1").terms
    assert four == Term("ip4:192.0.2.77/24", "pass", "ip4", None, 24, 128, 0xC00002)
    assert (six.bits6, six.network) == (32, 0x20010DB8)
    assert host.network == 0xFFFFC0000201


@pytest.mark.parametrize(
    "term",
    [
        "all", "+all", "a", "a/0", "a//0", "a/32//128", "a:example.org", "a:example.org/24//64", "a:%{d}/8", "a:x.%{h}",
        "a:example.org.", "a:foo:8080.example", "a:foo/bar.example/24", "a:x.museum", "a:x.xn--p1ai", "a:x.a1",
        "a:x.1a-2", "mx", "mx:x.example/0", "ptr", "ptr:example.org", "include:%{l}._spf.%{d2}",
        "exists:%{ir}.x.example", "ip4:0.0.0.0/0", "ip4:255.255.255.255", "iP4:192.0.2.1",
        "ip6:::/0", "ip6:1:2:3:4:5:6:7:8/128", "ip6:::192.0.2.1/96", "redirect=_spf.example.org", "exp=why.%{d}", "x=",
        "x.y-z_0=%%", "default=+", "accredit=", "ALL",
    ],
)  # fmt: skip
def test_what_is_a_term(term: str) -> None:
    read(f"v=spf1 {term}")


@pytest.mark.parametrize(
    "term",
    [
        "all:x.example", "all/24", "all.", "-", "moo", "moo:x.example", "=x", "1up=x", "-redirect=x.example", "re/x=y",
        "redirect:x.example", "redirect=", "redirect=x", "exp=", "exp=-all", "x=%", "x=%{z}", "x=ü", "x=\t", "\tall",
        "a:", "a:/24", "a/", "a/33", "a/032", "a/+8", "a//129", "a//064", "a/24/64", "a///64", "a/24//", "a:x", "a:x.1",
        "a:x.-y", "a:x.y-", "a:x.y_z", "a:x.example/", "a:x.example/33", "a:%{d}x", "a:x.%{c}", "a:x%", "a.b", "a=b c",
        "mx:", "mx/24:x.example", "ptr/24", "ptr:", "ptr:x.example/24", "include", "include:", "include/24", "exists",
        "exists:", "exists:x.example/24", "ip4", "ip4:", "ip4/24", "ip4:1.2.3", "ip4:1.2.3.4.5", "ip4:1.2.3.256",
        "ip4:1.2.3.04", "ip4:1.2.3.4/33", "ip4:1.2.3.4/08", "ip4:1.2.3.4//24", "ip4:1.2.3.4:25", "ip4:1.2.3.4/",
        "ip6", "ip6:", "ip6:1.2.3.4", "ip6:::1/129", "ip6:::1//64", "ip6:fe80::1%eth0", "ip6:1::2::3", "ip6:::1/064",
        "a:x.example\n", "all\r", "−all", "a:x..", "++all",
    ],
)  # fmt: skip
def test_what_spoils_the_whole_record(term: str) -> None:
    with pytest.raises(BadRecord) as caught:
        read(f"v=spf1 +all {term}")
    assert str(caught.value).isascii()


@pytest.mark.parametrize("text", ["", "v=spf2", "v=spf10", "v=spf1-all", " v=spf1", "v=spf1\tall", "spf2.0/pra all"])
def test_what_is_no_spf_record(text: str) -> None:
    assert record.choose([text.encode()]) == []
    with pytest.raises(BadRecord):
        read(text)


def test_modifiers_stand_once_wherever_they_stand() -> None:
    assert read("v=spf1 redirect=a.example ip4:192.0.2.1").redirect is not None
    assert len(read("v=spf1 x=1 x=2 x=1").unknown) == 3
    for twice in ("redirect=a.example redirect=a.example", "exp=a.example EXP=b.example"):
        with pytest.raises(BadRecord, match="twice"):
            read(f"v=spf1 {twice}")


def test_bad_records_are_bad_again_when_they_are_remembered() -> None:
    record.forget()
    for _ in range(2):
        with pytest.raises(BadRecord, match="neither"):
            read("v=spf1 nonsense")
    assert read("v=spf1 -all") is read("v=spf1 -all")


def test_long_records_are_read_and_not_kept() -> None:
    text = "v=spf1 " + " ".join(f"ip4:10.{number}.0.0/16" for number in range(256)) + " -all"
    assert len(read(text).terms) == 257
    assert read(text) is not read(text)

"""The records that follow from the facts, and that they say to their readers what they should."""

import dns.rdatatype
import dns.zone
from hypothesis import given
from hypothesis import strategies as st
from tests.support import signed

from hatoba.mailauth import mtasts
from hatoba.mailauth.dkim import keys
from hatoba.mailauth.dmarc import record as dmarc
from hatoba.mailauth.publish import check, expected, zone
from hatoba.mailauth.publish.facts import Facts, KeyFact, Service
from hatoba.mailauth.spf import record as spf
from hatoba.mailauth.tlsrpt import record as tlsrpt

RSA, ED = (
    KeyFact("1-rsa", keys.record(signed.rsa_key()), "signing"),
    KeyFact("1-e", keys.record(signed.ed25519_key()), "waiting"),
)
FACTS = Facts(
    domain="example.org",
    mx=("mx.example.org", "mx2.example.org"),
    helo="mx.example.org",
    addresses=("192.0.2.1", "2001:db8::1"),
    keys=(RSA, ED, KeyFact("0-rsa", RSA.record, "retired")),
    spf_terms=("include:_spf.example.com",),
    dmarc_rua=("mailto:postmaster@example.org",),
    tls_rua=("mailto:postmaster@example.org",),
    sts_id="abc",
    web="mx.example.org",
    services=(Service("submissions", 465, "mx.example.org"),),
    tlsa=bytes(range(32)),
)


def parsed(lines: list[str]) -> dns.zone.Zone:
    """The lines, read by another program."""
    return dns.zone.from_text(zone.joined(lines), origin=".", relativize=False, check_origin=False)


def texts(read: dns.zone.Zone, name: str) -> list[bytes]:
    rdataset = read.find_rdataset(f"{name}.", "TXT")
    return [b"".join(record.strings) for record in rdataset]


def test_another_program_reads_the_zone() -> None:
    read = parsed(check.lines(expected.findings(FACTS), 600))
    assert texts(read, "1-rsa._domainkey.example.org") == [RSA.record.encode()]
    assert texts(read, "1-e._domainkey.example.org") == [ED.record.encode()]
    assert texts(read, "example.org") == [b"v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 include:_spf.example.com ~all"]
    told = {
        (name.to_text(), dns.rdatatype.to_text(rdataset.rdtype)): sorted(record.to_text() for record in rdataset)
        for name, rdataset in read.iterate_rdatasets()
        if rdataset.rdtype != dns.rdatatype.TXT
    }
    assert told == {
        ("example.org.", "MX"): ["10 mx.example.org.", "20 mx2.example.org."],
        ("mx.example.org.", "A"): ["192.0.2.1"],
        ("mx.example.org.", "AAAA"): ["2001:db8::1"],
        ("mx2.example.org.", "A"): ["192.0.2.1"],
        ("mx2.example.org.", "AAAA"): ["2001:db8::1"],
        ("1.2.0.192.in-addr.arpa.", "PTR"): ["mx.example.org."],
        (f"{'1.' + '0.' * 23}8.b.d.0.1.0.0.2.ip6.arpa.", "PTR"): ["mx.example.org."],
        ("mta-sts.example.org.", "CNAME"): ["mx.example.org."],
        ("_submissions._tcp.example.org.", "SRV"): ["0 1 465 mx.example.org."],
        ("autoconfig.example.org.", "CNAME"): ["mx.example.org."],
        ("autodiscover.example.org.", "CNAME"): ["mx.example.org."],
        ("_25._tcp.mx.example.org.", "TLSA"): [f"3 1 1 {bytes(range(32)).hex()}"],
        ("_25._tcp.mx2.example.org.", "TLSA"): [f"3 1 1 {bytes(range(32)).hex()}"],
    }


def test_our_own_engines_read_them() -> None:
    read = parsed(check.lines(expected.findings(FACTS), 600))
    assert dmarc.faults(texts(read, "_dmarc.example.org")[0]) == ()
    assert dmarc.parse(texts(read, "_dmarc.example.org")[0]).p == "quarantine"
    assert mtasts.record(texts(read, "_mta-sts.example.org")[0]) == "abc"
    assert tlsrpt.parse(texts(read, "_smtp._tls.example.org")[0]) == ("mailto:postmaster@example.org",)
    assert [term.mechanism for term in spf.parse(texts(read, "example.org")[0]).terms] == [
        "ip4",
        "ip6",
        "include",
        "all",
    ]
    assert keys.read(texts(read, "1-rsa._domainkey.example.org")[0], strict=True).bits == 2048


def test_what_does_not_live_here_gets_less() -> None:
    facts = Facts(domain="example.org", mx=("mx.example.net",), helo="mx.example.net", here=False, keys=(RSA,))
    topics = [finding.topic for finding in expected.findings(facts)]
    assert topics == ["spf", "dkim", "dmarc", "address"]
    assert expected.findings(facts)[0].expected[0].text == "v=spf1 a:mx.example.net ~all"


@given(st.binary(max_size=1000).filter(bool))
def test_any_text_goes_through_a_zone_file(text: bytes) -> None:
    assert texts(parsed([zone.txt("x.example", text)]), "x.example") == [text]
    assert all(len(part) <= zone.STRING for part in zone.strings(text))
    assert b"".join(zone.strings(text)) == text

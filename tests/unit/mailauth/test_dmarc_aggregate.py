"""Aggregate reports: the whole way round in both forms, dialects of reporters, bombs, and what is counted."""

import gzip
import io
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.mailauth.dmarc import record
from hatoba.mailauth.dmarc.aggregate import observe, read, write
from hatoba.mailauth.dmarc.aggregate.form import DkimAuth, Published, Reason, Report, Row, SpfAuth
from hatoba.mailauth.dmarc.aggregate.read import BadReport
from hatoba.mailauth.dmarc.evidence import DkimResult, SpfResult
from hatoba.mailauth.dmarc.result import Result
from hatoba.message import build

# what XML carries as it is: no white space that is folded, no character it does not know
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=20)
DOMAIN = st.sampled_from(["example.org", "mail.example.net", "xn--r8jz45g.jp"])
TIME = st.integers(0, 10**12)
PASS = st.sampled_from(["pass", "fail"])
RESULT = st.sampled_from(["none", "pass", "fail", "neutral", "temperror", "permerror"])
POLICY = st.sampled_from(["none", "quarantine", "reject"])
ROW = st.builds(
    Row, st.sampled_from(["192.0.2.1", "2001:db8::1"]),
    st.integers(0, 10**9), POLICY, PASS, PASS, DOMAIN, DOMAIN, DOMAIN,
    st.lists(st.builds(Reason, st.sampled_from(["local_policy", "other"]), TEXT), max_size=2).map(tuple),
    st.lists(st.builds(DkimAuth, DOMAIN, st.sampled_from(["", "s1"]), RESULT, TEXT), max_size=2).map(tuple),
    st.lists(st.builds(SpfAuth, DOMAIN, st.sampled_from(["", "mfrom", "helo"]), RESULT, TEXT), max_size=2).map(tuple),
)  # fmt: skip
ROWS = st.lists(ROW, max_size=3).map(tuple)
MODE = st.sampled_from(["", "r", "s"])
OLD = st.builds(
    Report, TEXT, TEXT, TEXT, TIME, TIME,
    st.builds(Published, DOMAIN, POLICY, POLICY, st.just(""), MODE, MODE, st.sampled_from(["", "1:d"]),
    st.integers(0, 100)),
    ROWS, TEXT, st.lists(TEXT.filter(bool), max_size=2).map(tuple), st.just(""), st.just("1.0"),
)  # fmt: skip
NEW = st.builds(
    Report, TEXT, TEXT, TEXT, TIME, TIME,
    st.builds(Published, DOMAIN, POLICY, st.sampled_from(["", "none"]), st.sampled_from(["", "reject"]), MODE, MODE,
              st.just("0"), st.none(), st.sampled_from(["y", "n"]), st.sampled_from(["treewalk", "psl"])),
    ROWS, TEXT, st.lists(TEXT.filter(bool), max_size=2).map(tuple), TEXT, st.just("2.0"),
)  # fmt: skip


@given(OLD | NEW)
def test_a_report_comes_back_as_it_was(made: Report) -> None:
    assert read.parse(write.xml(made)) == made
    assert read.parse(write.packed(made)) == made
    body = write.body(made, "mx.example.net", "seed1")
    letter = build.message([("Subject", write.subject(made, "mx.example.net"))], body)
    assert build.lines_fit(letter)
    assert read.parse(letter) == made


MADE = Report("Org & Söhne", "a@example.net", "<1>", 100, 200, Published("example.org", "none"), (Row("192.0.2.1", 1),))


def test_how_it_is_written() -> None:
    octets = write.xml(MADE)
    assert b'<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">' in octets
    assert "<org_name>Org &amp; Söhne</org_name>".encode() in octets
    assert b"<report_id>&lt;1&gt;</report_id>" in octets
    assert write.packed(MADE) == write.packed(MADE)
    assert write.filename(MADE, "mx.example.net", "u/1") == "mx.example.net!example.org!100!200!u_1.xml.gz"
    assert write.filename(MADE, "mx") == "mx!example.org!100!200.xml.gz"
    assert write.subject(MADE, "mx") == "Report Domain: example.org Submitter: mx Report-ID: <1>"


def test_values_cannot_leave_their_element() -> None:
    made = Report("</org_name>\x00\ud800<x>", "", "", 0, 0, Published("example.org"))
    assert read.parse(write.xml(made)).org_name == "</org_name><x>"


OLD_XML = """<?xml version="1.0" encoding="{charset}"?>
<feedback><report_metadata><org_name> Big
 Mail </org_name><report_id>7</report_id><date_range><begin>1337270400.0</begin><end>x</end></date_range>
</report_metadata>
<policy_published><domain>Example.ORG.</domain><p>REJECT</p><pct>50</pct></policy_published>
<record><row><source_ip>2001:DB8::1</source_ip><count>6</count><policy_evaluated><disposition>None</disposition>
<dkim>Pass</dkim><spf>FAIL</spf></policy_evaluated></row><identifiers><header_from>例え.jp</header_from></identifiers>
<auth_results><spf><domain>a.example</domain><result>Pass</result></spf></auth_results></record>
<new><thing/></new></feedback>"""


@pytest.mark.parametrize("charset", ["utf-8", "utf-16", "shift_jis"])
def test_dialects(charset: str) -> None:
    octets = OLD_XML.format(charset=charset).encode(charset)
    if charset == "shift_jis":  # the parser does not know it: read as UTF-8 with what cannot be read replaced
        octets = OLD_XML.format(charset=charset).replace("例え", "??").encode()
    found = read.parse(octets)
    assert (found.org_name, found.begin, found.end, found.form) == ("Big Mail", 1337270400, 0, "1.0")
    assert found.published == Published("example.org", "reject", pct=50)
    (row,) = found.rows
    assert (row.source_ip, row.count, row.disposition, row.dkim, row.spf) == ("2001:db8::1", 6, "none", "pass", "fail")
    assert row.auth_spf == (SpfAuth("a.example", "", "pass"),)


def test_broken_octets_are_mended() -> None:
    octets = OLD_XML.format(charset="utf-8").encode().replace("例え".encode(), b"\xff\x01") + b"\x00"
    assert read.parse(octets.removesuffix(b"\x00")).rows[0].header_from == "\ufffd\ufffd.jp"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("Org &amp; Söhne", "Org & Söhne"),
        ("Org &amp; Söhne", "Org &amp; S&ouml;hne"),
        ("</feedback>\n", "</feedback>\x00\n--\n"),
    ],
)
def test_careless_writers(right: str, wrong: str) -> None:
    found = read.parse(write.xml(MADE).replace(right.encode(), wrong.encode()))
    assert found.org_name in ("Org & Söhne", "Org & S&ouml;hne")
    assert found.rows == MADE.rows


def test_octets_that_are_mended_in_vain() -> None:
    with pytest.raises(BadReport, match="broken"):
        read.parse_xml(b"<feedback>\xff</feed")
    with pytest.raises(BadReport, match="no report_metadata"):
        read.parse_xml(b"<feedback>\xff</feedback>")


def test_the_first_document_that_is_a_report() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("a.html", "<html><br></html>")
        archive.writestr("b.xml", write.xml(MADE))
    assert read.parse(target.getvalue()) == MADE


ENTITY = b'<?xml version="1.0"?><!DOCTYPE f [<!ENTITY a "x"><!ENTITY b "&a;&a;&a;">]><feedback><x>&b;</x></feedback>'
EXTERNAL = b'<!DOCTYPE f SYSTEM "file:///etc/passwd"><feedback/>'


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"", "no XML"), (b"text", "no XML"), (b"<feedback", "broken"), (b"<feedback/>", "no report_metadata"),
        (b"<html></html>", "no feedback"), (ENTITY, "DTD"), (EXTERNAL, "DTD"),
        (b"<feedback>" + b"<a>" * 100, "deep"),
        (b"<feedback><report_metadata/><policy_published/></feedback>", "which domain"),
        (gzip.compress(b"<feedback>" + b" " * 10_000_000), "too large"), (gzip.compress(b"<feedback/>")[:-4],
        "breaks off"),
    ],
)  # fmt: skip
def test_rubbish_and_bombs(octets: bytes, why: str) -> None:
    with pytest.raises(BadReport, match=why):
        read.parse(octets, most=5_000_000)


@pytest.mark.parametrize("inside", [b'a%d="" ', b"><b/", b">text text"])
def test_no_element_may_fill_the_memory(inside: bytes) -> None:
    pieces = b"".join(inside % n if b"%" in inside else inside for n in range(1_500_000 // len(inside)))
    with pytest.raises(BadReport, match="too large"):
        read.parse(b"<feedback><record " + pieces)


def test_small_elements_may_be_many() -> None:
    many = b"<feedback>" + b"<new>x</new>" * 120_000 + write.xml(MADE).partition(b'2.0">')[2]
    assert read.parse(many).published.domain == "example.org"


def test_too_many_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "ROWS", 2)
    row = b"<record/>"
    shell = b"<feedback><report_metadata/><policy_published><domain>a</domain></policy_published>%s</feedback>"
    assert len(read.parse(shell % (row * 2)).rows) == 2
    with pytest.raises(BadReport, match="too many"):
        read.parse(shell % (row * 3))


@given(st.integers(0, 3000), st.binary(min_size=1, max_size=4))
def test_only_its_own_error_escapes(at: int, octets: bytes) -> None:
    whole = OLD_XML.format(charset="utf-8").encode()
    at %= len(whole)
    with suppress(BadReport):
        assert read.parse(whole[:at] + octets + whole[at + 1 :]).published.domain


def result(**changes: object) -> Result:
    held = record.parse(b"v=DMARC1; p=reject; sp=none; t=y; fo=1:d; aspf=s")
    given = {"result": "fail", "author": "a.example.org", "domain": "example.org", "policy": "quarantine",
             "published": "reject", "record": held, **changes}  # fmt: skip
    return Result(**given)  # type: ignore[arg-type]  # a test's shorthand


def test_what_is_reported() -> None:
    assert observe.published(result()) == Published(
        "example.org", "reject", "none", "", "r", "s", "1:d", None, "y", "treewalk"
    )  # fmt: skip
    old = observe.published(result(method="psl"))
    assert (old.pct, old.testing, old.discovery_method) == (100, "", "psl")
    assert observe.published(result(record=None)) == Published("example.org")


def test_rows() -> None:
    spf, dkim = SpfResult("b.example", "pass"), [DkimResult("example.org", "s1", "fail")]
    row = observe.row(result(), "192.0.2.1", "none", spf, dkim, reasons=[Reason("local_policy", "x")])
    assert row == Row(
        "192.0.2.1", 1, "none", "fail", "fail", "a.example.org", "b.example", "",
        (Reason("local_policy", "x"), Reason("policy_test_mode")),
        (DkimAuth("example.org", "s1", "fail"),), (SpfAuth("b.example", "mfrom", "pass"),),
    )  # fmt: skip
    helo = observe.row(result(result="pass", dkim="example.org"), "192.0.2.1", "none", spf, [], scope="helo")
    assert (helo.dkim, helo.envelope_from, helo.reasons, helo.auth_spf[0].scope) == ("pass", "", (), "helo")
    assert observe.gathered([helo, row, row]) == (
        observe.gathered([row, row])[0], helo,
    )  # fmt: skip
    assert observe.gathered([row, row])[0].count == 2

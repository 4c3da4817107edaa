"""BIMI: records, selectors and where a record is looked for."""

from typing import Any

import pytest
from tests.support import zone

from hatoba.mailauth import bimi, questions
from hatoba.mailauth.bimi import BadBimi, Record
from hatoba.mailauth.questions import TROUBLE

GOOD = b"v=BIMI1; l=https://example.org/logo.svg; a=https://example.org/vmc.pem;"


def look(names: dict[str, dict[str, Any]], domain: str = "news.example.org", **more: str) -> bimi.Result:
    return questions.run(bimi.lookup(domain, "example.org", **more), zone.look(names))


def test_a_record() -> None:
    assert bimi.parse(GOOD.decode()) == Record("https://example.org/logo.svg", "https://example.org/vmc.pem")
    assert bimi.parse("v=bimi1;l=HTTPS://x.example/%2C;avp=Personal;new=1").avatar == "personal"
    assert bimi.parse("v=BIMI1; l=; a=;").declines
    assert not bimi.parse("v=BIMI1; l=; a=https://x.example/a").declines


@pytest.mark.parametrize(
    "text",
    [
        "", "v=BIMI1", "l=https://x.example/", "l=https://x.example/; v=BIMI1", "v=BIMI2; l=", "v=; l=", "v=BIMI1; l",
        "v=BIMI1; l=http://x.example/", "v=BIMI1; l=https:///logo", "v=BIMI1; l=https://x.example/a b",
        "v=BIMI1; l=https://a.example/,https://b.example/", "v=BIMI1; l=; L=", "v=BIMI1; l=; a=self", "v=BIMI1;; l=",
        "v=BIMI1; =x; l=", "v=BIMI1; l=https://[x/", "v=BIMI1; l=https://é.example/", "v=BIMI1; l=" + " " * 5000,
    ],
)  # fmt: skip
def test_what_is_no_record(text: str) -> None:
    with pytest.raises(BadBimi):
        bimi.parse(text)


def test_the_selector_of_a_letter() -> None:
    assert bimi.selector("v=BIMI1; s=Brand.v2;") == "brand.v2"
    for bad in ("", "s=x", "v=BIMI1", "v=BIMI1; s=", "v=BIMI1; s=a..b", "v=BIMI1; s=-a", "v=BIMI1; s=" + "a" * 64):
        with pytest.raises(BadBimi):
            bimi.selector(bad)


def test_the_authors_domain_comes_first_then_the_organizational_one() -> None:
    own, org = "default._bimi.news.example.org", "default._bimi.example.org"
    assert look({own: {"TXT": [GOOD]}, org: {"TXT": TROUBLE}}).domain == "news.example.org"
    found = look({own: {"TXT": [b"v=spf1 -all"]}, org: {"TXT": [GOOD]}})
    assert (found.result, found.domain) == ("pass", "example.org")
    assert found.record is not None
    chosen = {"brand._bimi.example.org": {"TXT": [GOOD]}}
    assert look(chosen, selector="brand").selector == "brand"
    assert look(chosen).result == "none"


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [
        ([b"v=BIMI1; l="], "declined"),
        ([GOOD, b"V = bimi1; l="], "none"),
        ([GOOD, b"\xff", b"v=BIMI10"], "pass"),
        ([b"v=BIMI1; l=http://x.example/"], "fail"),
        ([b"v=BIMI1; l=\xc3\xa9"], "fail"),
        (TROUBLE, "temperror"),
    ],
)
def test_what_a_look_up_ends_in(texts: Any, wanted: str) -> None:
    found = look({"default._bimi.news.example.org": {"TXT": texts}, "default._bimi.example.org": {"TXT": [GOOD]}})
    assert (found.result, found.domain) == (wanted, "news.example.org")
    finding = bimi.finding(found)
    assert finding.result == wanted
    assert finding.value("header", "d") == "news.example.org"


def test_a_picture_has_to_be_deserved() -> None:
    assert bimi.deserved("pass", "reject")
    assert bimi.deserved("pass", "quarantine")
    assert not bimi.deserved("pass", "quarantine", 99)
    assert not bimi.deserved("pass", "none")
    assert not bimi.deserved("fail", "reject")

"""What a DKIM-Signature says by itself: the grammar of tag lists and the rule of every tag. # RFC 6376 §3.2, §3.5"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.mailauth.dkim import signature, tags
from hatoba.mailauth.dkim.signature import Signature, Unusable

GOOD = {
    "v": "1",
    "a": "rsa-sha256",
    "d": "example.org",
    "s": "sel",
    "h": "From:To",
    "bh": "A" * 43 + "=",
    "b": "AAAA",
}


def read(**changed: str | None) -> Signature:
    said = {tag: text for tag, text in {**GOOD, **changed}.items() if text is not None}
    return signature.read(tags.parse("; ".join(f"{tag}={text}" for tag, text in said.items()).encode()))


def refused(**changed: str | None) -> tuple[str, str]:
    with pytest.raises(Unusable) as caught:
        read(**changed)
    return caught.value.result, caught.value.reason


def test_defaults() -> None:
    found = read()
    assert (found.header_form, found.body_form) == ("simple", "simple")
    assert found.identity == "@example.org"
    assert found.headers == (b"from", b"to")
    assert found.key_name == "sel._domainkey.example.org"
    assert found.length is found.timestamp is found.expires is None


@pytest.mark.parametrize("tag", list(GOOD))
@pytest.mark.parametrize("text", [None, ""])
def test_what_must_be_there(tag: str, text: str | None) -> None:
    assert refused(**{tag: text}) == ("neutral", f"{tag}= is missing or empty")


@pytest.mark.parametrize(
    ("changed", "result", "reason"),
    [
        ({"v": "2"}, "neutral", "version"),
        ({"v": "1.0"}, "neutral", "version"),
        ({"a": "rsa-sha1"}, "policy", "rsa-sha1"),  # RFC 8301 §3.1
        ({"a": "RSA-SHA256"}, "neutral", "algorithm"),  # values are case-sensitive
        ({"a": "rsa-sha512"}, "neutral", "algorithm"),
        ({"a": "ed25519"}, "neutral", "algorithm"),
        ({"d": "org"}, "neutral", "d="),
        ({"d": "example..org"}, "neutral", "d="),
        ({"d": "-a.example.org"}, "neutral", "d="),
        ({"d": "a" * 64 + ".example.org"}, "neutral", "d="),
        ({"d": ".".join(["abc"] * 70)}, "neutral", "d="),
        ({"d": "example.org."}, "neutral", "d="),
        ({"d": "legitimate.com(.attacker.com"}, "neutral", "d="),
        ({"d": "exam ple.org"}, "neutral", "d="),
        ({"d": "例え。。テスト"}, "neutral", "d="),
        ({"s": "a..b"}, "neutral", "s="),
        ({"s": "a b"}, "neutral", "s="),
        ({"s": "a/b"}, "neutral", "s="),
        ({"i": "example.org"}, "neutral", "i="),
        ({"i": "@example.net"}, "permerror", "outside"),
        ({"i": "@evilexample.org"}, "permerror", "outside"),
        ({"i": "@org"}, "neutral", "i="),
        ({"i": "@"}, "neutral", "i="),
        ({"h": "To:Subject"}, "permerror", "From"),
        ({"h": "From::To"}, "neutral", "h="),
        ({"h": "From:a b"}, "neutral", "field name"),
        ({"h": "From:é"}, "neutral", "field name"),
        ({"h": "From" + ":x" * 1000}, "policy", "too many"),
        ({"c": "relaxed/nowsp"}, "neutral", "canonicalization"),
        ({"c": "nowsp"}, "neutral", "canonicalization"),
        ({"c": "relaxed/"}, "neutral", "canonicalization"),
        ({"c": ""}, "neutral", "canonicalization"),
        ({"q": "http"}, "neutral", "query"),
        ({"q": ""}, "neutral", "query"),
        ({"l": "-1"}, "neutral", "l="),
        ({"l": ""}, "neutral", "l="),
        ({"l": "1" * 77}, "neutral", "l="),
        ({"t": "now"}, "neutral", "t="),
        ({"t": "١٢"}, "neutral", "t="),
        ({"x": "1" * 13}, "neutral", "x="),
        ({"t": "100", "x": "100"}, "neutral", "later"),
        ({"t": "100", "x": "99"}, "neutral", "later"),
        ({"bh": "AAAA"}, "neutral", "bh="),
        ({"bh": "!" * 44}, "neutral", "bh="),
        ({"b": "AAA"}, "neutral", "b="),
        ({"b": "A-_A"}, "neutral", "b="),
    ],
)
def test_what_is_refused(changed: dict[str, str], result: str, reason: str) -> None:
    found = refused(**changed)
    assert found[0] == result
    assert reason in found[1]


def test_what_is_read_with_white_space_and_case() -> None:
    found = read(
        a="ed25519-sha256",
        d="Example.ORG",
        s="Sel_1.Part",
        i="joe=40home@Mail.Example.Org",
        h="from\r\n\t: SUBJECT :\tto",
        c="relaxed/simple",
        q="http:dns/txt",
        b="A A\r\n\tAA",
        t="100",
        x="101",
        l="0",
    )
    assert found.key_name == "sel_1.part._domainkey.example.org"
    assert found.identity == "joe=40home@mail.example.org"
    assert found.headers == (b"from", b"subject", b"to")
    assert (found.header_form, found.body_form) == ("relaxed", "simple")
    assert found.value == b"\0\0\0"
    assert (found.timestamp, found.expires, found.length) == (100, 101, 0)


def test_one_form_leaves_the_body_simple() -> None:
    assert read(c="relaxed")[7:9] == ("relaxed", "simple")


def test_names_beyond_ascii_become_a_labels() -> None:  # RFC 8616 §4
    found = read(d="ÉCOLE.example", s="sélecteur", i="élève@mail.école.example")
    assert found.key_name == "xn--slecteur-b1a._domainkey.xn--cole-9oa.example"
    assert found.identity == "élève@mail.xn--cole-9oa.example"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b";",
        b"v=1;;a=b",
        b"v=1; a",
        b"v=1; =x",
        b"v=1; 1a=x",
        b"v=1; a-b=x",
        b"v=1; v=1",
        b"v=1; v=2",
        b"a=\x00",
        b"a=\x7f",
        b"a=\xff",
        b"a=x\rx",
        ";".join(f"t{number}=x" for number in range(65)).encode(),
    ],
)
def test_broken_tag_lists(text: bytes) -> None:
    with pytest.raises(tags.BadTags):
        tags.parse(text)


def test_tag_lists() -> None:
    found = tags.parse(b" a = b=c == ;\r\n\t B_1\t=\t;x=y\r\n z ; ")
    assert found == {"a": "b=c ==", "B_1": "", "x": "y\r\n z"}
    assert list(found) == ["a", "B_1", "x"]


@pytest.mark.parametrize(
    ("value", "unsigned"),
    [
        (b" a=1; b=xyz", b" a=1; b="),
        (b" a=1; b=xyz; c=2", b" a=1; b=; c=2"),
        (b" a=1;\r\n\tb =\r\n\t xy\r\n\t z=\r\n\t; bh=q", b" a=1;\r\n\tb =; bh=q"),
        (b"b=x; bh=b=y; cb=1", b"b=; bh=b=y; cb=1"),
        (b" bh=q; b=", b" bh=q; b="),
    ],
)
def test_the_signature_leaves_its_own_field(value: bytes, unsigned: bytes) -> None:  # RFC 6376 §3.5, b=
    assert signature.unsigned(value) == unsigned


@given(st.text() | st.dictionaries(st.sampled_from([*GOOD, "c", "i", "l", "t", "x", "q"]), st.text(max_size=12)))
def test_anything_is_read_or_refused(said: str | dict[str, str]) -> None:
    text = said if isinstance(said, str) else ";".join(f"{tag}={value}" for tag, value in {**GOOD, **said}.items())
    try:
        found = signature.read(tags.parse(text.encode("utf-8", "surrogatepass")))
    except (tags.BadTags, Unusable):
        return
    assert found.key_name.isascii()
    assert b"from" in found.headers

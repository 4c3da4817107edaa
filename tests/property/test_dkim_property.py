"""DKIM as a whole: any letter that is signed verifies, in any pieces; any signed octet that changes is found."""

from hypothesis import assume, given
from hypothesis import strategies as st
from tests.support import signed

from hatoba.mailauth import questions
from hatoba.mailauth.arc import chain
from hatoba.mailauth.dkim import canonical, fields, sign, verify

FORM: st.SearchStrategy[canonical.Form] = st.sampled_from(["simple", "relaxed"])
NAME = st.sampled_from([b"To", b"SUBJECT", b"Cc", b"X-Own", b"Received", b"subject ", b"Reply-To", b"List-Id"])
TEXT = st.lists(
    st.sampled_from([b"a", b" ", b"\t", b"\r\n ", b"\r\n\t", b"=", b";", b":", b"\xe3\x81\x82", b"  ", b"b="]),
    max_size=8,
).map(b"".join)
FIELDS = st.lists(st.tuples(NAME, TEXT), max_size=6)
BODY = st.lists(
    st.sampled_from([b"a", b" ", b"\t", b"\r\n", b"\r", b"\n", b"\r\n\r\n", b" \r\n", b"\xff\x00", b"--b"]), max_size=14
).map(b"".join)


def written(found: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    return b"From: a@example.org\r\n" + b"".join(n + b":" + v + b"\r\n" for n, v in found) + b"\r\n" + body


def signer(header: canonical.Form, body: canonical.Form) -> sign.Signer:
    return sign.Signer("example.org", "e", signed.ed25519_key(), header, body)


@given(FIELDS, BODY, FORM, FORM, st.lists(st.integers(0, 60), max_size=5))
def test_what_is_signed_verifies_in_any_pieces(
    found: list[tuple[bytes, bytes]], body: bytes, header: canonical.Form, of_body: canonical.Form, cuts: list[int]
) -> None:
    content = written(found, body)
    made = sign.sign(content, [signer(header, of_body)], now=signed.NOW) + content
    assert signed.words(made) == ["pass"]
    read, rest = fields.split(made)
    assert rest == body
    inspection = verify.Inspection(read, now=signed.NOW)
    at = 0
    for cut in sorted(min(cut, len(rest)) for cut in cuts):
        inspection.update(rest[at:cut])
        at = cut
    inspection.update(rest[at:])
    assert [one.result for one in questions.run(inspection.conclude(), signed.zone())] == ["pass"]


@given(FIELDS, BODY, FORM, FORM, st.data())
def test_a_signed_octet_that_changes_is_found(
    found: list[tuple[bytes, bytes]], body: bytes, header: canonical.Form, of_body: canonical.Form, data: st.DataObject
) -> None:
    content = written(found, body)
    made = sign.sign(content, [signer(header, of_body)], now=signed.NOW) + content
    at = data.draw(st.integers(0, len(made) - 1))
    octet = data.draw(st.sampled_from([b"z", b" ", b"\x00", b"", b"zz"]))
    changed = made[:at] + octet + made[at + 1 :]
    assume(hashed(changed, header, of_body) != hashed(made, header, of_body))
    assert "pass" not in signed.words(changed)


def hashed(content: bytes, header: canonical.Form, of_body: canonical.Form) -> tuple[list[bytes], bytes]:
    """All of a letter that its signature covers, in canonical form; the value of b= is compared as it is read."""
    read, body = fields.split(content)
    named = {*sign.SEALED, *sign.GUARDED, *sign.TAKEN}
    covered = [
        read.canonical(place, header if name != b"dkim-signature" else "relaxed").replace(b" ", b"")
        if name == b"dkim-signature"
        else read.canonical(place, header)
        for name, places in read.places.items()
        if name in named or name == b"dkim-signature"
        for place in places
    ]
    return covered, canonical.body(body, of_body)


TOKENS = [
    b"DKIM-Signature: ",
    b"ARC-Seal: ",
    b"ARC-Message-Signature: ",
    b"ARC-Authentication-Results: ",
    b"From: a\r\n",
    b"v=1; ",
    b"a=ed25519-sha256; ",
    b"a=rsa-sha256;",
    b"d=example.org; ",
    b"s=e; ",
    b"s=r;",
    b"h=from; ",
    b"h=",
    b"i=1; ",
    b"i=2;",
    b"cv=none; ",
    b"cv=pass;",
    b"bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; ",
    b"b=AAAA; ",
    b"b=",
    b"l=0;",
    b"t=1; ",
    b"x=9999999999;",
    b"c=relaxed/relaxed; ",
    b"c=simple; ",
    b"\r\n",
    b"\r\n ",
    b"\n",
    b"\r\n\r\n",
    b";",
    b"=",
    b"\x00",
    b"\xff",
    b"(",
    b'"',
    b"none",
]


@given(st.lists(st.sampled_from(TOKENS) | st.binary(max_size=3), max_size=60).map(b"".join))
def test_any_letter_is_judged(content: bytes) -> None:
    for found in signed.check(content):
        assert found.result in {"fail", "neutral", "policy", "temperror", "permerror"}
        assert all(
            text.isprintable() for text in (found.reason, found.domain, found.selector, found.algorithm, found.b)
        )
    state = questions.run(chain.check(content, now=signed.NOW), signed.zone())
    assert state.result in {"none", "fail"}

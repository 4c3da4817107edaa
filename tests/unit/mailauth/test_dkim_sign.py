"""The signer: its field, what it names in h=, what it refuses; dkimpy as judge in both directions."""

import re
from collections.abc import Callable

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from tests.support import signed
from tests.support.signed import LETTER, NOW, check, words

from hatoba.mailauth import questions
from hatoba.mailauth.dkim import canonical, fields, keys, sign, verify

RSA = sign.Signer("example.org", "r", signed.rsa_key())
ED = sign.Signer("example.org", "e", signed.ed25519_key())
FORMS: list[canonical.Form] = ["simple", "relaxed"]


def names(content: bytes, signer: sign.Signer = ED) -> list[bytes]:
    return sorted(sign.signed_names(fields.split(content)[0], signer))


def test_both_kinds_of_key_over_one_body() -> None:
    made = sign.sign(LETTER, [RSA, ED], now=NOW)
    assert [found.algorithm for found in check(made + LETTER)] == ["rsa-sha256", "ed25519-sha256"]
    assert words(made + LETTER) == ["pass", "pass"]
    assert sign.sign(LETTER, [], now=NOW) == b""


def test_the_field_is_mail() -> None:
    many = LETTER.replace(b"To:", b"".join(b"List-Id: <%d>\r\n" % number for number in range(200)) + b"To:")
    made = sign.sign(many, [RSA], now=NOW)
    lines = made.split(b"\r\n")
    assert lines.pop() == b""
    assert max(map(len, lines)) <= 78
    assert all(line.startswith(b"\t") for line in lines[1:])
    assert b"\n" not in made.replace(b"\r\n", b"")
    assert words(made + many) == ["pass"]


def test_what_is_named() -> None:  # RFC 6376 §5.4, §8.15
    assert names(b"From: a\r\n\r\n") == sorted([*sign.SEALED, b"from"])
    content = b"from : a\r\nTO: b\r\nTo: c\r\nContent-Type: x\r\nList-Unsubscribe: y\r\nReceived: z\r\nX-Own: w\r\n\r\n"
    found = names(content)
    assert found.count(b"from") == 2
    assert found.count(b"to") == 3
    assert found.count(b"content-type") == 2
    assert found.count(b"list-unsubscribe") == 1
    assert b"received" not in found
    assert b"x-own" not in found
    own = sign.Signer("example.org", "e", signed.ed25519_key(), sealed=(b"from",), guarded=(), taken=(b"x-own",))
    assert names(content, own) == [b"from", b"from", b"x-own"]


def test_tags_of_the_field() -> None:
    signer = sign.Signer(
        "Müller.example", "S", signed.ed25519_key(), "simple", identity="@mail.xn--mller-kva.example", lifetime=60
    )
    made = sign.sign(LETTER, [signer], now=NOW)
    for text in (b"d=xn--mller-kva.example;", b"s=s;", b"c=simple/relaxed;", b"i=@mail.xn--mller-kva.example;"):
        assert text in made
    assert re.search(rb"t=%d;\s+x=%d;" % (NOW, NOW + 60), made)


@pytest.mark.parametrize(
    "changed",
    [
        {"domain": "org"},
        {"domain": "exa mple.org"},
        {"selector": ""},
        {"selector": "a b"},
        {"identity": "@example.net"},
        {"identity": "example.org"},
        {"identity": "a;b@example.org"},
        {"identity": "é@example.org"},
        {"lifetime": -1},
        {"sealed": (b"to",), "guarded": (), "taken": ()},
        {"sealed": (b"From",)},
        {"taken": (b"a:b",)},
    ],
)
def test_signers_that_cannot_be(changed: dict[str, object]) -> None:
    said: dict[str, object] = {"domain": "example.org", "selector": "s", "key": signed.ed25519_key()} | changed
    with pytest.raises(ValueError, match=r"."):
        sign.Signer(**said)  # type: ignore[arg-type] # the cases are of any kind


def test_an_identity_is_written_as_it_is_read() -> None:
    signer = sign.Signer("example.org", "e", signed.ed25519_key(), identity="a\r\nX: y@Mail.Example.org")
    made = sign.sign(LETTER, [signer], now=NOW)
    assert b"i=aX:y@mail.example.org;" in made
    assert words(made + LETTER) == ["pass"]


def test_a_letter_in_pieces() -> None:
    header, body = fields.split(LETTER)
    taken = canonical.BodyHash("relaxed")
    for at in range(len(body)):
        taken.update(body[at : at + 1])
    made = sign.field(header, taken.digest(), ED, now=NOW)
    assert made == sign.sign(LETTER, [ED], now=NOW)
    inspection = verify.Inspection(fields.split(made + LETTER)[0], now=NOW)
    for at in range(0, len(body), 3):
        inspection.update(body[at : at + 3])
    assert questions.run(inspection.conclude(), signed.zone())[0].result == "pass"


def dns(name: bytes, timeout: int = 5) -> bytes:
    found = signed.zone()(questions.Question(name.decode().rstrip("."), "TXT"))
    record: bytes = found.records[0]
    return record


@pytest.mark.parametrize("body_form", FORMS)
@pytest.mark.parametrize("header_form", FORMS)
@pytest.mark.parametrize(("selector", "key"), [("r", signed.rsa_key), ("e", signed.ed25519_key)])
@pytest.mark.parametrize("content", [LETTER, b"From: a@example.org\r\n\r\n", b"From: a@example.org\r\n\r\n \t \r\nx"])
def test_dkimpy_verifies_what_we_sign(
    content: bytes, selector: str, key: Callable[[], keys.PrivateKey],
    header_form: canonical.Form, body_form: canonical.Form,
) -> None:  # fmt: skip
    signer = sign.Signer("example.org", selector, key(), header_form, body_form)
    made = sign.sign(content, [signer], now=NOW) + content
    assert dkim.verify(made, dnsfunc=dns)
    assert not dkim.verify(made + b"more", dnsfunc=dns)


def pem() -> bytes:
    return signed.rsa_key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.mark.parametrize("body_form", FORMS)
@pytest.mark.parametrize("header_form", FORMS)
@pytest.mark.parametrize("content", [LETTER, b"From: a@example.org\r\n\r\n", b"From: a@example.org\r\n\r\n \t \r\nx"])
def test_we_verify_what_dkimpy_signs(content: bytes, header_form: str, body_form: str) -> None:
    made = dkim.sign(
        content, b"r", b"example.org", pem(), canonicalize=(header_form.encode(), body_form.encode()),
        include_headers=[b"from", b"to", b"subject", b"from"],
    )  # fmt: skip
    assert [found.result for found in check(made + content, now=4_000_000_000)] == ["pass"]
    assert [found.result for found in check(made + content + b"more", now=4_000_000_000)] == ["fail"]

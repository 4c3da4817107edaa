from typing import Any

import msgspec
import pytest

from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Recipient
from hatoba.wire.smtp import parameters
from hatoba.wire.smtp.extensions import Extensions

NOW = 1_700_000_000_000
ALL = Extensions(
    size=0, pipelining=True, eightbit=True, smtputf8=True, chunking=True, binarymime=True, dsn=True, requiretls=True,
    deliverby=0, futurerelease=3600, priority=True,
)  # fmt: skip
NONE = Extensions()


def envelope(**fields: Any) -> Envelope:
    plain = Envelope(Address("a", "example.org"), (Recipient(Address("b", "example.com")),))
    return msgspec.structs.replace(plain, **fields)


def mail(
    extensions: Extensions, *, size: int = 100, eightbit: bool | None = None, **fields: Any
) -> tuple[list[str], list[str]]:
    made = parameters.mail_parameters(envelope(**fields), size, extensions, eightbit=eightbit, now=NOW)
    return made.words, made.missing


UTF8 = Address("用户", "example.com")


@pytest.mark.parametrize(
    ("fields", "words", "missing"),
    [
        ({}, ["SIZE=100"], []),
        ({"size": 0}, [], []),
        ({"body": "8BITMIME"}, ["SIZE=100", "BODY=8BITMIME"], ["8BITMIME"]),
        ({"body": "8BITMIME", "eightbit": False}, ["SIZE=100"], []),
        ({"eightbit": True}, ["SIZE=100", "BODY=8BITMIME"], ["8BITMIME"]),
        ({"body": "BINARYMIME", "eightbit": False}, ["SIZE=100", "BODY=BINARYMIME"], ["BINARYMIME", "CHUNKING"]),
        ({"smtputf8": True, "body": "8BITMIME"}, ["SIZE=100", "BODY=8BITMIME", "SMTPUTF8"], ["8BITMIME", "SMTPUTF8"]),
        ({"smtputf8": True}, ["SIZE=100"], []),
        ({"sender": UTF8}, ["SIZE=100", "SMTPUTF8"], ["SMTPUTF8"]),
        ({"sender": None}, ["SIZE=100"], []),
        ({"recipients": (Recipient(UTF8),)}, ["SIZE=100", "SMTPUTF8"], ["SMTPUTF8"]),
        ({"requiretls": True}, ["SIZE=100", "REQUIRETLS"], ["REQUIRETLS"]),
        ({"ret": "HDRS", "envid": "a+b=c d"}, ["SIZE=100", "RET=HDRS", "ENVID=a+2Bb+3Dc+20d"], []),
        ({"priority": -3}, ["SIZE=100", "MT-PRIORITY=-3"], []),
        ({"hold_until": NOW + 1}, ["SIZE=100", "HOLDFOR=1"], []),
        ({"hold_until": NOW + 3_600_000}, ["SIZE=100", "HOLDFOR=3600"], []),
        ({"hold_until": NOW + 3_600_001}, ["SIZE=100"], []),
        ({"hold_until": NOW}, ["SIZE=100"], []),
        ({"deliver_by": NOW + 90_500}, ["SIZE=100", "BY=90;N"], []),
        ({"deliver_by": NOW + 90_000, "by_mode": "R", "by_trace": True}, ["SIZE=100", "BY=90;RT"], ["DELIVERBY"]),
        ({"deliver_by": NOW - 90_000, "by_mode": "N"}, ["SIZE=100", "BY=-90;N"], []),
        ({"deliver_by": NOW - 90_000, "by_mode": "R"}, ["SIZE=100"], ["DELIVERBY"]),
        ({"deliver_by": NOW + 10**13}, ["SIZE=100", "BY=999999999;N"], []),
    ],
)
def test_what_is_offered_is_said_and_what_is_needed_is_named(fields: Any, words: list[str], missing: list[str]) -> None:
    late = fields.get("deliver_by", NOW) < NOW and fields["by_mode"] == "R"
    assert mail(ALL, **fields) == (words, ["DELIVERBY"] if late else [])
    assert mail(NONE, **fields) == ([], missing)


@pytest.mark.parametrize("offer", [Extensions(chunking=True), Extensions(binarymime=True)])
def test_binary_needs_both(offer: Extensions) -> None:
    words, missing = mail(offer, body="BINARYMIME")
    assert words == []
    assert missing == ["BINARYMIME" if offer.chunking else "CHUNKING"]


@pytest.mark.parametrize("fields", [{"ret": "ALL\r\n"}, {"deliver_by": NOW + 1, "by_mode": "X"}, {"envid": "\udc80"}])
def test_values_that_cannot_be_said(fields: Any) -> None:
    with pytest.raises(ValueError, match=r"is none of|surrogates"):
        mail(ALL, **fields)


@pytest.mark.parametrize(
    ("notify", "orcpt", "words"),
    [
        ("", "", []),
        ("NEVER", "", ["NOTIFY=NEVER"]),
        ("SUCCESS,DELAY", "", ["NOTIFY=SUCCESS,DELAY"]),
        ("", "rfc822;Bob+x@example.com", ["ORCPT=rfc822;Bob+2Bx@example.com"]),
        ("", "utf-8;bob@example.com", ["ORCPT=utf-8;bob@example.com"]),
        ("", "rfc822;用=@example.com", ["ORCPT=utf-8;\\x{7528}\\x{3D}@example.com"]),
        ("", "utf-8;a\\b+ \x01@x", ["ORCPT=utf-8;a\\x{5C}b\\x{2B}\\x{20}\\x{01}@x"]),
        ("", "rfc822;a\r\nb\0>", ["ORCPT=rfc822;a+0D+0Ab+00>"]),
    ],
)
def test_rcpt(notify: str, orcpt: str, words: list[str]) -> None:
    recipient = Recipient(Address("b", "example.com"), notify, orcpt)
    assert parameters.rcpt_parameters(recipient, ALL) == words
    assert parameters.rcpt_parameters(recipient, NONE) == []


@pytest.mark.parametrize(
    ("notify", "orcpt"),
    [("NEVER,DELAY", ""), ("X", ""), ("DELAY\r\n", ""), (",", ""), ("", "bob"), ("", "rfc822;"), ("", ";bob"),
     ("", "rfc 822;bob"), ("", "rfc822\r\n;bob"), ("", "é;bob"), ("", "utf-8;\udc80")],
)  # fmt: skip
def test_rcpt_values_that_cannot_be_said(notify: str, orcpt: str) -> None:
    with pytest.raises(ValueError, match=r"is no|surrogates"):
        parameters.rcpt_parameters(Recipient(Address("b", "example.com"), notify, orcpt), ALL)


def test_auth() -> None:
    assert parameters.auth_parameter(None) == "AUTH=<>"
    assert parameters.auth_parameter(Address("a+b", "x.example")) == "AUTH=a+2Bb@x.example"

"""wire.smtp.esmtp: the parameters of MAIL and RCPT."""

from typing import Any

import pytest

from hatoba.wire.smtp import esmtp
from hatoba.wire.smtp.offer import Offer

ALL = Offer(
    "mx.example",
    size=1000,
    mechanisms=("PLAIN",),
    requiretls=True,
    futurerelease=3600,
    deliverby=60,
    priority="MIXER",
    rrvs=True,
)
NONE = Offer("mx.example", smtputf8=False, chunking=False, dsn=False)


def mail(text: str, offer: Offer | None = ALL) -> dict[str, Any]:
    return esmtp.parse(text, esmtp.MAIL, offer)


def rcpt(text: str, offer: Offer | None = ALL) -> dict[str, Any]:
    return esmtp.parse(text, esmtp.RCPT, offer)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("", {}),
        ("  SIZE=1000   BODY=8bitmime ", {"size": 1000, "body": "8BITMIME"}),
        ("size=0 body=7BIT", {"size": 0, "body": "7BIT"}),
        ("BODY=BINARYMIME", {"body": "BINARYMIME"}),
        ("SMTPUTF8 REQUIRETLS", {"smtputf8": True, "requiretls": True}),
        ("RET=hdrs", {"ret": "HDRS"}),
        ("RET=FULL", {"ret": "FULL"}),
        ("ENVID=QQ314159", {"envid": "QQ314159"}),
        ("ENVID=hi+20there+2B", {"envid": "hi there+"}),
        ("AUTH=<>", {"auth": "<>"}),
        ("AUTH=e+3Dmc2@example.com", {"auth": "e=mc2@example.com"}),
        ("HOLDFOR=3600", {"hold_for": 3600}),
        ("HOLDUNTIL=2030-01-01T00:00:00Z", {"hold_until": 1893456000000}),
        ("HOLDUNTIL=2030-01-01t01:00:00.5+01:00", {"hold_until": 1893456000500}),
        ("BY=120;R", {"by": 120, "by_mode": "R", "by_trace": False}),
        ("BY=-5;nT", {"by": -5, "by_mode": "N", "by_trace": True}),
        ("BY=0;N", {"by": 0, "by_mode": "N", "by_trace": False}),
        ("BY=+60;R", {"by": 60, "by_mode": "R", "by_trace": False}),
        ("MT-PRIORITY=-6", {"priority": -6}),
        ("MT-PRIORITY=0", {"priority": 0}),
        ("MT-PRIORITY=9", {"priority": 9}),
    ],
)
def test_mail(text: str, fields: dict[str, Any]) -> None:
    assert mail(text) == fields


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("NOTIFY=NEVER", {"notify": "NEVER"}),
        ("NOTIFY=delay,SUCCESS,Failure", {"notify": "SUCCESS,FAILURE,DELAY"}),
        ("ORCPT=rfc822;Bob@Example.COM", {"orcpt": "rfc822;Bob@Example.COM"}),
        ("ORCPT=rfc822;a+2Bb@example.com", {"orcpt": "rfc822;a+b@example.com"}),
        (r"ORCPT=utf-8;\x{2603}@example.com", {"orcpt": "utf-8;☃@example.com"}),
        ("ORCPT=utf-8;bøb+@example.com", {"orcpt": "utf-8;bøb+@example.com"}),
        ("ORCPT=rfc822;+E8+8A+B1+E5+AD+90@example.com", {"orcpt": "utf-8;花子@example.com"}),  # as Postfix writes it
        ("ORCPT=UTF-8;a+2Bb@example.com", {"orcpt": "UTF-8;a+b@example.com"}),
        ("RRVS=2014-04-03T23:01:00Z", {"rrvs": 1396566060000, "rrvs_continue": False}),
        ("RRVS=2003-07-01T10:52:37+02:00;r", {"rrvs": 1057049557000, "rrvs_continue": False}),
        ("RRVS=2003-07-01T10:52:37Z;C", {"rrvs": 1057056757000, "rrvs_continue": True}),
    ],
)
def test_rcpt(text: str, fields: dict[str, Any]) -> None:
    assert rcpt(text) == fields


@pytest.mark.parametrize(
    "text",
    [
        "SIZE", "SIZE=", "SIZE=ABC", "SIZE=-1", "SIZE=1x", "SIZE=" + "1" * 21, "SIZE=²", "SIZE=1=1",
        "BODY=", "BODY=9BIT", "SMTPUTF8=", "SMTPUTF8=1", "REQUIRETLS=yes",
        "RET=", "RET=ENCHILADA", "RET=HDRS RET=FULL",
        "ENVID=", "ENVID=a+2", "ENVID=a+0A", "ENVID=a+C3", "ENVID=" + "x" * 101, "ENVID=é",
        "AUTH=", "AUTH=+zz",
        "HOLDFOR=0", "HOLDFOR=3601", "HOLDFOR=-1", "HOLDFOR=1234567890", "HOLDFOR=1 HOLDUNTIL=2030-01-01T00:00:00Z",
        "HOLDUNTIL=", "HOLDUNTIL=0ABC", "HOLDUNTIL=2030-13-01T00:00:00Z", "HOLDUNTIL=2030-01-01T00:00:00",
        "HOLDUNTIL=1960-01-01T00:00:00Z", "HOLDUNTIL=２030-01-01T00:00:00Z",
        "BY=120", "BY=120;", "BY=120;T", "BY=120;0", "BY=120;;", "BY=;", "BY=;R", "BY=0;R", "BY=-1;R",
        "BY=1234567890;N",
        "MT-PRIORITY=", "MT-PRIORITY=-", "MT-PRIORITY=10", "MT-PRIORITY=-0", "MT-PRIORITY=+1", "MT-PRIORITY=０",
        "SIZE=1 SIZE=1",
    ],
)  # fmt: skip
def test_mail_501(text: str) -> None:
    with pytest.raises(esmtp.Bad) as caught:
        mail(text)
    assert (caught.value.event.reply.code, caught.value.event.reply.enhanced) == (501, "5.5.4")
    assert caught.value.event.kind == "parameter"


@pytest.mark.parametrize(
    "text",
    [
        "NOTIFY=", "NOTIFY=FAILURE,NEVER", "NOTIFY=FAILURE,FAILURE", "NOTIFY=MAYBE", "NOTIFY=NEVER,NEVER",
        "NOTIFY=FAILURE,", "NOTIFY=NEVER NOTIFY=NEVER",
        "ORCPT=", "ORCPT=rfc822;", "ORCPT=;", "ORCPT=;a", "ORCPT=rfc822", "ORCPT=r(c;a", "ORCPT=rfc822;a+0Db",
        "ORCPT=rfc822;" + "a" * 500, r"ORCPT=utf-8;\x{110000}", r"ORCPT=utf-8;\x{D800}", r"ORCPT=utf-8;\x{0A}",
        "ORCPT=utf-8;", "ORCPT=rfc822;bøb", "ORCPT=rfc822;a+FFb", "ORCPT=rfc822;a+C2+85b", "ORCPT=x400;a+C3+B8b",
        "RRVS=", "RRVS=2022-01-02", "RRVS=2022-01-02T01:01:01", "RRVS=ABC", "RRVS=2022-01-02T01:01:01Z;X",
        "RRVS=2022-01-02T01:01:01Z;",
    ],
)  # fmt: skip
def test_rcpt_501(text: str) -> None:
    with pytest.raises(esmtp.Bad) as caught:
        rcpt(text)
    assert caught.value.event.reply.code == 501


@pytest.mark.parametrize(
    ("text", "offer"),
    [
        ("VERY_LONG=PARAM", ALL),
        ("NOTIFY=NEVER", ALL),
        ("SIZE=1", None),
        ("BODY=BINARYMIME", NONE),
        *((f"{name}=1", NONE) for name in esmtp.MAIL if name not in ("SIZE", "BODY")),
        ("BY=59;R", ALL),
    ],
)
def test_mail_555(text: str, offer: Offer | None) -> None:
    with pytest.raises(esmtp.Bad) as caught:
        mail(text, offer)
    assert (caught.value.event.reply.code, caught.value.event.reply.enhanced) == (555, "5.5.4")


@pytest.mark.parametrize("name", esmtp.RCPT)
def test_rcpt_555(name: str) -> None:
    with pytest.raises(esmtp.Bad, match="555"):
        rcpt(f"{name}=1", NONE)


def test_size() -> None:  # RFC 1870 §6.1
    with pytest.raises(esmtp.Bad) as caught:
        mail("SIZE=1001")
    assert caught.value.event is esmtp.TOO_LARGE
    assert mail("SIZE=99999999999999999999", NONE) == {"size": 99999999999999999999}

"""wire.smtp.grammar: command lines to events. Addresses themselves are model's to test."""

import pytest

from hatoba.model.address import Address
from hatoba.model.envelope import Recipient
from hatoba.wire.smtp import esmtp, events, grammar
from hatoba.wire.smtp.offer import Offer

OFFER = Offer("mx.example", mechanisms=("PLAIN", "LOGIN"), rrvs=True, xclient=("NAME", "ADDR"))
ALICE = Address("alice", "example.org")


def refused(caught: pytest.ExceptionInfo[esmtp.Bad]) -> str:
    reply = caught.value.event.reply
    return f"{reply.code} {reply.enhanced}"


@pytest.mark.parametrize(
    ("text", "verb", "argument"),
    [
        ("MAIL FROM:<a>", "MAIL", "FROM:<a>"),
        ("noop", "NOOP", ""),
        ("Quit \t ", "QUIT", ""),
        ("Quit\t", "QUIT", ""),
        ("", "", ""),
        (" NOOP", "", "NOOP"),
    ],
)
def test_split(text: str, verb: str, argument: str) -> None:
    assert grammar.split(text) == (verb, argument)


@pytest.mark.parametrize("text", [b"MAIL FROM:<alice@Example.org>\r\n", b"mail from:<alice@example.ORG>\r\nRCPT"])
def test_plain_mail(text: bytes) -> None:
    found = grammar.MAIL_LINE(text)
    assert found is not None
    assert grammar.plain_mail(found) == events.Mail(ALICE)
    assert text[found.end() - 2 : found.end()] == b"\r\n"


def test_plain_rcpt() -> None:
    found = grammar.RCPT_LINE(b"NOOP\r\nRcpt To:<a.b+c@x-y.example>\r\n", 6)
    assert found is not None
    assert grammar.plain_rcpt(found) == events.Rcpt(Recipient(Address("a.b+c", "x-y.example")))


@pytest.mark.parametrize("path", [b"a" * 65 + b"@b.example", b"a@" + b"b" * 60 + b".example"])
def test_plain_but_long(path: bytes) -> None:
    mail, rcpt = grammar.MAIL_LINE(b"MAIL FROM:<%s>\r\n" % path), grammar.RCPT_LINE(b"RCPT TO:<%s>\r\n" % path)
    assert mail is not None
    assert rcpt is not None
    assert grammar.plain_mail(mail) is None
    assert grammar.plain_rcpt(rcpt) is None


@pytest.mark.parametrize(
    "path",
    ["<>", "<a@b>", "<a@xn--p1ai.example>", "<a..b@c.example>", "<a@1.2.3.4>", "< a@b.example>", "<a@b.example> "],
)
def test_not_plain(path: str) -> None:
    assert grammar.MAIL_LINE(f"MAIL FROM:{path}\r\n".encode()) is None


def test_a_plain_line_ends_in_crlf() -> None:
    for end in (b"", b"\r", b"\n", b"\r\r\n"):
        assert grammar.MAIL_LINE(b"MAIL FROM:<alice@example.org>" + end) is None


@pytest.mark.parametrize(
    ("argument", "mail"),
    [
        ("FROM:<>", events.Mail(None)),
        ("from: <alice@example.org>", events.Mail(ALICE)),
        ("FROM:<@a.example,@b.example:alice@example.org> BODY=8BITMIME", events.Mail(ALICE, body="8BITMIME")),
        ('FROM:<"@a,@b:<user>"@d.example>', events.Mail(Address("@a,@b:<user>", "d.example"))),
        ("FROM:<ål@example.org> SMTPUTF8", events.Mail(Address("ål", "example.org"), smtputf8=True)),
    ],
)
def test_mail(argument: str, mail: events.Mail) -> None:
    assert grammar.mail(argument, OFFER) == mail


@pytest.mark.parametrize(
    ("argument", "code"),
    [
        ("", "501 5.5.4"),
        ("TO:<alice@example.org>", "501 5.5.4"),
        ("FROM:alice@example.org", "501 5.5.4"),
        ("FROM:<alice@example.org", "501 5.5.4"),
        ('FROM:<"alice@example.org>', "501 5.5.4"),
        ("FROM:<alice@example.org>>>", "501 5.5.4"),
        ("FROM:<alice@example.org>SIZE=1", "501 5.5.4"),
        ("FROM:\t<alice@example.org>", "501 5.5.4"),
        ("FROM :<alice@example.org>", "501 5.5.4"),
        ("FROM:<@invalid>", "501 5.1.7"),
        ("FROM:<hi.there@invalid..org>", "501 5.1.7"),
        ("FROM:<ål@example.org>", "553 5.6.7"),
        ("FROM:<alice@example.org> X=Y", "555 5.5.4"),
    ],
)
def test_mail_refused(argument: str, code: str) -> None:
    with pytest.raises(esmtp.Bad) as caught:
        grammar.mail(argument, OFFER)
    assert refused(caught) == code


def test_rcpt() -> None:
    assert grammar.rcpt("TO:<postmaster>", None, smtputf8=False).recipient.address == Address("postmaster", "")
    assert grammar.rcpt("TO:<alice@example.org> NOTIFY=NEVER RRVS=2014-04-03T23:01:00Z;C", OFFER, smtputf8=False) == (
        events.Rcpt(Recipient(ALICE, notify="NEVER"), rrvs=1396566060000, rrvs_continue=True)
    )
    assert grammar.rcpt("TO:<ål@example.org>", OFFER, smtputf8=True).recipient.address.local == "ål"


@pytest.mark.parametrize(
    ("argument", "code"),
    [
        ("TO:<>", "550 5.1.3"),
        ("TO:<a@>", "501 5.1.3"),
        ("TO:<ål@example.org>", "553 5.6.7"),
        ("FROM:<a@b>", "501 5.5.4"),
    ],
)
def test_rcpt_refused(argument: str, code: str) -> None:
    with pytest.raises(esmtp.Bad) as caught:
        grammar.rcpt(argument, OFFER, smtputf8=False)
    assert refused(caught) == code


def test_hello() -> None:
    assert grammar.hello("EHLO", "[192.0.2.1]") == events.Hello("EHLO", "[192.0.2.1]")
    for argument in ("", "two names", "x" * 256, "büro"):
        with pytest.raises(esmtp.Bad, match="501"):
            grammar.hello("EHLO", argument)


@pytest.mark.parametrize(
    ("argument", "chunk"),
    [
        ("0 LAST", (0, True)),
        ("123456  last", (123456, True)),
        ("7", (7, False)),
        ("", None),
        ("LAST", None),
        ("123LAST", None),
        ("123x LAST", None),
        ("-1", None),
        ("1 LAST LAST", None),
        ("1" * 21, None),
        ("٣", None),
    ],
)
def test_chunk(argument: str, chunk: tuple[int, bool] | None) -> None:
    assert grammar.chunk(argument) == chunk


@pytest.mark.parametrize(
    ("line", "octets"),
    [(b"", b""), (b"AGEAYg==", b"\0a\0b"), (b"AGEAYg=", None), (b"AGEA Yg==", None), (b"*", None), (b"\xff", None)],
)
def test_base64(line: bytes, octets: bytes | None) -> None:
    assert grammar.base64(line) == octets


@pytest.mark.parametrize(
    ("argument", "auth"),
    [
        ("plain", events.Auth("PLAIN", None)),
        ("PLAIN =", events.Auth("PLAIN", b"")),
        ("PLAIN AGEAYg==", events.Auth("PLAIN", b"\0a\0b")),
    ],
)
def test_auth(argument: str, auth: events.Auth) -> None:
    assert grammar.auth(argument, OFFER) == auth


@pytest.mark.parametrize(
    ("argument", "code"),
    [
        ("", "501 5.5.4"),
        ("PLAIN a b", "501 5.5.4"),
        ("CRAM-MD5", "504 5.5.4"),
        ("PLAIN ###", "501 5.5.2"),
        ("PLAIN é", "501 5.5.2"),
    ],
)
def test_auth_refused(argument: str, code: str) -> None:
    with pytest.raises(esmtp.Bad) as caught:
        grammar.auth(argument, OFFER)
    assert refused(caught) == code


def test_xclient() -> None:
    assert grammar.xclient("name=spike.example addr=IPV6:2001:db8::1", OFFER) == events.Xclient(
        (("NAME", "spike.example"), ("ADDR", "IPV6:2001:db8::1"))
    )
    for argument in ("", "NAME", "NAME=", "PORT=25", "NAME=a NAME=b", "NAME=+0A", "=x"):
        with pytest.raises(esmtp.Bad, match="501"):
            grammar.xclient(argument, OFFER)


def test_commands_with_a_string_or_none() -> None:
    assert grammar.PLAIN["VRFY"]('"a b"') == events.Vrfy('"a b"')
    assert grammar.PLAIN["EXPN"]("list") == events.Expn("list")
    assert grammar.PLAIN["HELP"]("MAIL") == events.Help("MAIL")
    assert grammar.PLAIN["NOOP"]("x") == events.Noop()
    assert grammar.PLAIN["QUIT"]("") == events.Quit()
    for verb, argument in (
        ("VRFY", ""),
        ("EXPN", '""'),
        ("QUIT", "x"),
        ("DATA", "x"),
        ("RSET", "x"),
        ("STARTTLS", "x"),
    ):
        with pytest.raises(esmtp.Bad, match="501"):
            grammar.PLAIN[verb](argument)

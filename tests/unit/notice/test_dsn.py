"""DSNs: who is told what, what is given back, and that the result is a letter others can read."""

import email
import email.policy
from email.message import EmailMessage, Message

import msgspec
import pytest

from hatoba.message import headers
from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Letter, Recipient, Source
from hatoba.model.outcome import DEFERRED, DELIVERED, FAILED, Outcome
from hatoba.model.status import Status
from hatoba.notice import dsn, words
from hatoba.notice.settings import Settings

NOW = 1_767_225_600_000
CONTENT = b"From: a@example.com\r\nSubject: hello\r\nMessage-ID: <1@example.com>\r\n\r\nbody\r\n"


def make_letter(
    *notify: str, content: bytes = CONTENT, sender: str | None = "a@example.com", door: str = "mx", **more: object
) -> Letter:
    recipients = tuple(Recipient(Address(f"r{n}", "example.jp"), asked) for n, asked in enumerate(notify))
    envelope = Envelope(Address.parse(sender) if sender else None, recipients)
    envelope = msgspec.structs.replace(envelope, **more)
    return Letter(
        7, NOW - 1000, NOW + 1000, envelope, Source(door), len(content), content, message_id="<1@example.com>"
    )


def fates(letter: Letter, kind: str = FAILED, code: str = "5.1.1", reply: str = "550 5.1.1 no") -> list[Outcome]:
    return [Outcome(n, kind, Status(code, "no"), reply) for n in range(len(letter.envelope.recipients))]


def compose(
    letter: Letter,
    kind: str = dsn.FAILURE,
    settings: Settings | None = None,
    *,
    content_head: bytes = b"",
    host: str = "",
    attempted: int = 0,
) -> Letter | None:
    return dsn.compose(
        kind, letter, fates(letter), NOW, "mx.example.org", 8,
        settings=settings or Settings(), content_head=content_head, host=host, attempted=attempted,
    )  # fmt: skip


def parts(made: Letter | None) -> tuple[EmailMessage, list[EmailMessage]]:
    assert made is not None
    assert made.content is not None
    message = email.message_from_bytes(made.content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert message.get_content_type() == "multipart/report"
    found = message.get_payload()
    assert isinstance(found, list)
    return message, [part for part in found if isinstance(part, EmailMessage)]


def groups(part: EmailMessage) -> list[Message]:
    """The groups of fields of message/delivery-status."""
    payload = part.get_payload()
    if isinstance(payload, list):
        return [group for group in payload if isinstance(group, Message)]
    octets = part.get_payload(decode=True)
    assert isinstance(octets, bytes)
    return [
        email.message_from_bytes(group, policy=email.policy.compat32)
        for group in octets.replace(b"\r\n", b"\n").split(b"\n\n")
        if group.strip()
    ]


@pytest.mark.parametrize(
    ("kind", "notify", "told"),
    [
        (dsn.FAILURE, "", True),
        (dsn.DELAY, "", True),
        (dsn.SUCCESS, "", False),
        (dsn.RELAYED, "", False),
        (dsn.FAILURE, "NEVER", False),
        (dsn.DELAY, "NEVER", False),
        (dsn.SUCCESS, "NEVER", False),
        (dsn.FAILURE, "SUCCESS", False),
        (dsn.DELAY, "SUCCESS,FAILURE", False),
        (dsn.FAILURE, "SUCCESS,FAILURE", True),
        (dsn.DELAY, "DELAY", True),
        (dsn.SUCCESS, "SUCCESS", True),
        (dsn.RELAYED, "SUCCESS,FAILURE,DELAY", True),
    ],
)
def test_notify_is_honoured(kind: str, notify: str, told: bool) -> None:
    assert (compose(make_letter(notify), kind) is not None) is told


def test_nobody_is_told_of_a_relay_when_the_next_host_will_tell() -> None:
    letter = make_letter("SUCCESS")
    outcome = Outcome(0, DELIVERED, Status("2.0.0"), dsn=False)
    assert dsn.compose(dsn.RELAYED, letter, [outcome], NOW, "mx", 8) is None
    assert dsn.compose(dsn.SUCCESS, letter, [outcome], NOW, "mx", 8) is not None


def test_never_a_dsn_for_a_dsn() -> None:
    assert compose(make_letter("", sender=None)) is None
    assert compose(make_letter("", door="dsn")) is None
    made = compose(make_letter(""))
    assert made is not None
    assert compose(made) is None


def test_an_unknown_kind_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        compose(make_letter("FAILURE"), "bounce")


def test_the_envelope_and_the_letter() -> None:
    made = compose(make_letter("", requiretls=True, priority=3), settings=Settings(expire=60.0))
    assert made is not None
    assert made.content is not None
    envelope = made.envelope
    assert envelope.sender is None
    assert envelope.recipients == (Recipient(Address("a", "example.com"), "NEVER"),)
    assert (envelope.ret, envelope.body, envelope.smtputf8) == ("", "7BIT", False)
    assert (envelope.requiretls, envelope.priority) == (True, 3)
    assert (made.id, made.accepted, made.expires) == (8, NOW, NOW + 60_000)
    assert made.source == Source("dsn")
    assert made.size == len(made.content)
    assert made.message_id == "<0000000000008@mx.example.org>"
    assert not made.eightbit
    assert made.content.count(b"\n") == made.content.count(b"\r\n") == made.content.count(b"\r")


def test_the_header() -> None:
    message, _ = parts(compose(make_letter("")))
    assert message["From"] == "Mail Delivery System <mailer-daemon@mx.example.org>"
    assert message["To"] == "a@example.com"
    assert message["Subject"] == "Mail not delivered"
    assert message["Date"] == "Thu, 01 Jan 2026 00:00:00 +0000"
    assert message["Message-ID"] == "<0000000000008@mx.example.org>"
    assert message["In-Reply-To"] == message["References"] == "<1@example.com>"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["X-Hatoba-Letter"] == "0000000000007"
    assert message.get_param("report-type") == "delivery-status"


def test_one_dsn_for_all_recipients_who_want_one() -> None:
    _, found = parts(compose(make_letter("", "NEVER", "FAILURE"), host="mx1.example.jp", attempted=NOW - 5000))
    about, *each = groups(found[1])
    assert about["Reporting-MTA"] == "dns; mx.example.org"
    assert about["Arrival-Date"] == "Wed, 31 Dec 2025 23:59:59 +0000"
    assert about["Original-Envelope-Id"] is None
    assert [group["Final-Recipient"] for group in each] == ["rfc822; r0@example.jp", "rfc822; r2@example.jp"]
    for group in each:
        assert group["Action"] == "failed"
        assert group["Status"] == "5.1.1"
        assert group["Remote-MTA"] == "dns; mx1.example.jp"
        assert group["Diagnostic-Code"] == "smtp; 550 5.1.1 no"
        assert group["Last-Attempt-Date"] == "Wed, 31 Dec 2025 23:59:55 +0000"
        assert group["Will-Retry-Until"] is None
        assert group["Original-Recipient"] is None


def test_envid_and_orcpt_come_back() -> None:
    letter = make_letter("", envid="QQ 31+41")
    recipient = Recipient(Address("r0", "example.jp"), orcpt="rfc822;Bob@Example.net")
    letter.envelope = msgspec.structs.replace(letter.envelope, recipients=(recipient,))
    _, found = parts(compose(letter))
    about, fate = groups(found[1])
    assert about["Original-Envelope-Id"] == "QQ 31+41"
    assert fate["Original-Recipient"] == "rfc822; Bob@Example.net"
    assert fate.keys()[0] == "Original-Recipient"


def test_a_delay_says_until_when() -> None:
    letter = make_letter("")
    outcomes = [Outcome(0, DEFERRED, Status("4.4.1", "connection refused"))]
    message, found = parts(dsn.compose(dsn.DELAY, letter, outcomes, NOW, "mx.example.org", 8))
    assert message["Subject"] == "Mail delayed, still trying"
    _, fate = groups(found[1])
    assert (fate["Action"], fate["Status"]) == ("delayed", "4.4.1")
    assert fate["Will-Retry-Until"] == "Thu, 1 Jan 2026 00:00:01 +0000"
    assert fate["Diagnostic-Code"] == "x-hatoba; connection refused"
    assert fate["Remote-MTA"] is None
    assert found[2].get_content_type() == "text/rfc822-headers"
    assert "2026-01-01 00:00 +0000" in found[0].get_content()


@pytest.mark.parametrize(
    ("kind", "action", "code"), [(dsn.SUCCESS, "delivered", "2.1.5"), (dsn.RELAYED, "relayed", "2.0.0")]
)
def test_good_news(kind: str, action: str, code: str) -> None:
    letter = make_letter("SUCCESS", ret="FULL")
    outcomes = [Outcome(0, DELIVERED, Status(code, "fine"))]
    _, found = parts(dsn.compose(kind, letter, outcomes, NOW, "mx.example.org", 8))
    _, fate = groups(found[1])
    assert (fate["Action"], fate["Status"], fate["Diagnostic-Code"]) == (action, code, None)
    assert found[2].get_content_type() == "text/rfc822-headers"  # RET is about failures only


BINARY = {"body": "BINARYMIME"}


@pytest.mark.parametrize(
    ("ret", "returned", "limit", "more", "whole"),
    [
        ("FULL", "headers", 1000, {}, True),
        ("HDRS", "full", 1000, {}, False),
        ("", "full", 1000, {}, True),
        ("", "headers", 1000, {}, False),
        ("FULL", "full", 10, {}, False),
        ("FULL", "full", 1000, {"requiretls": True}, False),
        ("FULL", "full", 1000, BINARY, False),
    ],
)
def test_what_is_given_back(ret: str, returned: str, limit: int, more: dict[str, object], whole: bool) -> None:
    settings = msgspec.convert({"returned": returned, "returned_limit": limit}, Settings)
    letter = make_letter("", ret=ret)
    letter.envelope = msgspec.structs.replace(letter.envelope, **more)
    _, found = parts(compose(letter, settings=settings))
    assert found[2].get_content_type() == ("message/rfc822" if whole else "text/rfc822-headers")
    text = found[2].as_string()
    assert ("body" in text) is whole
    assert "Subject: hello" in text


def test_a_content_that_is_not_at_hand() -> None:
    letter = make_letter("")
    letter.content = None
    _, found = parts(compose(letter))
    assert len(found) == 2
    _, found = parts(compose(letter, content_head=CONTENT[:-3]))
    assert found[2].get_content_type() == "text/rfc822-headers"
    _, found = parts(compose(letter, content_head=CONTENT))
    assert found[2].get_content_type() == "message/rfc822"


@pytest.mark.parametrize(
    "content",
    [
        CONTENT + b"nul \x00\r\n",
        CONTENT + b"x" * 1200 + b"\r\n",
        CONTENT + b"bare\n",
    ],
)
def test_a_content_that_8bitmime_cannot_carry_is_not_returned(content: bytes) -> None:
    made = compose(make_letter("", content=content))
    _, found = parts(made)
    assert found[2].get_content_type() == "text/rfc822-headers"
    assert made is not None
    assert not made.eightbit


def test_an_8bit_letter_comes_back_as_it_was() -> None:
    content = CONTENT + "日本語\r\n".encode()
    made = compose(make_letter("", content=content))
    assert made is not None
    assert made.content is not None
    assert content in made.content
    assert (made.eightbit, made.envelope.body, made.envelope.smtputf8) == (True, "8BITMIME", False)
    message, found = parts(made)
    assert message["Content-Transfer-Encoding"] == found[2]["Content-Transfer-Encoding"] == "8bit"


def test_a_header_in_no_charset_stays_seven_bit() -> None:
    content = b"Subject: \x93\xfa\x96{\r\n\r\n"
    made = compose(make_letter("", content=content, ret="HDRS"))
    assert made is not None
    assert made.envelope.body == "7BIT"
    _, found = parts(made)
    assert found[2].get_payload(decode=True) == content[:-2]


def test_a_huge_header_is_cut_at_a_line() -> None:
    content = b"".join(b"X-Line-%d: %s\r\n" % (n, b"x" * 60) for n in range(100)) + b"\r\nbody"
    _, found = parts(compose(make_letter("", content=content, ret="HDRS"), settings=Settings(header_limit=1000)))
    octets = found[2].get_payload(decode=True)
    assert isinstance(octets, bytes)
    assert 900 < len(octets) <= 1000
    assert content.startswith(octets)
    assert octets.endswith(b"\n")


def test_the_dots_of_what_is_returned_are_announced() -> None:
    plain, dotted = compose(make_letter("")), compose(make_letter("", content=CONTENT + b".hidden\r\n"))
    assert plain is not None
    assert dotted is not None
    assert (plain.dotted, dotted.dotted) == (False, True)


def test_the_text_says_it_in_both_languages() -> None:
    for language, first in (("en", "This is the mail system"), ("ja", "mx.example.org のメールシステム")):
        settings = msgspec.convert({"language": language}, Settings)
        message, found = parts(compose(make_letter(""), settings=settings, host="mx1.example.jp"))
        text = found[0].get_content()
        assert text.startswith(first)
        for said in (
            "There is no such mailbox", "メールボックスはありません", "<r0@example.jp>", "550 5.1.1 no", "hello",
            "The answer of mx1.example.jp", "mx1.example.jp からの応答", "0000000000007",
        ):  # fmt: skip
            assert said in text
        assert message["Subject"] == words.subject("failure", language)
        assert found[0].get_content_charset() == "utf-8"


def test_a_reply_full_of_rubbish_does_no_harm() -> None:
    reply = "550-5.7.1 one\r\n550 X-Evil: yes\x00\x1b[31m " + "漢" * 3000
    letter = make_letter("")
    message, found = parts(
        dsn.compose(dsn.FAILURE, letter, [Outcome(0, FAILED, Status("5.7.1", "x"), reply)], NOW, "mx.example.org", 8)
    )
    assert message["X-Evil"] is None
    _, fate = groups(found[1])
    assert fate["X-Evil"] is None
    assert str(fate["Diagnostic-Code"]).startswith("smtp; 550-5.7.1 one 550 X-Evil: yes [31m \\x{6F22}")
    assert "\x1b" not in found[0].get_content()


def test_a_message_id_full_of_rubbish_is_left_out() -> None:
    letter = make_letter("")
    letter.message_id = "no id\r\nX-Evil: yes"
    message, _ = parts(compose(letter))
    assert message["In-Reply-To"] is None
    assert message["X-Evil"] is None


class TestInternational:
    """RFC 6533: the global forms where they are needed and can be read."""

    def letter(self, sender: str, smtputf8: bool, content: bytes = CONTENT) -> Letter:
        letter = make_letter("", sender=sender, smtputf8=smtputf8, content=content)
        recipient = Recipient(Address.parse("太郎@日本語.jp"), orcpt="utf-8;太郎@日本語.jp")
        letter.envelope = msgspec.structs.replace(letter.envelope, recipients=(recipient,))
        return letter

    def test_a_sender_beyond_ascii(self) -> None:
        content = "From: 花子 <花子@例え.jp>\r\n\r\nx\r\n".encode()
        made = compose(self.letter("花子@例え.jp", True, content))
        assert made is not None
        assert made.content is not None
        assert made.envelope.smtputf8
        assert made.envelope.body == "8BITMIME"
        message, found = parts(made)
        assert message.get_param("report-type") == "global-delivery-status"
        assert found[1].get_content_type() == "message/global-delivery-status"
        assert found[2].get_content_type() == "message/global"
        assert "Final-Recipient: utf-8; 太郎@xn--wgv71a119e.jp".encode() in made.content
        assert "Original-Recipient: utf-8; 太郎@日本語.jp".encode() in made.content
        assert headers.scan(made.content).text(b"to") == "花子@xn--r8jz45g.jp"

    def test_headers_alone(self) -> None:
        content = "From: 花子 <花子@例え.jp>\r\n\r\nx\r\n".encode()
        letter = self.letter("花子@例え.jp", True, content)
        letter.envelope = msgspec.structs.replace(letter.envelope, ret="HDRS")
        _, found = parts(compose(letter))
        assert found[2].get_content_type() == "message/global-headers"

    def test_a_plain_sender_who_used_smtputf8(self) -> None:
        made = compose(self.letter("a@example.com", True))
        assert made is not None
        assert made.envelope.smtputf8

    def test_a_plain_sender_who_did_not(self) -> None:
        made = compose(self.letter("a@example.com", False))
        assert made is not None
        assert made.content is not None
        assert not made.envelope.smtputf8
        assert made.content.isascii()
        _, found = parts(made)
        _, fate = groups(found[1])
        assert fate["Final-Recipient"] == r"utf-8; \x{592A}\x{90CE}@xn--wgv71a119e.jp"
        assert fate["Original-Recipient"] == r"utf-8; \x{592A}\x{90CE}@\x{65E5}\x{672C}\x{8A9E}.jp"

    def test_smtputf8_without_need_stays_plain(self) -> None:
        made = compose(make_letter("", smtputf8=True))
        assert made is not None
        assert not made.envelope.smtputf8
        _, found = parts(made)
        assert found[1].get_content_type() == "message/delivery-status"


@pytest.mark.parametrize("orcpt", ["bob@example.com", ";bob", "rfc822;", "é;bob", "rfc 822;b"])
def test_an_orcpt_that_is_none_is_left_out(orcpt: str) -> None:
    letter = make_letter("")
    recipient = Recipient(Address("r0", "example.jp"), orcpt=orcpt)
    letter.envelope = msgspec.structs.replace(letter.envelope, recipients=(recipient,))
    _, found = parts(compose(letter))
    assert groups(found[1])[1]["Original-Recipient"] is None

"""Letters of rules: vacation replies, rejections, notifications: their envelopes, fields, and that others read them."""

import email
import email.policy
from email.message import EmailMessage

import msgspec
import pytest

from hatoba.message import headers
from hatoba.model.address import Address
from hatoba.model.edits import FieldEdit
from hatoba.model.envelope import Envelope, Letter, Recipient
from hatoba.notice.rules import about as abouts
from hatoba.notice.rules import notification, redirection, rejection, vacation
from hatoba.sieve import actions, edited

NOW = 1_767_225_600_000
CONTENT = (
    b"From: Fuyu <fuyu@example.net>\r\nTo: aki@example.org\r\nSubject: =?utf-8?B?5Yas?= tea\r\n"
    b"Message-ID: <2@example.net>\r\nReferences: <0@example.net>\r\n <1@example.net>\r\n\r\nSecret body\r\n"
)
ABOUT = abouts.About(
    CONTENT, Address("aki", "example.org"), Address("fuyu", "example.net"), NOW, 8, "mx.example.org", "秋", zone=540
)
REPLY = actions.Vacation("fuyu@example.net", "h", 86400, "Away.\r\n冬まで。")


def read(letter: Letter | None) -> EmailMessage:
    assert letter is not None
    assert letter.content is not None
    assert letter.size == len(letter.content)
    assert b"\n" not in letter.content.replace(b"\r\n", b"")
    message = email.message_from_bytes(letter.content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def parts(message: EmailMessage) -> list[EmailMessage]:
    return [part for part in message.iter_parts() if isinstance(part, EmailMessage)]


def changed(about: abouts.About = ABOUT, **more: object) -> abouts.About:
    return msgspec.structs.replace(about, **more)


class TestVacation:
    def test_the_envelope_comes_from_nobody_and_wants_no_notice(self) -> None:
        made = vacation.compose(REPLY, ABOUT)
        assert made is not None
        assert made.envelope.sender is None
        assert [(str(each.address), each.notify) for each in made.envelope.recipients] == [
            ("fuyu@example.net", "NEVER")
        ]
        assert made.source.door == "sieve"
        assert (made.accepted, made.message_id) == (NOW, f"<{ABOUT.written_id}@mx.example.org>")

    def test_the_fields(self) -> None:
        message = read(vacation.compose(REPLY, ABOUT))
        assert message["From"] == "秋 <aki@example.org>"
        assert message["To"] == "fuyu@example.net"
        assert message["Subject"] == "Auto: 冬 tea"
        assert message["Auto-Submitted"] == "auto-replied"
        assert message["In-Reply-To"] == "<2@example.net>"
        assert message["References"] == "<0@example.net> <1@example.net> <2@example.net>"
        assert message["Date"] == "Thu, 01 Jan 2026 09:00:00 +0900"
        assert message.get_content().splitlines() == ["Away.", "冬まで。"]

    @pytest.mark.parametrize(
        ("wanted", "stands"),
        [
            ("", "秋 <aki@example.org>"),
            ("Aki A. <AKI@example.org>", '"Aki A." <AKI@example.org>'),
            ("haru@example.org", "haru@example.org"),
            ("boss@example.org", "秋 <aki@example.org>"),  # not the person's
            ("boss@example.org, haru@example.org", "haru@example.org"),
        ],
    )
    def test_the_author_is_the_person(self, wanted: str, stands: str) -> None:
        action = msgspec.structs.replace(REPLY, sender=wanted)
        assert read(vacation.compose(action, changed(addresses=frozenset({"haru@example.org"}))))["From"] == stands

    def test_the_subject(self) -> None:
        assert read(vacation.compose(msgspec.structs.replace(REPLY, subject="Fort"), ABOUT))["Subject"] == "Fort"
        untitled = changed(content=b"From: x\r\n\r\n")
        assert read(vacation.compose(REPLY, untitled))["Subject"] == "Automated reply"
        assert read(vacation.compose(REPLY, changed(untitled, language="ja")))["Subject"] == "自動応答"

    def test_without_an_id_there_is_no_thread(self) -> None:
        message = read(vacation.compose(REPLY, changed(content=b"Subject: x\r\nReferences: <1@a>\r\n\r\n")))
        assert message["In-Reply-To"] is None
        assert message["References"] is None

    def test_a_long_thread_keeps_its_first_and_its_last_ids(self) -> None:
        many = b" ".join(b"<%d@a.example>" % n for n in range(50))
        content = b"Message-ID: <50@a.example>\r\nReferences: " + many + b"\r\n\r\n"
        found = abouts.thread(headers.scan(content))[1][1].split()
        assert len(found) == 20
        assert (found[0], found[1], found[-1]) == ("<0@a.example>", "<32@a.example>", "<50@a.example>")

    def test_what_is_no_address_gets_nothing(self) -> None:
        assert vacation.compose(msgspec.structs.replace(REPLY, to="broken@"), ABOUT) is None

    def test_a_mime_entity_keeps_its_fields_of_content_alone(self) -> None:
        text = (
            "Content-Type: multipart/alternative; boundary=x\r\nContent-Language: ja\r\nBcc: z@z.example\r\n\r\n"
            "--x\r\n\r\nplain\r\n--x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<b>冬</b>\r\n--x--\r\n"
        )
        message = read(vacation.compose(msgspec.structs.replace(REPLY, text=text, mime=True), ABOUT))
        assert message.get_content_type() == "multipart/alternative"
        assert message["Bcc"] is None
        assert message["Content-Language"] == "ja"
        assert [part.get_content_type() for part in parts(message)] == ["text/plain", "text/html"]

    def test_a_mime_text_beyond_ascii_is_encoded(self) -> None:
        text = "Content-Type: text/plain; charset=utf-8\r\n\r\n冬\r\n"
        made = vacation.compose(msgspec.structs.replace(REPLY, text=text, mime=True), ABOUT)
        assert read(made).get_content().strip() == "冬"
        assert made is not None
        assert not made.eightbit


class TestRejection:
    def test_the_mdn(self) -> None:
        made = rejection.compose(actions.Reject("No birdseed,\r\nplease."), ABOUT)
        message = read(made)
        assert made is not None
        assert made.envelope.sender is None
        assert message.get_content_type() == "multipart/report"
        assert message.get_param("report-type") == "disposition-notification"
        assert message["Auto-Submitted"] == "auto-replied"
        human, status, returned = parts(message)
        assert "No birdseed," in human.get_content()
        assert "aki@example.org 宛て" in human.get_content()
        assert status.get_content_type() == "message/disposition-notification"
        (group,) = status.iter_parts() if status.is_multipart() else (status,)
        assert group["Final-Recipient"] == "rfc822; aki@example.org"
        assert group["Original-Message-ID"] == "<2@example.net>"
        assert group["Disposition"] == "automatic-action/MDN-sent-automatically; deleted"
        assert returned.get_content_type() == "text/rfc822-headers"
        assert b"Secret body" not in (made.content or b"")

    def test_nobody_is_told_where_nobody_sent(self) -> None:
        assert rejection.compose(actions.Reject("x"), changed(sender=None)) is None

    def test_the_language_comes_first(self) -> None:
        message = read(rejection.compose(actions.Reject("x"), changed(language="ja")))
        assert message["Subject"] == "メールの受信が拒否されました"
        assert parts(message)[0].get_content().startswith("aki@example.org 宛て")

    @pytest.mark.parametrize(
        ("reason", "text"),
        [
            ("No,\r\nthanks.", "No, thanks."),
            ("駄目", "The recipient's mail filter refused this letter"),
            ("\r\n", "The recipient's mail filter refused this letter"),
            ("x" * 5000, "x" * 400),
        ],
    )
    def test_the_status(self, reason: str, text: str) -> None:
        status = rejection.status(actions.Reject(reason))
        assert (status.code, status.text) == ("5.7.1", text)

    def test_what_the_dialogue_can_say(self) -> None:
        assert rejection.in_dialogue(actions.Reject("no"))
        assert not rejection.in_dialogue(actions.Reject("駄目"))
        assert rejection.in_dialogue(actions.Reject("駄目", extended=True))


class TestNotification:
    ACTION = actions.Notify(
        ("pager@example.com", "broken@"), ("b@example.com",), "", 1, "From 冬", "", (("X-A", "1"), ("From", "x@y.z"))
    )

    def test_the_letter(self) -> None:
        made = notification.compose(self.ACTION, ABOUT)
        message = read(made)
        assert made is not None
        assert made.envelope.sender == ABOUT.owner
        assert [str(each.address) for each in made.envelope.recipients] == ["pager@example.com", "b@example.com"]
        assert message["Auto-Submitted"] == 'auto-notified; owner-email="aki@example.org"'
        assert (message["To"], message["Cc"]) == ("pager@example.com", "b@example.com")
        assert message["From"] == "秋 <aki@example.org>"
        assert (message["Subject"], message["Importance"], message["X-A"]) == ("From 冬", "high", "1")
        assert message.get_content().splitlines() == ["From: Fuyu <fuyu@example.net>", "Subject: 冬 tea"]

    def test_a_text_of_its_own(self) -> None:
        action = msgspec.structs.replace(self.ACTION, text="one\r\ntwo", importance=2, to=())
        message = read(notification.compose(action, ABOUT))
        assert message.get_content().split() == ["one", "two"]
        assert message["Importance"] is None
        assert message["To"] == "b@example.com"

    def test_what_came_from_nobody_is_told_by_nobody(self) -> None:
        made = notification.compose(self.ACTION, changed(sender=None))
        assert made is not None
        assert made.envelope.sender is None

    def test_nobody_to_tell(self) -> None:
        assert notification.compose(actions.Notify(("broken@",)), ABOUT) is None


class TestRedirection:
    ARRIVED = Envelope(
        ABOUT.sender, (Recipient(ABOUT.owner, notify="FAILURE"),), ret="FULL", envid="x", requiretls=True
    )

    def test_the_letter_goes_on_as_it_came(self) -> None:
        action = actions.Redirect("phone@example.com")
        made = redirection.compose(action, ABOUT, self.ARRIVED, ABOUT.sender)
        assert made is not None
        assert made.content == b"Delivered-To: aki@example.org\r\n" + CONTENT
        assert made.envelope == Envelope(ABOUT.sender, (Recipient(Address("phone", "example.com")),), requiretls=True)
        assert (made.message_id, made.subject, made.header_from) == (
            "<2@example.net>",
            "冬 tea",
            "Fuyu <fuyu@example.net>",
        )

    def test_with_the_fields_that_the_script_changed_and_another_sender(self) -> None:
        wanted = (FieldEdit("insert", b"X-A", b" 1"), FieldEdit("change", b"References", b"", 1))
        action = actions.Redirect("phone@example.com", edits=wanted)
        made = redirection.compose(action, ABOUT, self.ARRIVED, Address("srs", "example.org"))
        assert made is not None
        assert made.envelope.sender == Address("srs", "example.org")
        header = headers.scan(made.content or b"")
        assert (header.first(b"x-a"), header.has(b"references")) == (b"1", False)
        assert (made.content or b"").endswith(b"\r\n\r\nSecret body\r\n")

    @pytest.mark.parametrize(
        "top",
        [b"Delivered-To: Phone@example.com\r\n", b"Received: x\r\n" * 51],
    )
    def test_it_does_not_go_in_circles(self, top: bytes) -> None:
        about = changed(content=top + CONTENT)
        assert redirection.compose(actions.Redirect("phone@example.com"), about, self.ARRIVED, None) is None

    def test_it_does_not_come_back_at_once(self) -> None:
        assert redirection.compose(actions.Redirect("AKI@example.org"), ABOUT, self.ARRIVED, None) is None
        assert redirection.compose(actions.Redirect("broken@"), ABOUT, self.ARRIVED, None) is None

    def test_octets_beyond_ascii_are_declared(self) -> None:
        about = changed(content=CONTENT + "冬\r\n".encode())
        made = redirection.compose(actions.Redirect("phone@example.com"), about, self.ARRIVED, None)
        assert made is not None
        assert (made.eightbit, made.envelope.body) == (True, "8BITMIME")


def test_edits_leave_the_body_and_make_a_header_where_there_is_none() -> None:
    add = (FieldEdit("insert", b"X-A", b" 1"),)
    assert edited.edited(CONTENT, ()) is CONTENT
    assert edited.edited(b"\r\nbody", add) == b"X-A: 1\r\n\r\nbody"
    assert edited.edited(b"A: b\r\n", add) == b"X-A: 1\r\nA: b\r\n\r\n"
    assert edited.edited(b"", add) == b"X-A: 1\r\n\r\n"

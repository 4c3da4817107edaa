"""One letter, the ports in order, and what each one said; against real servers on loopback."""

import socket
import ssl
from email.message import EmailMessage

import pytest
from tests.support.postfix import free_port
from tests.support.smtp_peer import DROP, HANG, SmtpPeer

from hatoba.app import sending

OFFER = ("8BITMIME", "SMTPUTF8", "AUTH PLAIN LOGIN")
LOGIN = sending.Login("alice@example.com", "secret")


def letter(text: str = "hello\n") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "alice@example.com", "bob@example.net", "A first letter"
    message.set_content(text)
    return message


def send(context: ssl.SSLContext, *ports: tuple[int, bool], login: sending.Login | None = LOGIN) -> list[sending.Try]:
    to = ["bob@example.net", "carol@example.net"]
    return sending.send(
        "localhost", letter(), "alice@example.com", to, login=login, ports=ports, context=context, timeout=5.0
    )


def test_starttls_auth_and_the_reply_with_the_letters_id(served: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    with SmtpPeer({"CONTENT": "250 2.0.0 Ok: 0123456789ABC"}, context=served, extensions=OFFER) as peer:
        (tried,) = send(trusting, (peer.port, False))
        (got,) = peer.letters
    assert (tried.ok, tried.stage, tried.port) == (True, "sent", peer.port)
    assert tried.reply == "250 2.0.0 Ok: 0123456789ABC"
    assert tried.tls == "TLSv1.3"
    assert (got.tls, got.sender, got.recipients) == (
        True,
        "alice@example.com",
        ["bob@example.net", "carol@example.net"],
    )
    assert got.auth
    assert got.content.endswith(b"\r\n\r\nhello\r\n")


def test_implicit_tls(served: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    with SmtpPeer(context=served, extensions=OFFER, implicit_tls=True) as peer:
        (tried,) = send(trusting, (peer.port, True))
    assert (tried.ok, tried.tls) == (True, "TLSv1.3")


def test_the_next_port_is_tried_where_none_listens(served: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    with SmtpPeer(context=served, extensions=OFFER, implicit_tls=True) as peer:
        closed, tried = send(trusting, (free_port(), False), (peer.port, True))
    assert (closed.ok, closed.stage, closed.reply) == (False, "connect", "")
    assert closed.detail
    assert tried.ok


def test_no_password_before_tls(trusting: ssl.SSLContext) -> None:
    with SmtpPeer(extensions=OFFER) as peer:
        (tried,) = send(trusting, (peer.port, False))
        said = [line for connection in peer.connections for line in connection.dialogue]
    assert (tried.ok, tried.stage) == (False, "STARTTLS")
    assert not any("AUTH" in line.upper().removeprefix("C: ")[:4] for line in said if line.startswith("C: "))


def test_an_untrusted_certificate_is_no_tls(served: ssl.SSLContext) -> None:
    with SmtpPeer(context=served, extensions=OFFER) as peer:
        (tried,) = send(ssl.create_default_context(), (peer.port, False))
        assert peer.letters == []
    assert (tried.ok, tried.stage) == (False, "STARTTLS")
    assert "certificate verify failed" in tried.detail


@pytest.mark.parametrize(
    ("stages", "stage", "reply"),
    [
        ({"AUTH": "535 5.7.8 wrong"}, "AUTH", "535 5.7.8 wrong"),
        ({"MAIL": "550 5.7.1 not yours"}, "MAIL", "550 5.7.1 not yours"),
        ({"RCPT": "550 5.1.1 nobody"}, "MAIL", "550 5.1.1 nobody"),
        ({"RCPT": "550 5.1.1 caf\udce9"}, "MAIL", "550 5.1.1 caf"),
        ({"DATA": "451 4.3.0 later"}, "MAIL", "451 4.3.0 later"),
        ({"CONTENT": "554 5.6.0 no"}, "MAIL", "554 5.6.0 no"),
    ],
)
def test_a_word_about_the_letter_ends_the_walk(
    served: ssl.SSLContext, trusting: ssl.SSLContext, stages: dict[str, object], stage: str, reply: str
) -> None:
    with SmtpPeer(stages, context=served, extensions=OFFER) as peer:
        tries = send(trusting, (peer.port, False), (peer.port, False))
    assert [(tried.ok, tried.stage) for tried in tries] == [(False, stage)]
    assert reply in tries[0].reply


def test_one_refused_recipient_of_two_is_told(served: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    with SmtpPeer({"RCPT": ["550 5.1.1 nobody", "250 ok"]}, context=served, extensions=OFFER) as peer:
        (tried,) = send(trusting, (peer.port, False))
        assert peer.letters[0].recipients == ["carol@example.net"]
    assert tried.ok
    assert tried.detail == "bob@example.net: 550 5.1.1 nobody"


@pytest.mark.parametrize("answer", ["421 4.3.2 too busy", DROP])
def test_a_server_that_has_no_time_sends_us_on(
    served: ssl.SSLContext, trusting: ssl.SSLContext, answer: object
) -> None:
    with SmtpPeer({"banner": [answer, "220 ready"]}, context=served, extensions=OFFER) as peer:
        busy, tried = send(trusting, (peer.port, False), (peer.port, False))
    assert (busy.ok, busy.stage, tried.ok) == (False, "connect", True)
    assert "b'" not in busy.detail


@pytest.mark.parametrize("answer", [DROP, HANG])
def test_silence_after_the_content_is_not_followed_by_a_second_copy(
    served: ssl.SSLContext, trusting: ssl.SSLContext, answer: object
) -> None:
    with SmtpPeer({"CONTENT": answer}, context=served, extensions=OFFER) as peer:
        tries = sending.send(
            "localhost", letter(), "alice@example.com", ["bob@example.net"], context=trusting, timeout=0.3,
            ports=((peer.port, False), (peer.port, False)),
        )  # fmt: skip
    assert [(tried.ok, tried.stage) for tried in tries] == [(False, "DATA")]
    assert "may have been taken" in tries[0].detail


def test_a_password_beyond_ascii(served: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    with SmtpPeer(context=served, extensions=OFFER) as peer:
        (tried,) = send(trusting, (peer.port, False), login=sending.Login("alice@example.com", "鳩鳩鳩鳩"))
    assert tried.ok, tried


def test_a_server_without_auth_is_told(served: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    with SmtpPeer(context=served, extensions=("8BITMIME",)) as peer:
        (tried,) = send(trusting, (peer.port, False))
    assert (tried.ok, tried.stage) == (False, "AUTH")
    assert "AUTH" in tried.detail


def test_a_silent_port_ends_in_time(trusting: ssl.SSLContext) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        (tried,) = sending.send("127.0.0.1", letter(), "a@b", ["c@d"], ports=((port, False),), timeout=0.2)
    assert (tried.ok, tried.stage) == (False, "connect")
    assert tried.seconds >= 0.2

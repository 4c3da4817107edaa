"""Which port answers and which to use, asked of real servers on loopback."""

import socket
import ssl

import pytest
from tests.support.postfix import free_port
from tests.support.smtp_peer import DROP, HANG, SmtpPeer

from hatoba.app import probe

AUTH = ("PIPELINING", "8BITMIME", "AUTH PLAIN LOGIN")


def ask(peer: SmtpPeer, role: int = 587, timeout: float = 5.0) -> probe.Port:
    return probe.ask("localhost", role, peer.port, timeout)


@pytest.mark.usefixtures("trusted")
def test_submission_with_a_trusted_certificate(served: ssl.SSLContext) -> None:
    extensions = [lambda line, c: c.peer.hello(("STARTTLS",)), lambda line, c: c.peer.hello(AUTH)]
    with SmtpPeer({"EHLO": extensions}, context=served) as peer:
        row = ask(peer)
    assert (row.open, row.failure, row.starttls, row.auth) == (True, "", True, ("PLAIN", "LOGIN"))
    assert row.tls == "TLSv1.3"
    assert row.seconds > 0
    assert not row.auth_before_tls
    assert row.banner == "peer.test"
    assert row.certificate is not None
    assert row.certificate.problem == ""
    assert set(row.certificate.names) == {"localhost", "127.0.0.1"}
    assert row.certificate.expires.endswith("+00:00")
    assert row.submits


def test_nothing_is_sent_and_nobody_logs_in(served: ssl.SSLContext) -> None:
    with SmtpPeer(context=served) as peer:
        ask(peer)
        said = [line.split()[1] for c in peer.connections for line in c.dialogue if line.startswith("C: ")]
        assert peer.letters == []
    assert set(said) <= {"ehlo", "EHLO", "STARTTLS", "QUIT", "quit"}


@pytest.mark.parametrize("implicit", [False, True])
def test_a_certificate_nobody_vouches_for_is_told_not_refused(served: ssl.SSLContext, implicit: bool) -> None:
    with SmtpPeer(context=served, extensions=AUTH, implicit_tls=implicit) as peer:
        row = ask(peer, 465 if implicit else 587)
    assert (row.tls, row.failure) == ("TLSv1.3", "")
    assert row.certificate is not None
    assert "self-signed" in row.certificate.problem or "unable to get local issuer" in row.certificate.problem
    assert row.auth_before_tls is (not implicit)


@pytest.mark.usefixtures("trusted")
def test_a_certificate_for_another_name_is_told(served: ssl.SSLContext) -> None:
    with SmtpPeer(context=served, host="127.0.0.2") as peer:
        row = probe.ask("127.0.0.2", 587, peer.port, 5.0)
    assert row.certificate is not None
    assert "127.0.0.2" in row.certificate.problem


def test_no_tls_and_no_auth_does_not_submit() -> None:
    with SmtpPeer() as peer:
        row = ask(peer, 25)
    assert (row.open, row.tls, row.auth, row.certificate, row.submits) == (True, "", (), None, False)


def test_a_closed_port() -> None:
    row = probe.ask("127.0.0.1", 587, free_port(), 5.0)
    assert (row.open, row.failure, row.seconds) == (False, "connecting: refused", 0.0)


def test_a_name_that_is_none() -> None:
    row = probe.ask("does-not-exist.invalid", 587, 587, 5.0)
    assert row.failure.startswith("connecting: the name does not resolve")


def test_a_silent_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        row = probe.ask("127.0.0.1", 587, listener.getsockname()[1], 0.2)
    assert not row.open
    assert row.failure == "connecting: no answer in time"


def test_a_server_that_says_no_at_once() -> None:
    with SmtpPeer({"banner": "554 5.7.1 not you"}) as peer:
        row = ask(peer)
    assert row.failure == "connecting: 554 5.7.1 not you"


def test_a_refused_starttls(served: ssl.SSLContext) -> None:
    with SmtpPeer({"STARTTLS": "454 4.7.0 not now"}, context=served) as peer:
        row = ask(peer)
    assert (row.open, row.failure) == (True, "after connecting: 454 4.7.0 not now")


@pytest.mark.parametrize("answer", [DROP, HANG])
def test_a_server_that_goes_away_or_falls_silent(answer: object) -> None:
    with SmtpPeer({"EHLO": answer, "HELO": answer}) as peer:
        row = ask(peer, timeout=0.2)
    assert row.open
    assert row.failure.startswith("after connecting: ")
    assert not row.submits


def test_all_at_once_in_the_order_given(served: ssl.SSLContext) -> None:
    with SmtpPeer(context=served, extensions=AUTH) as peer:
        rows = probe.ask_all("localhost", {587: peer.port, 25: free_port()}, 5.0)
    assert [(row.role, row.open) for row in rows] == [(587, True), (25, False)]


def row(role: int, *, good: bool = True, is_open: bool = True) -> probe.Port:
    return probe.Port(role + 8000, role, is_open, tls="TLSv1.3" if good else "", auth=("PLAIN",) if good else ())


@pytest.mark.parametrize(
    ("rows", "port", "word"),
    [
        ([row(25), row(465), row(587), row(2525)], 8587, "587"),
        ([row(25), row(465), row(587, good=False), row(2525)], 10525, "2525"),
        ([row(465), row(2525, is_open=False)], 8465, "465"),
        ([row(25, good=False), row(587, is_open=False)], 0, "25"),
        ([row(587, is_open=False)], 0, ""),
        ([], 0, ""),
    ],
)
@pytest.mark.parametrize("language", ["ja", "en"])
def test_one_port_is_recommended_with_its_reason(rows: list[probe.Port], port: int, word: str, language: str) -> None:
    found, reason = probe.recommend(rows, language)
    assert found == port
    assert word in reason
    assert reason.isascii() is (language == "en")
    assert reason.endswith("." if language == "en" else "。")

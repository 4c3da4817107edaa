"""TLS by policy, its fallback memory, certificates, injection behind the 220; AUTH and where it may be said."""

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from tests.support import delivery_scene as scene
from tests.support.smtp_peer import DROP, HANG, Drop, SmtpPeer

from hatoba.delivery import settings
from hatoba.delivery.courier import Courier

CA = trustme.CA()


@pytest.fixture
def context() -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CA.issue_cert("127.0.0.1", "localhost").configure_cert(made)
    return made


@pytest.fixture
def stranger() -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("elsewhere.example").configure_cert(made)
    return made


@pytest.fixture
def ca_file(tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    CA.cert_pem.write_to_path(str(path))
    return str(path)


def desk(peer: SmtpPeer, tls: str, ca_file: str = "", **route: Any) -> Courier:
    options = settings.Settings(timeouts=scene.quick(tls=1.0), tls_ca_file=ca_file)
    return scene.courier([scene.to_peer(peer.port, tls=tls, **route)], options=options)


@pytest.mark.parametrize("tls", ["may", "encrypt"])
async def test_any_certificate_will_do(tls: str, stranger: ssl.SSLContext) -> None:
    with SmtpPeer(context=stranger) as peer:
        feed = await scene.send(desk(peer, tls), scene.job())
        (letter,) = await scene.arrived(peer, 1)
    (attempt,) = [attempt for _, attempt in feed.ended]
    assert letter.tls
    assert attempt.tls.startswith("TLSv1.3 ")
    assert attempt.opening.count("C: EHLO") == 2


async def test_verified(context: ssl.SSLContext, ca_file: str) -> None:
    with SmtpPeer(context=context) as peer:
        feed = await scene.send(desk(peer, "verify", ca_file), scene.job())
    assert feed.outcomes[0].kind == "delivered"
    assert "certificate verified" in feed.ended[0][1].opening


async def test_bad_certificate_defers_under_verify(stranger: ssl.SSLContext, ca_file: str) -> None:
    with SmtpPeer(context=stranger) as peer:
        feed = await scene.send(desk(peer, "verify", ca_file), scene.job())
        assert peer.letters == []
    (outcome,) = feed.outcomes
    assert (outcome.kind, outcome.status.code) == ("deferred", "4.7.5")


@pytest.mark.parametrize(("tls", "code"), [("encrypt", "4.7.4"), ("verify", "4.7.5")])
async def test_no_fallback_when_tls_is_required(tls: str, code: str) -> None:
    with SmtpPeer() as peer:
        feed = await scene.send(desk(peer, tls), scene.job())
        assert peer.letters == []
    assert (feed.outcomes[0].kind, feed.outcomes[0].status.code) == ("deferred", code)


@pytest.mark.parametrize("reply", ["454 4.7.0 TLS not available", "500 5.5.1 what?"])
async def test_refused_starttls(reply: str, context: ssl.SSLContext) -> None:
    with SmtpPeer({"STARTTLS": reply}, context=context) as peer:
        feed = await scene.send(desk(peer, "may"), scene.job())
        assert feed.outcomes[0].kind == "delivered"
        feed = await scene.send(desk(peer, "encrypt"), scene.job())
        assert (feed.outcomes[0].kind, feed.outcomes[0].status.code) == ("deferred", "4.7.4")


def broken() -> ssl.SSLContext:
    """No cipher in common with anybody: every handshake fails."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.maximum_version = ssl.TLSVersion.TLSv1_2
    made.set_ciphers("PSK-AES128-GCM-SHA256")
    return made


async def test_failed_handshake_is_remembered_and_plain_is_used() -> None:
    with SmtpPeer(context=broken()) as peer:
        made = desk(peer, "may")
        feed = await scene.send(made, scene.job())
        assert feed.outcomes[0].kind == "delivered"
        assert "trying again without TLS" in feed.ended[0][1].opening
        assert len(peer.connections) == 2
        feed = scene.Feed([scene.job()])
        channel = made.channel(await scene.sited(made), feed)
        channel.wake()
        await feed.told(1)
        assert len(peer.connections) == 3  # no second handshake
        assert "C: STARTTLS" not in feed.ended[0][1].opening
        assert feed.ended[0][1].tls == ""
        await made.close()


async def test_failed_handshake_defers_when_tls_is_required() -> None:
    with SmtpPeer(context=broken()) as peer:
        feed = await scene.send(desk(peer, "encrypt"), scene.job())
        assert peer.letters == []
    assert (feed.outcomes[0].kind, feed.outcomes[0].status.code) == ("deferred", "4.7.0")


async def test_plaintext_behind_the_220_is_not_read_as_tls(context: ssl.SSLContext) -> None:
    """A reply injected in plaintext must end the connection, under every policy. # RFC 3207 §4.2"""
    injected = "220 2.0.0 Ready\n250-peer.test\n250 AUTH PLAIN"
    for tls in ("may", "encrypt"):
        with SmtpPeer({"STARTTLS": Drop(injected)}, context=context) as peer:
            feed = await scene.send(desk(peer, tls), scene.job())
            assert peer.letters == []
        (outcome,) = feed.outcomes
        assert (outcome.kind, outcome.status.code) == ("deferred", "4.7.0")


@pytest.mark.parametrize("answer", [HANG, DROP])
async def test_starttls_that_hangs_or_drops(answer: object, context: ssl.SSLContext) -> None:
    with SmtpPeer({"STARTTLS": answer}, context=context) as peer:
        feed = await scene.send(desk(peer, "encrypt"), scene.job())
    assert (feed.outcomes[0].kind, feed.outcomes[0].status.code) == ("deferred", "4.4.2")


async def test_implicit_tls(context: ssl.SSLContext, ca_file: str) -> None:
    with SmtpPeer(context=context, implicit_tls=True) as peer:
        feed = await scene.send(desk(peer, "verify", ca_file, implicit_tls=True), scene.job())
        assert feed.outcomes[0].kind == "delivered"
        assert feed.ended[0][1].tls
    with SmtpPeer() as peer:  # no TLS there
        feed = await scene.send(desk(peer, "encrypt", implicit_tls=True), scene.job())
        assert (feed.outcomes[0].kind, feed.outcomes[0].status.code[:3]) == ("deferred", "4.7")


# ---- REQUIRETLS


async def test_requiretls_needs_a_verified_line(
    context: ssl.SSLContext, stranger: ssl.SSLContext, ca_file: str
) -> None:
    offered = ("PIPELINING", "REQUIRETLS", "8BITMIME")
    with SmtpPeer(context=context, extensions=offered) as peer:
        feed = await scene.send(desk(peer, "may", ca_file), scene.job(), scene.job(requiretls=True), scene.job())
        letters = await scene.arrived(peer, 3)
    assert [o.kind for o in feed.outcomes] == ["delivered"] * 3
    (careful,) = [letter for letter in letters if "REQUIRETLS" in letter.mail]
    assert careful.tls
    with SmtpPeer(context=stranger, extensions=offered) as peer:
        feed = await scene.send(desk(peer, "may", ca_file), scene.job(requiretls=True))
        assert peer.letters == []
    assert (feed.outcomes[0].kind, feed.outcomes[0].status.code) == ("deferred", "4.7.5")


async def test_requiretls_to_a_host_without_tls_is_that_letter_s_trouble_alone(ca_file: str) -> None:
    with SmtpPeer() as peer:
        feed = await scene.send(desk(peer, "may", ca_file), scene.job(requiretls=True), scene.job())
        await scene.arrived(peer, 1)
    ends = {job.letter.envelope.requiretls: attempt.outcomes[0] for job, attempt in feed.ended}
    assert (ends[True].kind, ends[True].status.code, ends[True].scope) == ("failed", "5.7.30", "letter")
    assert ends[False].kind == "delivered"


async def test_requiretls_not_offered(context: ssl.SSLContext, ca_file: str) -> None:
    with SmtpPeer(context=context) as peer:
        feed = await scene.send(desk(peer, "may", ca_file), scene.job(requiretls=True))
        assert peer.letters == []
    assert (feed.outcomes[0].kind, feed.outcomes[0].status.code) == ("failed", "5.7.30")


# ---- AUTH


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
async def test_login(mechanism: str, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("s3cret pass\n")
    with SmtpPeer(extensions=("PIPELINING", f"AUTH {mechanism}")) as peer:
        route = {"username": "relay@x.example", "password_file": str(secret)}
        feed = await scene.send(desk(peer, "none", **route), scene.job())
        (letter,) = await scene.arrived(peer, 1)
    assert feed.outcomes[0].kind == "delivered"
    assert letter.auth
    opening = feed.ended[0][1].opening
    assert f"C: AUTH {mechanism}" in opening
    for line in letter.auth:
        word = line.split(" ")[-1]
        assert word == mechanism or word not in opening


async def test_refused_login_defers() -> None:
    with SmtpPeer({"AUTH": "535 5.7.8 no"}, extensions=("AUTH PLAIN",)) as peer:
        feed = await scene.send(desk(peer, "none", username="u", password="p"), scene.job())
        assert peer.letters == []
    (outcome,) = feed.outcomes
    assert (outcome.kind, outcome.status.code, outcome.reply) == ("deferred", "4.7.8", "535 5.7.8 no")


async def test_no_mechanism_in_common() -> None:
    with SmtpPeer(extensions=("AUTH CRAM-MD5",)) as peer:
        feed = await scene.send(desk(peer, "none", username="u", password="p"), scene.job())
    assert (feed.outcomes[0].kind, feed.outcomes[0].status.code) == ("deferred", "4.7.4")


async def test_unreadable_password_file() -> None:
    with SmtpPeer(extensions=("AUTH PLAIN",)) as peer:
        feed = await scene.send(desk(peer, "none", username="u", password_file="/nonexistent/x"), scene.job())
    assert (feed.outcomes[0].kind, feed.outcomes[0].status.code) == ("deferred", "4.7.0")
    assert "/nonexistent" not in feed.outcomes[0].status.text

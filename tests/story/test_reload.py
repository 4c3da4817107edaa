"""SIGHUP: new settings and a new certificate for new connections, while a session that stands goes on as it was."""

import signal
import smtplib
import ssl
from pathlib import Path

import pytest
import trustme
from tests.support import post
from tests.support.town import Town
from tests.support.wait import until

TLS = """
[tls]
certificate = "{certificate}"
key = "{certificate}"
"""


def issue(ca: trustme.CA, path: Path) -> None:
    """A certificate and its key in one file, put there at once."""
    made = ca.issue_cert("localhost", "127.0.0.1")
    made.private_key_and_cert_chain_pem.write_to_path(str(path))


def trusting(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    ca.configure_trust(context)
    return context


def reload(town: Town) -> None:
    said = town.log().count("reloaded")
    assert town.node.process is not None
    town.node.process.send_signal(signal.SIGHUP)
    until(lambda: town.log().count("reloaded") > said, "the reload")


def test_relay_networks_and_certificate(tmp_path: Path) -> None:
    old, new = trustme.CA(), trustme.CA()
    certificate = tmp_path / "server.pem"
    issue(old, certificate)
    with Town(tmp_path, more=TLS, certificate=certificate) as town, town.peer("relayed.example") as peer:
        standing = post.dial(town.mx, context=trusting(old))
        code, _ = standing.docmd("MAIL FROM:<carol@example.org>")
        assert code == 250

        text = town.node.file.read_text()
        assert 'relay_networks = ["127.0.0.0/8"]' in text
        text = text.replace('level = "warning"', 'level = "info"')
        town.node.file.write_text(text.replace('["127.0.0.0/8"]', '["192.0.2.0/24"]'))
        issue(new, certificate)
        reload(town)

        with post.dial(town.mx, context=trusting(new)) as fresh:
            with pytest.raises(smtplib.SMTPResponseException, match=r"550.*5\.7\.1") as refused:
                post.hand_in(fresh, "carol@example.org", ["bob@relayed.example"])
            assert refused.value.smtp_code == 550
        with pytest.raises(ssl.SSLCertVerificationError):
            post.dial(town.mx, context=trusting(old))

        for line, want in (("RCPT TO:<bob@relayed.example>", 250), ("DATA", 354)):
            assert standing.docmd(line)[0] == want
        standing.send(post.LETTER + b".\r\n")
        assert standing.getreply()[0] == 250
        standing.quit()
        peer.wait_letters(1, 60)

        town.node.file.write_text(text.replace('["127.0.0.0/8"]', '["not a network"]'))
        town.node.process.send_signal(signal.SIGHUP) if town.node.process else None
        until(lambda: "reload refused" in town.log(), "the refusal of bad settings")
        with post.dial(town.mx, context=trusting(new)) as still:
            assert still.docmd("MAIL FROM:<carol@example.org>")[0] == 250

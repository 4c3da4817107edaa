"""Debian's Postfix as a peer on loopback: it relays into hatoba's mx door, hatoba relays to it, with DSN both ways."""

import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.interop.conftest import missing
from tests.support import post, report
from tests.support.node import Node
from tests.support.postfix import Postfix, available, free_port
from tests.support.wait import until

pytestmark = pytest.mark.interop

SETTINGS = """
[log]
level = "warning"

[intake]
relay_networks = ["127.0.0.0/8"]

[queue]
first = "1s"
factor = 1.0
most = "1s"
site_first = "1s"
site_most = "1s"
poll = "0.2s"

[[listener]]
kind = "mx"
address = ["127.0.0.1"]
port = {mx}

[[route]]
match = "dest.example"
via = "smarthost"
host = "127.0.0.1"
port = {postfix}
"""

ALICE, BOB, HANAKO = "alice@example.com", "bob@example.com", "花子@example.com"
UTF8 = "From: <alice@example.com>\r\nTo: <花子@example.com>\r\nSubject: 手紙\r\n\r\n.本文\r\n".encode()


class Pair:
    """hatoba and Postfix, each the other's next hop."""

    def __init__(self, folder: Path, root: Path) -> None:
        mx = free_port()
        self.postfix = Postfix(
            root,
            {
                "relayhost": f"[127.0.0.1]:{mx}",
                "smtp_tls_security_level": "may",
                "minimal_backoff_time": "1s",
                "smtpd_recipient_restrictions": "check_recipient_access inline:{"
                "{gone@dest.example = 550 5.1.1 No such user} {slow@dest.example = 450 4.2.1 Later} "
                "{dest.example = HOLD}}, permit_mynetworks, reject",
            },
        )
        self.node = Node(folder, SETTINGS, workers=1, ports={"mx": mx}, postfix=self.postfix.port)
        self.alice, self.bob, self.hanako = (post.Mailbox(self.node, one) for one in (ALICE, BOB, HANAKO))

    @property
    def mx(self) -> int:
        return self.node.ports["mx"]

    def held(self, mark: str) -> str:
        """What Postfix's queue file says of the letter with `mark` in it, once it is there."""

        def look() -> str:
            for path in (self.postfix.root / "spool" / "hold").iterdir():
                said = self.postcat(path.name)
                if mark in said:
                    return said
            return ""

        return until(look, f"{mark} in Postfix's queue", every=0.1)

    def postcat(self, name: str) -> str:
        command = ["/usr/sbin/postcat", "-c", str(self.postfix.root / "etc"), "-q", name]
        done = subprocess.run(command, capture_output=True, check=False, timeout=60)
        return done.stdout.decode("utf-8", "replace")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    reason = available()
    if reason:
        missing(reason)
    with tempfile.TemporaryDirectory(prefix="hatoba-postfix-") as place:
        Path(place).chmod(0o755)  # Postfix's own user must get in
        pair = Pair(tmp_path_factory.mktemp("pair") / "node", Path(place))
        post.settle_in(pair.node, local=["example.com"], accounts=[ALICE, BOB, HANAKO])
        with pair.node, pair.postfix:
            yield pair


def test_postfix_relays_in(pair: Pair) -> None:
    """PIPELINING, STARTTLS and 8BITMIME; the letter as it was given to Postfix."""
    content = UTF8.replace("Subject: 手紙".encode(), b"Subject: eight bits").replace(HANAKO.encode(), BOB.encode())
    content = content.replace(
        b"\r\n\r\n", b"\r\nMessage-ID: <in-1@example.com>\r\nDate: Thu, 1 Jan 2026 09:00:00 +0900\r\n\r\n"
    )
    with post.dial(pair.postfix.port) as client:
        client.sendmail(ALICE, [BOB], content, mail_options=["BODY=8BITMIME"])
    kept = pair.bob.holding(b"<in-1@example.com>")
    assert kept.endswith(content)
    assert re.search(rb"^Received: from postfix\.test [^;]*by hatoba\.test with ESMTPS id ", kept, re.MULTILINE)
    assert b"status=sent (250 2.0.0 Ok: queued as" in pair.postfix.log().encode()


def test_postfix_relays_utf8_in(pair: Pair) -> None:
    with post.dial(pair.postfix.port) as client:
        client.sendmail(ALICE, [HANAKO], UTF8, mail_options=["SMTPUTF8", "BODY=8BITMIME"])
    kept = pair.hanako.holding("Subject: 手紙".encode())
    assert kept.endswith(".本文\r\n".encode())
    assert re.search(rb"by hatoba\.test with UTF8SMTPS id", kept)


def test_a_success_dsn_comes_back(pair: Pair) -> None:
    with post.dial(pair.postfix.port) as client:
        assert client.docmd(f"MAIL FROM:<{ALICE}> RET=HDRS ENVID=tale+2B1")[0] == 250
        assert client.docmd(f"RCPT TO:<{BOB}> NOTIFY=SUCCESS ORCPT=rfc822;robert@example.org")[0] == 250
        client.data(post.LETTER.replace(b"a letter", b"success wanted"))
    pair.bob.holding(b"success wanted")
    dsn = report.read(pair.alice.holding(b"Action: delivered"))
    assert dsn.message["Original-Envelope-Id"] == "tale+1"
    assert dsn.message["Reporting-MTA"] == "dns; hatoba.test"
    group = dsn.recipients[0]
    assert (group["Action"], group["Status"]) == ("delivered", "2.0.0")
    assert group["Original-Recipient"] == "rfc822; robert@example.org"
    assert dsn.returned["Subject"] == "success wanted"


def test_hatoba_relays_to_postfix_with_dsn_parameters(pair: Pair) -> None:
    content = post.LETTER.replace(b"a letter", b"out with parameters").replace(b"Hello", b".Hello")
    letter = post.send(
        pair.mx, ALICE, "carol@dest.example", content,
        mail=["RET=HDRS", "ENVID=tale+2B2"], rcpt=["NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;c@example.org"],
    )  # fmt: skip
    said = pair.held("out with parameters")
    tale = post.story_with(pair.node, letter, "delivered")
    assert f"sender: {ALICE}" in said
    assert "recipient: carol@dest.example" in said
    assert re.search(r"envelope_id=tale\+(2B)?2", said)
    assert re.search(r"dsn_orig_rcpt=rfc822;c@example\.org", said)
    assert re.search(r"notify_flags=10\b", said)  # SUCCESS 2, DELAY 8
    assert re.search(r"ret_flags=2\b", said)  # FULL 1, HDRS 2
    body = said.partition("*** MESSAGE CONTENTS")[2].partition("*** HEADER EXTRACTED")[0]
    assert "\n.Hello, Bob.\n" in body
    assert not any(entry["kind"] == "bounced" for entry in tale["entries"])  # the duty is Postfix's now
    assert not any(b"out with parameters" in octets for octets in pair.alice.letters())


def test_several_letters_over_one_connection(pair: Pair) -> None:
    with post.dial(pair.mx) as client:
        for n in range(20):
            content = post.LETTER.replace(b"a letter", b"row %d." % n)
            post.hand_in(client, ALICE, [f"c{n}@dest.example", f"d{n}@dest.example"], content)
    said = [pair.held(f"row {n}.") for n in range(20)]
    assert all(f"recipient: c{n}@dest.example" in text and f"d{n}@" in text for n, text in enumerate(said))


def test_postfix_refuses_one_of_two(pair: Pair) -> None:
    content = post.LETTER.replace(b"a letter", b"half wanted")
    letter = post.send(pair.mx, ALICE, ["gone@dest.example", "carol@dest.example"], content, mail=["ENVID=half"])
    said = pair.held("half wanted")
    dsn = report.read(pair.alice.holding(b"gone@dest.example"))
    tale = post.story_with(pair.node, letter, "bounced")
    assert "gone@dest.example" not in said
    assert [str(group["Final-Recipient"]) for group in dsn.recipients] == ["rfc822; gone@dest.example"]
    group = dsn.recipients[0]
    assert (group["Action"], group["Status"]) == ("failed", "5.1.1")
    assert group["Remote-MTA"] == "dns; 127.0.0.1"
    assert group["Diagnostic-Code"] == "smtp; 550 5.1.1 <gone@dest.example>: Recipient address rejected: No such user"
    assert group["Last-Attempt-Date"]
    assert dsn.message["Original-Envelope-Id"] == "half"
    assert dsn.returned.get_content().strip() == "Hello, Bob."
    assert "No such user" in dsn.text
    assert {"delivered", "failed", "bounced"} <= set(post.kinds(tale))


def test_postfix_away_and_back(pair: Pair) -> None:
    """Deferred while nobody listens, delivered when Postfix is up again; no order of a person is needed."""
    pair.postfix.__exit__(None, None, None)
    try:
        letter = post.send(pair.mx, ALICE, "carol@dest.example", post.LETTER.replace(b"a letter", b"patience"))
        tale = post.story_with(pair.node, letter, "deferred")
        row = tale["waiting"][0]
        assert row["status"] == "4.4.1"
        assert row["state"] in ("ready", "active")
    finally:
        pair.postfix.__enter__()
    assert "recipient: carol@dest.example" in pair.held("patience")
    kinds = post.kinds(post.story_with(pair.node, letter, "delivered"))
    assert (kinds[:2], kinds[-1]) == (["accepted", "deferred"], "delivered")

"""Somebody sets up programs: what hatoba prints really sends, with an app password, and programs find it themselves."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.support import post
from tests.support.node import Node

SETTINGS = """
[log]
level = "warning"

[dns]
servers = ["127.0.0.1:1"]  # nobody answers there

[dns_helper]
services = ["submission:{submission}:localhost", "submissions:{submissions}:localhost", "imaps:993:localhost"]

[mta_sts]
port = {web}
address = ["127.0.0.1"]
tls = false

[autoconfig]
serve = true
name = "Home"

[[listener]]
kind = "submission"
address = ["127.0.0.1"]
port = {submission}

[[listener]]
kind = "submissions"
address = ["127.0.0.1"]
port = {submissions}
"""
ALICE = "alice@home.example"
SENDS = """
from django.core.mail import EmailMessage
EmailMessage("Hello from Django", "It works.", None, [{alice!r}]).send()
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    ports = {"submission": 0, "submissions": 0, "web": 0}
    made = Node(tmp_path_factory.mktemp("setup"), SETTINGS, workers=1, ports=ports)
    post.settle_in(made, local=["home.example"], accounts=[ALICE])
    with made:
        yield made


def run(node: Node, folder: Path, program: str, password: str) -> None:
    """The program in a Python of its own, which trusts our certificate."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HATOBA_")}
    environ |= {
        "SSL_CERT_FILE": str(node.data / "tls" / "self-signed.pem"), "SMTP_PASSWORD": password,
        "DJANGO_SETTINGS_MODULE": "printed", "PYTHONPATH": str(folder),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environ,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def app_password(node: Node, label: str, *more: str) -> str:
    return str(node.json("app-password", "add", ALICE, label, *more)["password"])


def test_the_printed_python_sends(node: Node, tmp_path: Path) -> None:
    password = app_password(node, "script", "--for", "smtp")
    run(node, tmp_path, node.cli("client-settings", ALICE, "--for", "python"), password)
    letter = post.Mailbox(node, ALICE).holding(b"Subject: Hello\r\n")
    assert b"It works." in letter
    assert b"with ESMTPSA id" in letter
    (row,) = [row for row in node.json("app-password", "list", ALICE) if row["label"] == "script"]
    assert row["last_used"]
    logins = node.json("account", "show", ALICE)["logins"]
    assert {"smtp": "script"} in [{one["protocol"]: one["app_password"]} for one in logins]


def test_the_printed_django_settings_send(node: Node, tmp_path: Path) -> None:
    pytest.importorskip("django")
    (tmp_path / "printed.py").write_text(node.cli("client-settings", ALICE, "--for", "django"), encoding="utf-8")
    run(node, tmp_path, SENDS.format(alice=ALICE), app_password(node, "site"))
    letter = post.Mailbox(node, ALICE).holding(b"Subject: Hello from Django\r\n")
    assert f"From: {ALICE}".encode() in letter


def test_a_revoked_password_and_one_for_reading_send_nothing(node: Node, tmp_path: Path) -> None:
    program = node.cli("client-settings", ALICE, "--for", "python")
    reading = app_password(node, "phone", "--for", "imap")
    gone = app_password(node, "lost")
    node.cli("app-password", "revoke", ALICE, "lost")
    for password in (reading, gone):
        with pytest.raises(AssertionError, match="SMTPAuthenticationError: \\(535"):
            run(node, tmp_path, program, password)


def test_programs_find_it_themselves(node: Node) -> None:
    where = f"http://127.0.0.1:{node.ports['web']}/mail/config-v1.1.xml?emailaddress={ALICE}"
    with urllib.request.urlopen(where, timeout=10) as answer:
        root = ElementTree.fromstring(answer.read())  # noqa: S314  our own
    assert root.findtext("emailProvider/displayName") == "Home"
    ports = [int(one.text or "") for one in root.iter("port")]
    assert ports == [993, node.ports["submission"], node.ports["submissions"]]
    told = node.json("client-settings", ALICE)
    assert [door["port"] for door in (*told["reading"], *told["sending"])] == ports
    people = node.cli("client-settings", ALICE)
    assert f"localhost port {node.ports['submission']}, STARTTLS" in people
    assert "Not port 25" in people
    assert "-- Thunderbird --" in people

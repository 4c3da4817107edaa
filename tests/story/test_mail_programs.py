"""A letter comes in by LMTP over a Unix socket and is read by POP3S; a script is put by ManageSieve; over a restart."""

import base64
import poplib
import re
import smtplib
import socket
import ssl
import subprocess
import sys
from pathlib import Path

from tests.support import post
from tests.support.node import Node
from tests.support.town import careless
from tests.support.wait import until

SETTINGS = """
[log]
level = "warning"

[[listener]]
kind = "lmtp"
address = ["unix:{socket}"]
port = 0

[[listener]]
kind = "pop3s"
address = ["127.0.0.1"]
port = {pop3s}

[[listener]]
kind = "sieve"
address = ["127.0.0.1"]
port = {sieve}
"""
ALICE = "alice@home.example"
BODY = b"Subject: number %d\r\n\r\n.dotted\r\n..\r\n\xe3\x81\x82\r\n"


def hand_over(path: Path, letters: list[bytes]) -> None:
    with smtplib.LMTP(str(path)) as front:
        for letter in letters:
            assert front.sendmail("front@far.example", [ALICE, "ghost@home.example"], letter).keys() == {
                "ghost@home.example"
            }


def read(node: Node) -> dict[bytes, bytes]:
    """The letters by their unique ids."""
    one = poplib.POP3_SSL("127.0.0.1", node.ports["pop3s"], timeout=20, context=careless())
    try:
        one.user(ALICE)
        one.pass_(post.PASSWORD)
        names = [line.split()[1] for line in one.uidl()[1]]
        return {name: b"".join(line + b"\r\n" for line in one.retr(number)[1]) for number, name in enumerate(names, 1)}
    finally:
        one.quit()


def manage(node: Node, *commands: str) -> str:
    """What is said to these, after login."""
    secret = base64.b64encode(f"\0{ALICE}\0{post.PASSWORD}".encode()).decode()
    with socket.create_connection(("127.0.0.1", node.ports["sieve"]), 20) as plain:
        _until_ok(plain)
        plain.sendall(b"STARTTLS\r\n")
        _until_ok(plain)
        with careless().wrap_socket(plain, server_hostname="hatoba.test") as sock:
            _until_ok(sock)
            said = ""
            for command in (f'AUTHENTICATE "PLAIN" "{secret}"', *commands):
                sock.sendall(command.encode() + b"\r\n")
                said += _until_ok(sock)
            return said


def _until_ok(sock: socket.socket | ssl.SSLSocket) -> str:
    said = b""
    while not re.search(rb"(?:\A|\r\n)(?:OK|NO|BYE)\b[^\r\n]*\r\n\Z", said):
        piece = sock.recv(4096)
        assert piece, said
        said += piece
    return said.decode()


def test_mail_programs(tmp_path: Path) -> None:
    path = tmp_path / "lmtp"
    node = Node(tmp_path / "node", SETTINGS, ports={"pop3s": 0, "sieve": 0}, socket=path)
    node.cli("domain", "add", "home.example")
    node.cli("account", "add", ALICE, stdin=f"{post.PASSWORD}\n")
    with node:
        hand_over(path, [BODY % 1, BODY % 2])
        until(lambda: len(read(node)) == 2, "two letters")
        before = read(node)
        assert all(text.endswith(b"\r\n\r\n.dotted\r\n..\r\n\xe3\x81\x82\r\n") for text in before.values())
        said = manage(node, 'PUTSCRIPT "mine" {5+}\r\nkeep;', 'SETACTIVE "mine"', 'PUTSCRIPT "bad" "keep"')
        assert "NO " in said
        command = [sys.executable, "-m", "hatoba.app.cli", "restart"]
        subprocess.run(command, env=node.environ, check=True, capture_output=True, timeout=120)
        assert '"mine" ACTIVE' in manage(node, "LISTSCRIPTS")
        hand_over(path, [BODY % 3])
        until(lambda: len(read(node)) == 3, "the third letter")
        after = read(node)
        assert before.items() <= after.items()

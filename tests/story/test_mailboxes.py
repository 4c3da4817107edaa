"""A letter handed in on 587 and read over IMAPS and POP3S of the same node; a mail program in IDLE hears at once."""

import imaplib
import poplib
import re
import socket
import ssl
import time
from pathlib import Path

from tests.support import post
from tests.support.node import Node
from tests.support.wait import until

SETTINGS = """
[[listener]]
kind = "submission"
port = {submission}
address = ["127.0.0.1"]
[[listener]]
kind = "imaps"
port = {imaps}
address = ["127.0.0.1"]
[[listener]]
kind = "imap"
port = {imap}
address = ["127.0.0.1"]
[[listener]]
kind = "pop3s"
port = {pop3s}
address = ["127.0.0.1"]
"""
ADDRESS = "alice@home.example"
LETTER = b"From: <alice@home.example>\r\nTo: <alice@home.example>\r\nSubject: %s\r\n\r\nHello.\r\n.dot\r\n"


def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def hand_in(node: Node, subject: bytes) -> str:
    with post.dial(node.ports["submission"], context=trusting()) as client:
        client.login(ADDRESS, post.PASSWORD)
        return post.hand_in(client, ADDRESS, [ADDRESS], LETTER % subject)


class Idler:
    """An IMAP client in IDLE, over implicit TLS."""

    def __init__(self, port: int) -> None:
        self._line = trusting().wrap_socket(socket.create_connection(("127.0.0.1", port), 30))
        self._file = self._line.makefile("rb")
        assert self._file.readline().startswith(b"* OK")
        self._tell(f"a LOGIN {ADDRESS} {post.PASSWORD}", b"a OK")
        self._tell("b SELECT INBOX", b"b OK")
        self._tell("c IDLE", b"+ ")

    def _tell(self, command: str, until: bytes) -> None:
        self._line.sendall(command.encode() + b"\r\n")
        while not (said := self._file.readline()).startswith(until):
            assert said, "the server left"
            assert not said.startswith((b"a NO", b"b NO", b"a BAD", b"b BAD")), said

    def hears(self) -> int:
        """How many letters it is told there are now."""
        while not (found := re.match(rb"\* (\d+) EXISTS", self._file.readline())):
            continue
        return int(found[1])

    def close(self) -> None:
        self._file.close()
        self._line.close()


def test_a_full_mailbox_is_told_at_rcpt(tmp_path: Path) -> None:
    more = '[reading]\npoll = "0.2s"\n[directory]\nquota_letters = 2\n'
    node = Node(tmp_path, more + SETTINGS, ports=dict.fromkeys(("submission", "imaps", "imap", "pop3s"), 0))
    post.settle_in(node, local=["home.example"], accounts=[ADDRESS])
    with node:
        for number in range(2):
            hand_in(node, b"number %d" % number)

        def refused() -> bool:
            with post.dial(node.ports["submission"], context=trusting()) as client:
                client.login(ADDRESS, post.PASSWORD)
                client.mail(ADDRESS)
                code, text = client.rcpt(ADDRESS)
                assert code in (250, 452)
                return text.startswith(b"4.2.2 ") if code == 452 else False

        until(refused, "452 4.2.2")
        reader = poplib.POP3_SSL("127.0.0.1", node.ports["pop3s"], context=trusting(), timeout=30)
        reader.user(ADDRESS)
        reader.pass_(post.PASSWORD)
        reader.dele(1)
        reader.quit()
        until(lambda: not refused(), "room again")


def test_read_over_imap_and_pop3(tmp_path: Path) -> None:
    node = Node(tmp_path, SETTINGS, ports=dict.fromkeys(("submission", "imaps", "imap", "pop3s"), 0))
    post.settle_in(node, local=["home.example"], accounts=[ADDRESS])
    with node:
        idlers = [Idler(node.ports["imaps"]) for _ in range(6)]  # on whichever workers the kernel gives them
        letter = hand_in(node, b"first")
        assert [idler.hears() for idler in idlers] == [1] * 6
        began = time.monotonic()
        hand_in(node, b"second")
        assert [idler.hears() for idler in idlers] == [2] * 6
        assert time.monotonic() - began < 4.0  # below reading.poll: they were told, they did not look
        for idler in idlers:
            idler.close()
        with imaplib.IMAP4("127.0.0.1", node.ports["imap"]) as client:
            assert "LOGINDISABLED" in client.capabilities
            client.starttls(trusting())
            client.login(ADDRESS, post.PASSWORD)
            client.select("INBOX")
            assert client.search(None, "SUBJECT", "first")[1] == [b"1"]
            found = client.fetch("1", "(BODY.PEEK[] FLAGS)")[1][0]
            assert isinstance(found, tuple)
            assert f"id {letter}".encode() in found[1]
            assert found[1].endswith(b"Hello.\r\n.dot\r\n")
            client.store("1", "+FLAGS.SILENT", r"(\Deleted)")
            client.expunge()
        reader = poplib.POP3_SSL("127.0.0.1", node.ports["pop3s"], context=trusting(), timeout=30)
        reader.user(ADDRESS)
        reader.pass_(post.PASSWORD)
        assert reader.stat()[0] == 1
        assert b"Subject: second" in reader.retr(1)[1]
        assert reader.retr(1)[1][-1] == b".dot"
        reader.dele(1)
        reader.quit()
        assert "delivered" in post.kinds(post.story(node, letter))
    assert post.Mailbox(node, ADDRESS).letters() == []

"""A person's Sieve rules, put over ManageSieve: filed, flagged, sent on, refused, answered once, thrown away."""

import base64
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.support import post
from tests.support.node import Node
from tests.support.wait import until

SETTINGS = """
[intake]
relay_networks = ["127.0.0.0/8"]
[[listener]]
kind = "mx"
port = {mx}
address = ["127.0.0.1"]
[[listener]]
kind = "sieve"
port = {sieve}
address = ["127.0.0.1"]
"""
ALICE, BOB, CAROL = "alice@home.example", "bob@home.example", "carol@home.example"
SCRIPT = b"""require ["fileinto", "mailbox", "imap4flags", "copy", "vacation", "reject", "editheader", "duplicate"];
if header :contains "Subject" "bill" {
    addheader "X-Seen-By" "rules";
    fileinto :create :flags "\\\\Flagged" "Bills";
} elsif header :is "Subject" "on" { redirect :copy "carol@home.example"; keep; }
elsif header :is "Subject" "circle" { redirect "alice@home.example"; }
elsif header :is "Subject" "no" { reject "Not from you."; }
elsif header :is "Subject" "away" { vacation :days 7 :subject "Gone fishing" "Back on Monday."; }
elsif header :is "Subject" "twice" { if duplicate { discard; } }
elsif header :is "Subject" "nothing" { discard; }
"""


class Manager:
    """A ManageSieve client, as much of one as is needed."""

    def __init__(self, port: int) -> None:
        self._line = socket.create_connection(("127.0.0.1", port), 30)
        with self._line.makefile("rwb") as self._file:
            self.ok()
            self.tell(b"STARTTLS")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._line = context.wrap_socket(self._line)
        self._file = self._line.makefile("rwb")
        self.ok()
        words = base64.b64encode(f"\0{ALICE}\0{post.PASSWORD}".encode())
        self.tell(b'AUTHENTICATE "PLAIN" "%s"' % words)

    def tell(self, command: bytes) -> None:
        self._file.write(command + b"\r\n")
        self._file.flush()
        self.ok()

    def ok(self) -> None:
        while not (said := self._file.readline()).startswith(b"OK"):
            assert said, "the server left"
            assert not said.startswith((b"NO", b"BYE")), said

    def close(self) -> None:
        self._file.close()
        self._line.close()

    def put(self, name: bytes, script: bytes) -> None:
        self.tell(b'PUTSCRIPT "%s" {%d+}\r\n%s' % (name, len(script), script))
        self.tell(b'SETACTIVE "%s"' % name)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder: Path = tmp_path_factory.mktemp("rules")
    made = Node(folder, SETTINGS, ports={"mx": 0, "sieve": 0})
    post.settle_in(made, local=["home.example"], accounts=[ALICE, BOB, CAROL])
    with made:
        with closing(Manager(made.ports["sieve"])) as manager:
            manager.put(b"main", SCRIPT)
        yield made


def send(node: Node, subject: str, sender: str = BOB) -> str:
    content = f"From: <{sender}>\r\nTo: <{ALICE}>\r\nSubject: {subject}\r\nMessage-ID: <{subject}@x>\r\n\r\nhi\r\n"
    return post.send(node.ports["mx"], sender, ALICE, content.encode())


def test_filed_and_edited(node: Node) -> None:
    send(node, "your bill")
    octets = post.Mailbox(node, ALICE, "Bills").holding(b"Subject: your bill")
    assert b"X-Seen-By: rules\r\n" in octets


def test_sent_on_and_kept(node: Node) -> None:
    send(node, "on")
    assert b"Delivered-To: alice@home.example" in post.Mailbox(node, CAROL).holding(b"Subject: on")
    post.Mailbox(node, ALICE).holding(b"Subject: on")


def test_a_circle_is_kept(node: Node) -> None:
    send(node, "circle")
    post.Mailbox(node, ALICE).holding(b"Subject: circle")


def test_refused(node: Node) -> None:
    letter = send(node, "no")
    assert b"Not from you." in post.Mailbox(node, BOB).holding(b"multipart/report")
    assert "failed" in post.kinds(post.story(node, letter))


def test_answered_once(node: Node) -> None:
    for _ in range(2):
        post.story_with(node, send(node, "away", CAROL), "delivered")
    box = post.Mailbox(node, CAROL)
    answer = box.holding(b"Gone fishing")
    assert b"Auto-Submitted: auto-replied" in answer
    assert answer.startswith(b"Return-Path: <>")
    post.story_with(node, send(node, "on", BOB), "delivered")
    box.wait(lambda octets: b"Subject: on" in octets)
    assert sum(b"Gone fishing" in octets for octets in box.letters()) == 1


def test_duplicates_and_discarded(node: Node) -> None:
    for subject in ("twice", "nothing", "twice", "last"):
        post.story_with(node, send(node, subject), "delivered")
    box = post.Mailbox(node, ALICE)
    until(lambda: any(b"Subject: last" in octets for octets in box.letters()), "the last letter")
    assert sum(b"Subject: twice" in octets for octets in box.letters()) == 1
    assert not any(b"Subject: nothing" in octets for octets in box.letters())

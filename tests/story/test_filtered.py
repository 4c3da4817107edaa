"""Strangers at the door of a running hatoba: greylisted, listed, counted, denied while it runs; and hatoba explain.

XCLIENT gives each client the address it needs; DNS is a real server on loopback.
"""

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support import pg, post
from tests.support.dns_server import DnsServer
from tests.support.node import Node
from tests.support.wait import until

SETTINGS = """
[log]
level = "warning"

[dns]
servers = ["{dns}"]

[[listener]]
kind = "mx"
address = ["127.0.0.1"]
port = {mx}
xclient_networks = ["127.0.0.0/8"]

[filter]
junk_at = 4

[filter.greylist]
on = true
delay = "1s"
domains = ["grey.example"]

[[filter.dnsbl]]
zone = "bl.example"
[[filter.dnsbl.code]]
answer = "127.0.0.3"
weight = 5

[[filter.rate]]
per = "ip"
day = 3
[[filter.rate]]
per = "ip"
match = ["198.51.100.0/24"]

[[filter.rule]]
name = "programs"
look = "file"
match = "glob"
pattern = ["*.exe"]
weight = "reject"
text = "No programs, please"
"""

ZONE = {
    "1.100.51.198.bl.example": {"A": ["127.0.0.2"]},
    "2.100.51.198.bl.example": {"A": ["127.0.0.3"]},
    "6.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.example": {"A": ["127.0.0.2"]},
}
PROGRAM = (
    b"From: <a@s.example>\r\nSubject: a program\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b'--b\r\nContent-Disposition: attachment; filename="a.exe"\r\n\r\nMZ\r\n--b--\r\n'
)


@contextmanager
def running(folder: Path, database: str = "") -> Iterator[Node]:
    with DnsServer({name: dict(types) for name, types in ZONE.items()}) as dns:
        node = Node(folder, SETTINGS, workers=2, ports={"mx": 0}, dns=dns.address, database=database)
        post.settle_in(node, local=["home.example", "grey.example"], accounts=["bob@home.example", "bob@grey.example"])
        with node:
            yield node


@contextmanager
def client(node: Node, ip: str, helo: str = "mail.s.example") -> Iterator[smtplib.SMTP]:
    """A connection that comes from `ip`."""
    with post.dial(node.ports["mx"]) as smtp:
        written = f"IPV6:{ip}" if ":" in ip else ip
        code, said = smtp.docmd(f"XCLIENT ADDR={written} HELO={helo}")
        assert code == 220, said
        smtp.ehlo(helo)
        yield smtp


def told(
    node: Node, ip: str, to: str = "bob@home.example", content: bytes = post.LETTER, sender: str = "a@s.example"
) -> str:
    """ "queued as …", or the refusal as it stood."""
    with client(node, ip) as smtp:
        try:
            return "queued as " + post.hand_in(smtp, sender, [to], content)
        except smtplib.SMTPResponseException as error:
            text = error.smtp_error
            return f"{error.smtp_code} {text.decode() if isinstance(text, bytes) else text}"


def test_strangers(tmp_path: Path) -> None:
    with running(tmp_path) as node:
        _greylisted(node)
        _listed(node)
        _counted(node)
        _denied_and_let_in(node)
        _explained(node)
    _explained_at_rest(node)


def test_strangers_where_postgresql_remembers(tmp_path: Path) -> None:
    with running(tmp_path, pg.url(pg.database())) as node:
        _greylisted(node)
        _counted(node)


def _greylisted(node: Node) -> None:
    first = told(node, "198.51.100.40", "bob@grey.example")
    assert first == "450 4.7.1 Greylisted: try again in 1 seconds"
    until(lambda: told(node, "198.51.100.41", "bob@grey.example").startswith("queued"), "the second try")
    assert told(node, "198.51.100.42", "bob@grey.example").startswith("queued")  # any worker, any host of the farm


def _listed(node: Node) -> None:
    assert told(node, "198.51.100.1") == "550 5.7.1 198.51.100.1 is listed at bl.example"
    assert told(node, "2001:db8::6") == "550 5.7.1 2001:db8::6 is listed at bl.example"
    queued = told(node, "198.51.100.2")
    letter = queued.removeprefix("queued as ")
    assert b"X-Spam-Flag: YES" in post.Mailbox(node, "bob@home.example", "Junk").wait(lambda octets: True)
    accepted = post.story_with(node, letter, "delivered")["entries"][0]["form"]
    assert ["dnsbl bl.example", "accept", 5.0, "198.51.100.2 has 127.0.0.3"] in accepted["verdicts"]


def _counted(node: Node) -> None:
    """Both workers count in one place."""
    for _ in range(3):
        assert told(node, "203.0.113.9").startswith("queued")
    refused = told(node, "203.0.113.9")
    assert refused.startswith("450 4.7.1 Too many recipients for your network, 3 per day: try again in ")
    assert told(node, "203.0.113.10").startswith("queued")


def _denied_and_let_in(node: Node) -> None:
    assert told(node, "198.51.100.77").startswith("queued")
    node.cli("list", "deny", "add", "198.51.100.64/26", "--note", "noisy")
    refused = until(lambda: _begins(told(node, "198.51.100.77"), "550"), "the list to hold")
    assert refused == "550 5.7.1 Your network is not welcome here"
    node.cli("list", "allow", "add", "198.51.100.1", "198.51.100.77")
    until(lambda: told(node, "198.51.100.77").startswith("queued"), "the other list to hold")
    # though it is listed in DNS; each worker hears of a change within a second
    until(lambda: told(node, "198.51.100.1").startswith("queued"), "the other worker to know it")


def _begins(answer: str, word: str) -> str:
    """The answer where it begins so, else nothing."""
    return answer if answer.startswith(word) else ""


def _explain(node: Node, ip: str, to: str, content: bytes) -> Any:
    file = node.folder / "letter.eml"
    file.write_bytes(content)
    return node.json("explain", str(file), "--from", "new@t.example", "--to", to, "--ip", ip)


def _explained(node: Node) -> None:
    """It looks, and leaves everything as it was."""
    story = _explain(node, "203.0.113.200", "bob@grey.example", PROGRAM)
    assert story["live"]
    assert (story["action"], story["decisive"]) == ("greylist", "greylist")
    said = {each["check"]: each for each in story["heard"] if each["action"]}
    assert (said["rule programs"]["action"], said["rule programs"]["reached"]) == ("reject", False)
    assert told(node, "203.0.113.200", "bob@grey.example", sender="new@t.example").startswith("450 4.7.1 Greylisted")
    story = _explain(node, "203.0.113.9", "bob@home.example", post.LETTER)
    assert story["status"].startswith("4.7.1 Too many recipients for your network")
    story = _explain(node, "198.51.100.2", "bob@home.example", post.LETTER)
    assert (story["action"], story["score"], story["status"]) == ("junk", 5.0, "2.0.0")
    assert "X-Spam-Flag: YES" in story["top"]
    assert list(node.data.glob("run/explain-*")) == []


def _explained_at_rest(node: Node) -> None:
    story = _explain(node, "203.0.113.9", "bob@home.example", PROGRAM)
    assert not story["live"]
    assert story["status"] == "5.7.1 No programs, please"


def test_a_program_is_refused_at_the_end_of_its_letter(tmp_path: Path) -> None:
    with running(tmp_path) as node:
        assert told(node, "198.51.100.9", content=PROGRAM) == "550 5.7.1 No programs, please"
        assert told(node, "198.51.100.9").startswith("queued")
        node.kill()
        node.start()
        assert told(node, "198.51.100.9", content=PROGRAM) == "550 5.7.1 No programs, please"

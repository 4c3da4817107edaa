"""The keys of a domain over a year: published, signing, rotated, retired, while letters go on; and what goes wrong."""

import itertools
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import judges, post, report
from tests.support.node import Node
from tests.support.town import ALICE, HOME, Town, careless
from tests.support.wait import until

CONTENT = b"From: <alice@home.example>\r\nTo: <bob@x.example>\r\nSubject: keys\r\n\r\nhello\r\n"
MORE = '[dkim]\nlook = "1s"\n\n'


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A town whose node looks for its keys each second; what the DNS says is forgotten as fast."""

    def move_in(node: Node) -> None:
        node.environ["HATOBA_HOSTNAME"] = "mx.home.example"
        post.settle_in(node, local=[HOME], accounts=[ALICE])

    with Town(tmp_path, more=MORE, move_in=move_in) as town:
        town.dns.negative_ttl = 0
        yield town


def sent(town: Town, peer_name: str) -> tuple[bytes, str]:
    """A letter of alice's as it arrives, and its id."""
    with town.peer(peer_name) as peer:
        with post.dial(town.submission, context=careless()) as client:
            client.login(ALICE, post.PASSWORD)
            letter = post.hand_in(client, ALICE, [f"bob@{peer_name}"], CONTENT)
        return bytes(peer.wait_letters(1, 60)[0].content), letter


def selectors(content: bytes) -> list[str]:
    header = content.partition(b"\r\n\r\n")[0].replace(b"\r\n\t", b" ")
    return [found.decode() for found in re.findall(rb"(?m)^DKIM-Signature:.*? s=([^;]+);", header)]


def states(town: Town) -> dict[str, str]:
    return {key["selector"]: key["state"] for key in town.node.json("dkim", "list", HOME)}


def publish(town: Town) -> dict[str, str]:
    """All keys of the domain stand in the DNS from now on, as `hatoba dns --zone` writes them."""
    records = {key["name"]: key["record"] for key in town.node.json("dkim", "list", HOME)}
    for name, record in records.items():
        town.dns.zone[name] = {"TXT": [" ".join(f'"{record[at : at + 255]}"' for at in range(0, len(record), 255))]}
    return records


def test_from_the_first_key_to_the_second(town: Town) -> None:
    first = list(states(town))
    assert set(states(town).values()) == {"waiting"}
    came, letter = sent(town, "one.example")
    assert selectors(came) == []
    assert post.story(town.node, letter)["accepted"]["unsigned"].startswith(f"the DKIM keys of {HOME} wait")
    assert f"not signed: the DKIM keys of {HOME} wait to be published" in town.node.cli("trace", letter)
    assert "letters go out unsigned" in town.log()

    records = publish(town)
    until(lambda: set(states(town).values()) == {"signing"}, "the keys seen in the DNS", every=0.2)
    came, letter = sent(town, "two.example")
    assert sorted(selectors(came)) == sorted(first)
    assert judges.dkimpy_verdicts(came, records) == [True, True]
    assert sorted(post.story(town.node, letter)["accepted"]["signed"]) == sorted(f"{HOME} {name}" for name in first)
    assert f"signed by {HOME} (" in town.node.cli("trace", letter)

    second = [key["selector"] for key in town.node.json("dkim", "rotate", HOME, "--overlap", "30d")]
    came, _ = sent(town, "three.example")
    assert sorted(selectors(came)) == sorted(first), "the new ones wait until they are seen"
    records = publish(town)
    until(lambda: all(states(town)[name] == "signing" for name in second), "the new keys seen", every=0.2)
    assert {states(town)[name] for name in first} == {"retiring"}
    came, _ = sent(town, "four.example")
    assert sorted(selectors(came)) == sorted(second)
    assert judges.dkimpy_verdicts(came, records) == [True, True]


def test_a_notice_is_signed_by_the_domain_of_the_host(town: Town) -> None:
    town.node.cli("dkim", "new", HOME, "--selector", "n", "--now")
    records = {key["name"]: key["record"] for key in town.node.json("dkim", "list", HOME)}
    with town.peer("shut.example", {"RCPT": "550 5.1.1 Nobody"}):
        town.send(ALICE, "bob@shut.example")
        notice = town.alice.holding(b"Action: failed")
    inner = report.read(notice)
    assert str(inner.whole["From"]).endswith("<mailer-daemon@mx.home.example>")
    assert selectors(notice) == ["n-rsa", "n-ed25519"]
    content = notice.partition(b"\r\n")[2]  # without Return-Path
    assert judges.dkimpy_verdicts(content, records) == [True, True]


def test_without_its_master_key_a_node_signs_nothing_and_says_so(town: Town) -> None:
    town.node.cli("dkim", "new", HOME, "--selector", "m", "--algorithm", "ed25519", "--now")
    before = (f"before-{number}.example" for number in itertools.count())
    until(lambda: selectors(sent(town, next(before))[0]) == ["m"], "a signature by the new key", every=1.0)
    key = town.node.data / "master.key"
    kept = key.with_name("kept")
    town.node.end()
    shutil.move(key, kept)
    town.node.start()
    came, letter = sent(town, "six.example")
    assert selectors(came) == []
    assert post.story(town.node, letter)["accepted"]["unsigned"].endswith(
        "cannot be opened with this node's master key"
    )
    assert "this node has no master key" in town.log()
    assert not any(key["usable"] for key in town.node.json("dkim", "list", HOME))
    shutil.move(kept, key)

    names = (f"back-{number}.example" for number in itertools.count())

    def signed_again() -> bool:
        return selectors(sent(town, next(names))[0]) == ["m"]

    until(signed_again, "signatures once the master key is back, without a restart", every=1.0)

"""Lists, forwards and the way back, through a whole hatoba: who gets the letter, who hears when it fails."""

import re
import smtplib
from collections.abc import Iterator

import pytest
from tests.support import post, report
from tests.support.node import Node
from tests.support.town import Town

CAROL = "carol@origin.example"  # each tale that hears from its author's host has one of its own
DAVE = "dave@sender.example"
RULES = """
[[rewrite.header]]
name = "X-Desk"
action = "add"
value = "front"
recipients = ["lists.example"]

[[rewrite.canonical]]
match = "@old.lists.example"
to = "@lists.example"
"""


@pytest.fixture(scope="module")
def village(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town that trusts nobody for his address alone: its mx door is the world's."""

    def move_in(node: Node) -> None:
        post.settle_in(node, local=["lists.example"], accounts=["alice@lists.example", "bob@lists.example"])
        node.cli("alias", "add", "boss@lists.example", "alice@lists.example")
        members = ("x@one.example", "y@two.example", "z@three.example", "bob@lists.example")
        node.cli("alias", "add", "team@lists.example", "--list", "--owner", "boss@lists.example", *members)
        node.cli("alias", "add", "away@lists.example", "away@far.example")
        node.cli("alias", "add", "left@lists.example", "left@shut.example")
        node.cli("alias", "add", "info@lists.example", "alice@lists.example", "bob@lists.example")
        node.cli("alias", "add", "null@lists.example", "discard")

    town = Town(tmp_path_factory.mktemp("village"), more=RULES, move_in=move_in, trusted="[]")
    with town as opened:
        yield opened


def refused(town: Town, sender: str, to: str) -> tuple[int, str]:
    with pytest.raises(smtplib.SMTPResponseException) as caught:
        town.send(sender, to)
    said = caught.value.smtp_error
    return caught.value.smtp_code, said.decode() if isinstance(said, bytes) else said


def test_a_list_whose_owner_hears_of_the_member_that_is_gone(village: Town) -> None:
    bob = post.Mailbox(village.node, "bob@lists.example")
    alice = post.Mailbox(village.node, "alice@lists.example")
    content = post.LETTER.replace(b"a letter", b"to the team")
    with (
        village.peer("one.example") as one,
        village.peer("two.example", {"RCPT": "550 5.1.1 No such user"}),
        village.peer("three.example") as three,
        village.peer("origin.example") as origin,
    ):
        letter = village.send(CAROL, "team@lists.example", content)
        first, third = one.wait_letters(1, 60)[0], three.wait_letters(1, 60)[0]
        dsn = report.read(alice.holding(b"y@two.example"))
        own = bob.holding(b"to the team")
        assert origin.letters == []  # a list's troubles are not its authors'
    for received, to in ((first, "x@one.example"), (third, "z@three.example")):
        assert (received.sender, received.recipients) == ("boss@lists.example", [to])
        assert b"List-Id: <team.lists.example>\r\n" in received.content
        assert b"Delivered-To: team@lists.example\r\n" in received.content
        assert b"X-Desk: front\r\n" in received.content
        assert post.untraced(received.content).endswith(b"Hello, Bob.\r\n")
    assert own.startswith(b"Return-Path: <boss@lists.example>\r\n")
    assert [str(group["Final-Recipient"]) for group in dsn.recipients] == ["rfc822; y@two.example"]
    tale = post.story_with(village.node, letter, "bounced")
    accepted = tale["entries"][0]["form"]
    assert accepted["to"] == ["x@one.example", "y@two.example", "z@three.example", "bob@lists.example"]
    assert ["list", "team@lists.example", ", ".join(accepted["to"])] in accepted["rewrites"]
    shown = village.node.cli("trace", letter)
    assert "list: team@lists.example → x@one.example" in shown
    assert "header rule 1: X-Desk added: front" in shown


def test_a_forward_and_the_bounce_that_comes_back(village: Town) -> None:
    with village.peer("far.example") as far, village.peer("sender.example") as origin:
        letter = village.send(DAVE, "away@lists.example")
        (received,) = far.wait_letters(1, 60)
        assert re.fullmatch(r"SRS0=[A-Z2-7]{6}=[A-Z2-7]{2}=sender\.example=dave@lists\.example", received.sender)
        assert received.content.startswith(b"Delivered-To: away@lists.example\r\n")
        bounce = post.LETTER.replace(b"a letter", b"it did not work out")
        back = village.send("", received.sender, bounce)
        (returned,) = origin.wait_letters(1, 60)
        assert (returned.sender, returned.recipients) == ("", [DAVE])
        assert b"it did not work out" in returned.content
        # none of it is a relay for strangers
        code, said = refused(village, "stranger@elsewhere.example", received.sender)
        assert (code, said[:5]) == (550, "5.7.1")
        for forged in (received.sender.replace("dave", "victim"), "SRS0=AAAAAA=AA=victim.example=v@lists.example"):
            code, said = refused(village, "", forged)
            assert (code, said[:5]) == (550, "5.1.1")
        # what is forwarded to us again is a loop
        code, said = _at_the_end(village, "away@lists.example", received.content)
        assert (code, said[:5]) == (554, "5.4.6")
        assert len(far.letters) == 1
    rewrites = post.story_with(village.node, letter, "delivered")["entries"][0]["form"]["rewrites"]
    assert ["SRS", DAVE, received.sender] in rewrites
    assert ["SRS reversed", received.sender, DAVE] in post.story(village.node, back)["entries"][0]["form"]["rewrites"]
    assert village.node.cli("srs", "reverse", received.sender).strip() == DAVE


def _at_the_end(town: Town, to: str, content: bytes) -> tuple[int, str]:
    with pytest.raises(smtplib.SMTPResponseException) as caught:
        town.send(CAROL, to, content)
    said = caught.value.smtp_error
    return caught.value.smtp_code, said.decode() if isinstance(said, bytes) else said


def test_a_forward_refused_at_once_is_told_to_its_author(village: Town) -> None:
    with (
        village.peer("shut.example", {"RCPT": "550 5.1.1 No such user"}),
        village.peer("author.example") as origin,
    ):
        village.send("erin@author.example", "left@lists.example", rcpt=["ORCPT=rfc822;left@lists.example"])
        (told,) = origin.wait_letters(1, 60)
    assert (told.sender, told.recipients) == ("", ["erin@author.example"])
    dsn = report.read(b"Return-Path: <>\r\n" + told.content)
    assert str(dsn.recipients[0]["Original-Recipient"]) == "rfc822; left@lists.example"


def test_a_bounce_of_our_own_finds_a_sender_that_is_an_alias(village: Town) -> None:
    """boss@ is nobody's mailbox: what we write to it ourselves comes in by no door, and arrives all the same."""
    alice = post.Mailbox(village.node, "alice@lists.example")
    with village.peer("gone.example", {"RCPT": "550 5.1.1 No such user"}):
        village.node.cli("alias", "add", "exit@lists.example", "nobody@gone.example")
        village.send("boss@lists.example", "exit@lists.example")
        dsn = report.read(alice.holding(b"nobody@gone.example"))
    assert str(dsn.whole["To"]) == "boss@lists.example"


def test_expanded_is_what_the_author_hears(village: Town) -> None:
    bob = post.Mailbox(village.node, "bob@lists.example")
    with village.peer("asker.example") as origin:
        village.send(
            "fred@asker.example",
            "info@lists.example",
            post.LETTER.replace(b"a letter", b"to both"),
            rcpt=["NOTIFY=SUCCESS"],
        )
        (told,) = origin.wait_letters(1, 60)
        bob.holding(b"to both")
        dsn = report.read(b"Return-Path: <>\r\n" + told.content)
        assert [(str(g["Final-Recipient"]), str(g["Action"])) for g in dsn.recipients] == [
            ("rfc822; info@lists.example", "expanded")
        ]
        assert len(origin.letters) == 1


def test_a_black_hole_says_so_in_the_journal(village: Town) -> None:
    letter = village.send(CAROL, "null@lists.example")
    tale = post.story_with(village.node, letter, "delivered")
    (result,) = (result for entry in tale["entries"] for result in entry["form"].get("results", ()))
    assert "thrown away" in result["text"]


def test_strangers_get_through_no_alias(village: Town) -> None:
    for to in ("victim@elsewhere.example", "away@far.example", "x@one.example"):
        code, said = refused(village, "stranger@elsewhere.example", to)
        assert (code, said[:5]) == (550, "5.7.1")
    assert refused(village, CAROL, "nobody@lists.example")[0] == 550

"""A first letter: submitted with STARTTLS and AUTH, it reaches another server and a mailbox here, octet by octet."""

from tests.support import post
from tests.support.town import ALICE, Town, careless

LETTER = (
    b"From: <alice@home.example>\r\nTo: <bob@first.example>\r\nSubject: first\r\n\r\n"
    b"a line\r\n.a dot in front\r\n..two\r\n.\xe3\x81\x82 octets beyond ASCII\r\n\r\nlast\r\n"
)


def test_a_first_letter(town: Town) -> None:
    with town.peer("first.example") as peer:
        with post.dial(town.submission, context=careless()) as client:
            client.login(ALICE, post.PASSWORD)
            letter = post.hand_in(
                client, ALICE, ["bob@first.example", "alice+copy@home.example"], LETTER, mail=["BODY=8BITMIME"]
            )
        came = peer.wait_letters(1, 60)[0]
        kept = town.alice.holding(b"Subject: first")
        tale = post.story_with(town.node, letter, "delivered")
    assert came.sender == ALICE
    assert came.recipients == ["bob@first.example"]
    assert "BODY=8BITMIME" in came.mail
    assert post.untraced(came.content) == LETTER
    assert post.untraced(kept) == LETTER
    assert f"id {letter}".encode() in came.content
    assert b"with ESMTPSA id" in came.content
    assert kept.startswith(b"Return-Path: <alice@home.example>\r\nReceived: ")
    assert tale["accepted"]["account"] == ALICE
    assert tale["accepted"]["tls"].startswith("TLSv1.3 ")

"""FUTURERELEASE: a submitted letter waits here until its hour and goes out then. # RFC 4865"""

import smtplib

import pytest
from tests.support import post
from tests.support.town import ALICE, Town, careless

SECONDS = 4


def test_it_waits_for_its_hour(town: Town) -> None:
    with town.peer("later.example") as peer, post.dial(town.submission, context=careless()) as client:
        client.login(ALICE, post.PASSWORD)
        assert client.has_extn("futurerelease")
        letter = post.hand_in(client, ALICE, ["bob@later.example"], mail=[f"HOLDFOR={SECONDS}"])
        tale = post.story(town.node, letter)
        peer.wait_letters(1, 60)
        done = post.story_with(town.node, letter, "delivered")
        with pytest.raises(smtplib.SMTPResponseException, match=r"5\.5\.4"):
            post.hand_in(client, ALICE, ["bob@later.example"], mail=["HOLDFOR=99999999"])
        client.rset()
    wait = tale["accepted"]["hold_until"] - tale["accepted_at"]  # counted from MAIL, which came before the last dot
    assert (SECONDS - 2) * 1000 < wait <= SECONDS * 1000
    delivered = next(entry for entry in done["entries"] if entry["kind"] == "delivered")
    assert delivered["form"]["started"] >= tale["accepted"]["hold_until"]
    assert delivered["form"]["attempt"] == 1

"""Addresses of Japanese carriers: a..b@docomo.ne.jp is taken bare or quoted, is one address, and goes out quoted."""

from tests.support import post
from tests.support.town import ALICE, Town, careless


def test_from_a_client_to_the_carrier(town: Town) -> None:
    to = ["a..b@docomo.ne.jp", '"a..b"@docomo.ne.jp', "c.@docomo.ne.jp"]
    with town.peer("docomo.ne.jp") as peer, post.dial(town.submission, context=careless()) as client:
        client.login(ALICE, post.PASSWORD)
        letter = post.hand_in(client, ALICE, to)
        came = peer.wait_letters(1, 60)[0]
        found = town.node.json("trace", "a..b@docomo.ne.jp")
    assert came.recipients == ['"a..b"@docomo.ne.jp', '"c."@docomo.ne.jp']
    assert [told["story"]["id"] for told in found] == [letter]


def test_an_answer_from_the_carrier(town: Town) -> None:
    with town.peer("answer.example") as peer:
        for sender in ("d..e.@docomo.ne.jp", '"d..e."@docomo.ne.jp'):
            town.send(sender, "bob@answer.example")
        first, second = peer.wait_letters(2, 60)[:2]
    assert first.sender == second.sender == '"d..e."@docomo.ne.jp'

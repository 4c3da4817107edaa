"""The best MX host is dead: the letter goes to the next one in the same attempt, and the trace says which."""

from tests.support import post
from tests.support.town import Town


def test_the_second_host_takes_it(town: Town) -> None:
    with town.peer("walk.example") as peer:
        nobody = town.address()
        town.names("walk.example", [(10, "mx1.walk.example", nobody), (20, "mx2.walk.example", peer.host)])
        letter = town.send("carol@example.org", "bob@walk.example")
        peer.wait_letters(1, 60)
        tale = post.story_with(town.node, letter, "delivered")
    assert post.kinds(tale) == ["accepted", "delivered"]
    form = tale["entries"][-1]["form"]
    assert (form["host"], form["ip"], form["attempt"]) == ("mx2.walk.example", peer.host, 1)

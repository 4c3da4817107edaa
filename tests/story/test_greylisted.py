"""A peer that says 451 to whom it does not know: deferred, tried again after queue.first, taken."""

from tests.support import post
from tests.support.town import Town


def test_the_second_try_is_taken(town: Town) -> None:
    with town.peer("grey.example", {"RCPT": ["451 4.7.1 Greylisted, come back", "250 2.1.5 Ok"]}) as peer:
        letter = town.send("carol@example.org", "bob@grey.example")
        peer.wait_letters(1, 60)
        tale = post.story_with(town.node, letter, "delivered")
    assert post.kinds(tale) == ["accepted", "deferred", "delivered"]
    first, second = tale["entries"][1], tale["entries"][2]
    assert first["form"]["results"][0]["status"] == "4.7.1"
    assert "451 4.7.1 Greylisted" in first["form"]["dialogue"]
    assert second["form"]["started"] - first["form"]["started"] >= 900  # ms; queue.first is a second
    assert second["form"]["attempt"] == 2

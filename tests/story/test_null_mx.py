"""A domain that says it takes no mail: the sender knows at once, and nothing is dialled. # RFC 7505"""

from tests.support import post, report
from tests.support.town import ALICE, Town


def test_it_bounces_at_once(town: Town) -> None:
    town.dns.zone["nomail.example"] = {"MX": ["0 ."]}
    letter = town.send(ALICE, "bob@nomail.example")
    dsn = report.read(town.alice.holding(b"bob@nomail.example"))
    tale = post.story_with(town.node, letter, "bounced")
    assert post.kinds(tale) == ["accepted", "failed", "bounced"]
    assert not tale["queued"]
    group = dsn.of("bob@nomail.example")
    assert (group["Action"], group["Status"]) == ("failed", "5.1.10")
    assert dsn.returned["Subject"] == "a letter"
    assert dsn.whole["Auto-Submitted"] == "auto-replied"

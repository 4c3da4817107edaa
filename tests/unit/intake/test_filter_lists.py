"""Allow and deny lists as a letter meets them: settings and directory, scopes, proof, who is not on them."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.support.checks import Scene, refused

from hatoba.directory import listing, listings
from hatoba.intake import filter_tables
from hatoba.model.status import Refusal

PASSES = {"a.example": {"TXT": [b"v=spf1 ip4:192.0.2.0/24 -all"]}}
Make = Callable[..., Scene]


def lists(*deny: str, allow: tuple[str, ...] = (), proof: Any = "none") -> dict[str, Any]:
    return {"lists": filter_tables.Lists(allow=allow, deny=deny, proof=proof)}


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("192.0.2.0/24", "5.7.1 Your network is not welcome here"),
        ("helo:mail.a.example", "5.7.1 Your host is not welcome here"),
        (".example", "5.7.1 This sender is not welcome here"),
        ("recipient:bob@example.org", "5.7.1 This recipient takes no mail"),
    ],
)
def test_who_is_denied_is_refused(filtered: Make, entry: str, told: str) -> None:
    assert refused(filtered(**lists(entry))) == told


def test_a_list_of_the_directory_holds_at_once(filtered: Make) -> None:
    here = filtered()
    directory = here.desk._place.directory
    here.letter()
    entry = listing.parse("deny", "192.0.2.1", note="spam of Monday")
    listings.add(directory, [entry])
    assert refused(here) == "5.7.1 Your network is not welcome here"
    assert "spam of Monday" in here.verdicts[-1].reason if here.verdicts else True
    listings.remove(directory, [entry])
    here.letter()


def test_allow_goes_before_deny_and_before_all_else(filtered: Make) -> None:
    zone = {"1.2.0.192.bl.example": {"A": ["127.0.0.2"]}}
    here = filtered(zone, dnsbl=(filter_tables.Dnsbl("bl.example"),), **lists("a.example", allow=("192.0.2.1",)))
    here.letter()
    assert here.said("lists") == [("allow", 0.0)]
    assert here.answers.asked == []  # nobody was asked about it


def test_an_allowed_sender_needs_proof(filtered: Make) -> None:
    tables = lists("192.0.2.0/24", allow=("ann@a.example",), proof="spf")
    assert refused(filtered(auth={"spf": "tag"}, **tables)).startswith("5.7.1")
    filtered(PASSES, auth={"spf": "tag"}, **tables).letter()
    filtered(**lists("192.0.2.0/24", allow=("ann@a.example",), proof="none")).letter()


def test_a_domain_decides_for_itself(filtered: Make) -> None:
    here = filtered(**lists(allow=("192.0.2.1",)))
    listings.add(here.desk._place.directory, [listing.parse("deny", "192.0.2.0/24", "example.org")])
    assert refused(here) == "5.7.1 Your network is not welcome here"
    here.letter(to=["x@example.net"])


def test_allowed_and_checked_recipients_part(filtered: Make) -> None:
    here = filtered()
    listings.add(here.desk._place.directory, [listing.parse("allow", "a.example", "example.net")])
    here = filtered(**lists(proof="none"))
    here.desk._place.directory.refresh(0)
    transaction = here.begin()
    here.rcpt(transaction, "x@example.net")
    with pytest.raises(Refusal, match=r"4\.5\.3"):
        here.rcpt(transaction, "bob@example.org")
    here.rcpt(transaction, "y@example.net")
    other = here.begin()
    here.rcpt(other, "bob@example.org")
    with pytest.raises(Refusal, match=r"4\.5\.3"):
        here.rcpt(other, "x@example.net")


def test_our_own_people_are_not_on_these_lists(filtered: Make) -> None:
    filtered(**lists("192.0.2.1")).letter(sender="alice@example.org", account="alice@example.org")

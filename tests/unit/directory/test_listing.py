"""Allow and deny lists: entries as people write them, look-ups against a look at each, changes that others see."""

import ipaddress
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.directory import listing, listings
from hatoba.directory.entries import BadEntry
from hatoba.directory.listing import ALLOW, DENY, Entry, Lists
from hatoba.kit import networks
from hatoba.model.address import Address

BOB = Address("bob", "example.net")


@pytest.mark.parametrize(
    ("written", "subject", "value"),
    [
        ("192.0.2.1", "ip", "192.0.2.1/32"),
        ("2001:DB8::/32", "ip", "2001:db8::/32"),
        ("ip:::ffff:192.0.2.1", "ip", "192.0.2.1/32"),
        ("Example.ORG", "sender", "example.org"),
        (".Example.ORG", "sender", ".example.org"),
        ("Ann@Example.ORG", "sender", "ann@example.org"),
        ("<>", "sender", "<>"),
        ("日本.example", "sender", "xn--wgv71a.example"),
        ("sender:example.org", "sender", "example.org"),
        ("helo:Localhost", "helo", "localhost"),
        ("recipient:bob@example.net", "recipient", "bob@example.net"),
    ],
)
def test_entries_as_written(written: str, subject: str, value: str) -> None:
    entry = listing.parse(DENY, written)
    assert (entry.subject, entry.value) == (subject, value)
    assert listing.parse(DENY, f"{subject}:{entry.value}") == entry


@pytest.mark.parametrize("written", ["", "192.0.2.1/24", "a b", "ip:example.org", "helo:a b", "a@b@c", "..example"])
def test_what_is_no_entry(written: str) -> None:
    with pytest.raises(BadEntry):
        listing.parse(DENY, written)
    with pytest.raises(BadEntry):
        listing.parse("grey", "192.0.2.1")
    with pytest.raises(BadEntry):
        listing.parse(DENY, "192.0.2.1", "no domain")


def told(lists: Lists, ip: str = "192.0.2.1", helo: str = "mail.a.example", sender: str = "ann@a.example") -> Any:
    found = list(lists.find(ip, helo, Address.parse(sender) if sender else None, BOB))
    return [(one.scope, one.allow or one.sender, one.deny) for one in found]


def made(*entries: str) -> Lists:
    """ "deny 192.0.2.1", "allow example.org for example.net"."""
    parts = [entry.split() for entry in entries]
    return Lists([listing.parse(words[0], words[1], words[3] if len(words) > 2 else "") for words in parts])


@pytest.mark.parametrize(
    "hit",
    [
        "192.0.2.1", "192.0.2.0/24", "0.0.0.0/0", "a.example", ".a.example", ".example", "ann@a.example",
        "helo:mail.a.example", "helo:.a.example", "recipient:bob@example.net", "recipient:example.net",
    ],
)  # fmt: skip
def test_entries_that_fit(hit: str) -> None:
    assert told(made(f"deny {hit}")) == [("", None, listing.parse(DENY, hit))]


@pytest.mark.parametrize(
    "miss",
    [
        "192.0.2.2",
        "2001:db8::/32",
        "b.example",
        ".b.example",
        "mail.a.example",
        "helo:a.example",
        "<>",
        "bob@example.net",
    ],
)
def test_entries_that_do_not(miss: str) -> None:
    assert told(made(f"deny {miss}")) == [("", None, None)]


def test_the_null_sender_is_nobody_elses() -> None:
    assert told(made("deny <>", "deny a.example"), sender="")[0][2] == listing.parse(DENY, "<>")


def test_the_closest_entry_of_a_subject_counts() -> None:
    lists = made("deny 192.0.2.0/24", "allow 192.0.2.1", "allow .example", "deny ann@a.example")
    ((_, allow, deny),) = told(lists)
    assert allow == listing.parse(ALLOW, "192.0.2.1")
    assert deny == listing.parse(DENY, "ann@a.example")
    ((_, allow, deny),) = told(lists, sender="eve@a.example", ip="192.0.2.7")
    assert allow == listing.parse(ALLOW, ".example")
    assert deny == listing.parse(DENY, "192.0.2.0/24")


def test_what_a_domain_says_comes_first() -> None:
    lists = made("allow 192.0.2.1", "deny 192.0.2.0/24 for example.net", "deny 192.0.2.1 for other.example")
    scopes = [one[0] for one in told(lists)]
    assert scopes == ["example.net", ""]
    assert told(lists)[0][2] == listing.parse(DENY, "192.0.2.0/24", "example.net")


NETWORK = st.tuples(st.integers(0, 255), st.integers(20, 32)).map(
    lambda pair: str(networks.around(ipaddress.IPv4Address(f"192.0.2.{pair[0]}"), pair[1], 64))
)
NAMES = st.sampled_from(["a.example", ".a.example", ".example", "ann@a.example", "<>", "helo:mail.a.example"])
ENTRIES = st.lists(st.tuples(st.sampled_from([ALLOW, DENY]), NETWORK | NAMES, st.sampled_from(["", "example.net"])))


@given(ENTRIES, st.integers(0, 255))
def test_the_same_as_a_look_at_each(written: list[tuple[str, str, str]], last: int) -> None:
    entries = [listing.parse(*one) for one in written]
    ip = networks.address(f"192.0.2.{last}")
    assert ip is not None
    for found in Lists(entries).find(str(ip), "", None, BOB):
        within = [
            (networks.network(entry.value).prefixlen, entry.verdict == ALLOW, entry)
            for entry in entries
            if entry.subject == "ip" and entry.scope == found.scope and ip in networks.network(entry.value)
        ]
        best = max(within, key=lambda each: each[:2])[2] if within else None
        null = [entry for entry in entries if entry.value == "<>" and entry.scope == found.scope]
        allows = [entry.verdict == ALLOW for entry in null]
        assert found.allow == (best if best is not None and best.verdict == ALLOW else None)
        assert (found.sender is not None) == any(allows)
        if best is not None and best.verdict == DENY:
            assert found.deny == best


def test_thousands_of_networks_cost_no_more_than_a_few() -> None:
    many = Lists(Entry(DENY, "ip", f"10.{number >> 8}.{number & 255}.0/{24 + number % 3}") for number in range(20_000))
    recipient = Address("bob", "example.net")
    start = time.perf_counter()
    for _ in range(1000):
        list(many.find("203.0.113.5", "mail.example", None, recipient))
    assert time.perf_counter() - start < 0.5  # 500 µs each would be a walk through them; it takes 3 µs


def test_a_row_that_makes_no_sense_is_passed_over() -> None:
    rows = [Entry(DENY, "ip", "nonsense/x"), Entry("grey", "ip", "192.0.2.1/32"), Entry(DENY, "ip", "192.0.2.1/32")]
    assert told(listing.compiled(rows)) == [("", None, Entry(DENY, "ip", "192.0.2.1/32"))]


def test_changes_are_seen_by_others(opened: Any) -> None:
    one, two = opened(), opened()
    assert not two.lists
    deny = listing.parse(DENY, "192.0.2.1", note="noisy", created=5)
    assert listings.add(one, [deny, listing.parse(ALLOW, "example.org")]) == [deny, listing.parse(ALLOW, "example.org")]
    assert two.refresh(0)
    assert deny in two.lists.entries
    assert listings.add(one, [deny]) == []
    kept = one.lists
    one.write(lambda tx: None)
    assert one.lists is kept  # what did not change is not arranged anew
    allow = listing.parse(ALLOW, "192.0.2.1")
    listings.add(one, [allow])  # the opposite goes
    assert deny not in one.lists.entries
    listings.remove(one, [allow])
    with pytest.raises(BadEntry, match="hatoba list allow show"):
        listings.remove(one, [allow])
    assert [str(entry) for entry in one.lists.entries] == ["allow sender:example.org"]

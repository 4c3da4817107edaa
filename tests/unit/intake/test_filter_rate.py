"""Rates: who is counted, in windows that slide, with exceptions, and the time that is told."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.checks import NOW, Scene, refused

from hatoba.intake import filter_tables
from hatoba.intake.filters import rate
from hatoba.model.address import Address
from hatoba.model.envelope import Recipient
from hatoba.model.status import Refusal
from hatoba.net.limits import SharedCounters

Make = Callable[..., Scene]


def limits(*entries: filter_tables.Rate) -> dict[str, Any]:
    return {"rate": entries}


RATE = filter_tables.Rate


def test_more_than_a_minute_may_have(filtered: Make) -> None:
    here = filtered(**limits(RATE("ip", minute=2)))
    here.now = NOW // 60_000 * 60_000
    here.letter()
    here.letter()
    told = refused(here)
    assert told.startswith("4.7.1 Too many recipients for your network, 2 per minute: try again in ")
    here.letter(ip="192.0.2.2")
    here.now += 60_000 + 59_000  # the window slides: nearly all of it has left
    here.letter()


def test_the_time_told_is_enough(filtered: Make) -> None:
    here = filtered(**limits(RATE("sender", hour=3)))
    here.now = NOW // 3_600_000 * 3_600_000 + 1000
    for _ in range(3):
        here.letter()
    seconds = int(refused(here).split("try again in ")[1].split()[0])
    here.now += seconds * 1000
    here.letter()


@given(current=st.integers(0, 50), former=st.integers(0, 50), into=st.integers(0, 59_999), most=st.integers(1, 40))
def test_waiting_so_long_is_enough_and_hardly_more(current: int, former: int, into: int, most: int) -> None:
    share = 1 - into / 60_000
    if current + former * share < most:
        return
    seconds = rate.wait(current, former, share, most, 60)

    def then(after: float) -> float:
        at = into / 1000 + after
        if at < 60:
            return current + former * (1 - at / 60)
        return current * max(0.0, 1 - (at - 60) / 60)

    assert then(seconds) < most
    assert seconds <= 2 or then(seconds - 2) >= most


@pytest.mark.parametrize(
    ("per", "other"),
    [
        ("sender", {"sender": "eve@a.example"}),
        ("ip", {"ip": "192.0.2.2"}),
        ("network", {"ip": "192.0.3.1"}),
        ("domain", {"to": ["x@example.net"]}),
    ],
)
def test_each_has_a_count_of_its_own(filtered: Make, per: Any, other: dict[str, Any]) -> None:
    here = filtered(**limits(RATE(per, day=1)))
    here.letter()
    assert refused(here).startswith("4.7.1 Too many recipients")
    here.letter(**other)


def test_an_account_is_counted_wherever_it_sends_from(filtered: Make) -> None:
    here = filtered(**limits(RATE("account", hour=1)))
    here.letter(sender="alice@example.org", account="alice@example.org")
    told = refused(here, sender="alice@example.org", account="alice@example.org", ip="198.51.100.1")
    assert told.startswith("4.7.1 Too many recipients of this account, 1 per hour")
    here.letter(sender="bob@example.org", account="bob@example.org")
    here.letter()


def test_one_ipv6_network_is_one_client(filtered: Make) -> None:
    here = filtered(**limits(RATE("ip", hour=1)))
    here.letter(ip="2001:db8::1")
    assert refused(here, ip="2001:db8::2").startswith("4.7.1")
    here.letter(ip="2001:db8:0:1::1")


@pytest.mark.parametrize(
    ("match", "counted", "free"),
    [
        (("ann@a.example",), {"sender": "ANN@a.example"}, {"sender": "bob@a.example"}),
        ((".a.example",), {"sender": "ann@x.a.example"}, {"sender": "ann@b.example"}),
        (("a.example",), {"sender": "ann@a.example"}, {"sender": "ann@x.a.example"}),
    ],
)
def test_exceptions(filtered: Make, match: tuple[str, ...], counted: dict[str, Any], free: dict[str, Any]) -> None:
    here = filtered(**limits(RATE("sender", hour=1), RATE("sender", match, hour=2)))
    here.letter(**counted)
    here.letter(**counted)
    assert refused(here, **counted).startswith("4.7.1")
    here.letter(**free)
    assert refused(here, **free).startswith("4.7.1")


def test_a_network_without_a_limit(filtered: Make) -> None:
    here = filtered(**limits(RATE("ip", hour=1), RATE("ip", ("192.0.2.0/28",))))
    for _ in range(5):
        here.letter()
    here.letter(ip="192.0.2.200")
    assert refused(here, ip="192.0.2.200").startswith("4.7.1")


def test_every_recipient_counts_and_refused_ones_do_not(filtered: Make) -> None:
    here = filtered(lists=filter_tables.Lists(deny=("recipient:bob@example.org",)), **limits(RATE("ip", hour=2)))
    transaction = here.begin()
    for _ in range(3):
        with pytest.raises(Refusal):
            here.rcpt(transaction, "bob@example.org")
    here.rcpt(transaction, "alice@example.org")
    here.rcpt(transaction, "x@example.net")
    with pytest.raises(Refusal, match="Too many recipients"):
        here.rcpt(transaction, "y@example.net")


def test_bounces_have_no_sender_to_count(filtered: Make) -> None:
    here = filtered(**limits(RATE("sender", hour=1)))
    here.letter(sender="")
    here.letter(sender="")


def test_a_look_counts_nothing(counters: SharedCounters, filtered: Make) -> None:
    check = rate.Check([RATE("ip", hour=1)], counters, counting=False)
    here = filtered(**limits(RATE("ip", hour=1)))
    transaction = here.begin()
    for _ in range(5):
        assert check.at_recipient(transaction._case, _recipient()) == ()
    here.letter()
    (verdict,) = check.at_recipient(transaction._case, _recipient())
    assert verdict.action == "defer"


def _recipient() -> Any:
    return Recipient(Address("bob", "example.org"))


@pytest.mark.parametrize("entry", [RATE("ip", ("example.org",)), RATE("sender", ("a b",))])
def test_entries_that_are_none(entry: filter_tables.Rate, counters: SharedCounters) -> None:
    with pytest.raises(ValueError, match=r"."):
        rate.Check([entry], counters)

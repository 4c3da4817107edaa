"""Greylisting as a state machine: tries at any time from any network, against the promise made to the operator."""

from typing import Any

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from hatoba.intake.filter_tables import Greylist
from hatoba.intake.filters import greylist
from hatoba.model.address import Address
from hatoba.store.greylist import GreyRow

DELAY, WINDOW, EXPIRY, AFTER = 60_000, 600_000, 6_000_000, 2
SETTINGS = Greylist(on=True, delay=DELAY / 1000, window=WINDOW / 1000, expiry=EXPIRY / 1000, allow_after=AFTER)
IPS = ["192.0.2.1", "192.0.2.77", "198.51.100.9", "2001:db8::1", "2001:db8::2"]
SENDERS = ["ann@a.example", "eve@b.example", "bounce-17@a.example", "bounce-18@a.example"]
BOB = Address("bob", "example.org")


class Greylisting(RuleBasedStateMachine):
    """The rows as the table has them; beside them, when each triple was first seen and last let in."""

    @initialize()
    def begin(self) -> None:
        self.now = 1_700_000_000_000
        self.rows: dict[str, GreyRow] = {}
        self.first: dict[str, int] = {}
        self.let_in: dict[str, int] = {}

    @rule(seconds=st.sampled_from([1, 30, 59, 60, 61, 300, 599, 601, 3000, 6001]))
    def wait(self, seconds: int) -> None:
        self.now += seconds * 1000

    @rule(ip=st.sampled_from(IPS), sender=st.sampled_from(SENDERS))
    def attempt(self, ip: str, sender: str) -> None:
        which = greylist.keys(SETTINGS, ip, Address.parse(sender), BOB)
        assert which is not None
        told = greylist.ruled(SETTINGS, which, self.rows.get(which.network), self.rows.get(which.triple), self.now)
        known = self.rows.get(which.network)
        free = known is not None and known.passed >= AFTER and self.now - known.last <= EXPIRY
        first = self.first.setdefault(which.triple, self.now)
        self._promise(which, told, first, free=free)
        self.rows |= {row.key: row for row in told.rows}

    def _promise(self, which: greylist.Keys, told: greylist.Told, first: int, *, free: bool) -> None:
        known = which.triple in self.let_in and self.now - self.let_in[which.triple] <= EXPIRY - EXPIRY // 8
        if free or known:
            assert told.wait == 0
        elif told.wait == 0:
            assert self.now - first >= DELAY
        else:
            assert told.wait * 1000 <= DELAY + 999
            if told.rows:  # it begins anew
                self.first[which.triple] = self.now
        if told.wait == 0 and not free:
            self.let_in[which.triple] = self.now

    @invariant()
    def rows_are_sound(self) -> None:
        for row in getattr(self, "rows", {}).values():
            assert row.first <= row.last <= self.now
            assert row.passed >= 0


Greylisting.TestCase.settings = hypothesis_settings(max_examples=60, stateful_step_count=40, deadline=None)
TestGreylisting: Any = Greylisting.TestCase

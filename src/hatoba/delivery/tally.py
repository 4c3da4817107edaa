"""Tally: sessions counted by domain, policy and result, in memory, until somebody takes the rows to the store.

Told by dial (a host that failed for its TLS) and channel (a line that a domain's letters use). # RFC 8460 §4
Never writes and never asks whether a domain wants reports: that is asked when one is made.
Fails never: beyond its bound new results are not counted, those known are.
"""

from collections.abc import Callable

from hatoba.delivery.guard import Guard, Proof, Refused
from hatoba.delivery.need import Need
from hatoba.mailauth.tlsrpt import tally
from hatoba.mailauth.tlsrpt.tally import Seen
from hatoba.store.rows import TallyRow

KIND = "tls"
DAY = 86_400_000  # ms
_TEXT = 300  # characters of what is told of a failure


class Tally:
    """One per worker. `clock` in ms since 1970; `most` results are told apart between two collections."""

    def __init__(self, clock: Callable[[], int], most: int = 10_000) -> None:
        self._clock = clock
        self._most = most
        self._counts: dict[tuple[int, str, Seen], int] = {}
        self.dropped = 0  # results that found no room

    def __len__(self) -> int:
        return len(self._counts)

    def used(self, need: Need, guard: Guard, proof: Proof, source: str, ip: str) -> None:
        """A line serves a domain for the first time. `source` and `ip`: its two ends."""
        if not need.counted or not need.mx or not need.domain or not (guard.tls or guard.required):
            return
        result, why = _result(guard, proof)
        if result is None:
            return
        self._add(need, guard, result, why, proof.host, source, ip)
        self._unfound(need, proof.host, source, ip)

    def failed(self, need: Need, guard: Guard, refused: Refused, host: str, source: str, ip: str) -> None:
        """A host would not do, for its TLS."""
        if need.counted and need.mx and need.domain and refused.result:
            self._add(need, guard, refused.result, refused.information, host, source, ip)

    def _unfound(self, need: Need, host: str, source: str, ip: str) -> None:
        """A policy was announced and could not be had: that is counted beside what became of the session."""
        if need.failure[0]:
            word, why = need.failure
            self._count(need.domain, _failure(Seen("sts", need.domain), word, why, host, source, ip))

    def _add(self, need: Need, guard: Guard, result: str, why: str, host: str, source: str, ip: str) -> None:
        seen = _policy(need, guard, host, result)
        self._count(need.domain, _failure(seen, result, why, host, source, ip) if result else seen)

    def _count(self, domain: str, seen: Seen) -> None:
        key = (self._clock() // DAY, domain, seen)
        known = self._counts.get(key)
        if known is None and len(self._counts) >= self._most:
            self.dropped += 1
            return
        self._counts[key] = (known or 0) + 1

    def take(self) -> list[TallyRow]:
        """All that was counted since the last time, as rows; they are the caller's now."""
        counts, self._counts = self._counts, {}
        rows = []
        for (day, domain, seen), count in counts.items():
            octets = tally.data(seen)
            rows.append(TallyRow(KIND, day, domain, tally.key(octets), count, octets))
        return rows


def _result(guard: Guard, proof: Proof) -> tuple[str | None, str]:
    """("", "") for success; None where nothing can be said: a testing policy on a line opened for others."""
    if not proof.chain:
        return "starttls-not-supported", "STARTTLS is not offered"
    if guard.dane is not None and guard.dane.state == "unusable":
        return "tlsa-invalid", guard.dane.why
    if not guard.soft or proof.pkix:
        return "", ""
    if not guard.pkix:
        return "validation-failure", f"the policy does not name {proof.host}"
    return proof.fault if proof.fault[0] else (None, "")


def _policy(need: Need, guard: Guard, host: str, result: str) -> Seen:
    """The policy that counted there. # RFC 8460 §4.4"""
    dane, sts = guard.dane, need.sts
    if dane is not None and dane.state != "absent":
        strings = tuple(f"{t.usage} {t.selector} {t.matching} {t.data.hex()}"[:500] for t in dane.records)
        return Seen("tlsa", dane.base or host, strings[: tally.STRINGS], (host,))
    if need.only or (need.dane and result in ("dnssec-invalid", "dane-required")):
        return Seen("tlsa", host, (), (host,))
    if sts is not None:
        return Seen("sts", need.domain, tally.lines(sts.text), tally.hosts(sts.mx))
    return Seen("no-policy-found", need.domain)


def _failure(seen: Seen, word: str, why: str, host: str, source: str, ip: str) -> Seen:
    return Seen(
        seen.type, seen.policy, seen.strings, seen.hosts, word, sending_ip=source, receiving_host=host,
        receiving_ip=ip, information=why[:_TEXT],
    )  # fmt: skip

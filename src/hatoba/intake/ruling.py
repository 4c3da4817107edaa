"""Ruling: what the verdicts of all checks come to for one letter, by one table an operator can read.

Called by the steps of a transaction after each phase, and by who explains a letter.
Never asks a check; never acts: the transaction refuses, holds, drops or marks.
Fails never.

    accept            no opinion, or points (a score below 0 speaks for the letter)
    tag < junk        X-Spam-Score and X-Spam-Status on top; with junk X-Spam-Flag: YES, too
    quarantine        250, then the letter is held in the queue
    discard           250, then it is dropped and only the journal knows
    greylist, defer   4.7.1, the client keeps it
    reject            5.7.1
    allow             ends the discussion in favour, but for checks that always count (viruses, syntax)

The strongest action wins. Scores add up; a sum at a threshold is an action of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from hatoba.intake import filter_settings as settings_
from hatoba.model import domain as domains
from hatoba.model.envelope import Recipient
from hatoba.model.outcome import Silence, Verdict
from hatoba.model.status import Refusal, Status

ACCEPT, TAG, JUNK, QUARANTINE, DISCARD, GREYLIST, DEFER, REJECT = ORDER = (
    "accept", "tag", "junk", "quarantine", "discard", "greylist", "defer", "reject",
)  # fmt: skip
ALLOW = "allow"
_RANK = {action: rank for rank, action in enumerate(ORDER)}
REFUSING = frozenset({GREYLIST, DEFER, REJECT})
_NONE = Verdict("", ACCEPT)


class Thresholds(NamedTuple):
    """Scores from which something is done; 0: never."""

    tag: float = 0.0
    junk: float = 0.0
    quarantine: float = 0.0
    reject: float = 0.0

    def action(self, score: float) -> tuple[str, float]:
        """(the strongest action that the score calls for, its threshold)."""
        for action, least in ((REJECT, self.reject), (QUARANTINE, self.quarantine), (JUNK, self.junk), (TAG, self.tag)):
            if least > 0 and score >= least:
                return action, least
        return ACCEPT, 0.0


class Ruling(NamedTuple):
    """`decisive` is the verdict that called for `action`; `status` is set where the action refuses."""

    action: str
    status: Status | None
    score: float
    decisive: Verdict
    verdicts: tuple[Verdict, ...]

    @property
    def refusal(self) -> Refusal | None:
        return Refusal(self.status) if self.status is not None else None


class Table:
    """The thresholds of each domain, and what a check without a verdict means. Made by filters.build."""

    def __init__(self, settings: settings_.Settings | None = None, always: frozenset[str] = frozenset()) -> None:
        self.settings = settings = settings or settings_.Settings()
        self.always = always
        self._common = Thresholds(settings.tag_at, settings.junk_at, settings.quarantine_at, settings.reject_at)
        self._domains = {_spelled(each.name): self._of(each) for each in settings.domain}

    def thresholds(self, domain: str) -> Thresholds:
        """Those of a recipient's domain: its own, the nearest "*.parent", else the common ones."""
        if not self._domains:
            return self._common
        found = self._domains.get(domain)
        while found is None and domain:
            domain = domain.partition(".")[2]
            found = self._domains.get(f"*.{domain}")
        return found or self._common

    def mildest(self, recipients: Sequence[Recipient], score: float) -> tuple[str, float]:
        """What a score calls for: of recipients that differ the mildest, so that nobody loses a letter to another's
        wish."""
        if not self._domains or not recipients:
            return self._common.action(score)
        domains = {recipient.address.domain for recipient in recipients}
        return min((self.thresholds(domain).action(score) for domain in domains), key=lambda each: _RANK[each[0]])

    def counts(self, verdict: Verdict) -> bool:
        """Whether it counts against an allow list, too."""
        return verdict.check.partition(" ")[0] in self.always

    def silent(self, silence: Silence) -> Verdict:
        """What a check that came to nothing means."""
        if silence.error_id:
            reason = f"internal error {silence.error_id}"
            wanted, code = self.settings.fault, "4.3.0"
        else:
            reason = "not done in time"
            wanted, code = self.settings.late, "4.7.1"
        if wanted == "accept":
            return Verdict(silence.check, ACCEPT, reason=reason)
        text = f"Internal error {silence.error_id}" if silence.error_id else "A check took too long"
        return Verdict(silence.check, DEFER, Status(code, f"{text}, try again later"), reason)

    def _of(self, domain: settings_.Domain) -> Thresholds:
        common = self._common
        return Thresholds(
            common.tag if domain.tag_at is None else domain.tag_at,
            common.junk if domain.junk_at is None else domain.junk_at,
            common.quarantine if domain.quarantine_at is None else domain.quarantine_at,
            common.reject if domain.reject_at is None else domain.reject_at,
        )


def combine(verdicts: Iterable[Verdict], table: Table, recipients: Sequence[Recipient] = ()) -> Ruling:
    """What all verdicts so far come to. `recipients`: whose thresholds apply."""
    heard = tuple(verdicts)
    score = round(sum(verdict.score for verdict in heard), 3)
    allowed = next((verdict for verdict in heard if verdict.action == ALLOW), None)
    if allowed is not None:
        counting = [verdict for verdict in heard if table.counts(verdict)]
        decisive = max(counting, key=_rank, default=allowed)
        decisive = decisive if _rank(decisive) else allowed
    else:
        decisive = max(heard, key=_rank, default=_NONE)
        action, least = table.mildest(recipients, score)
        if _RANK[action] > _rank(decisive):
            reason = f"score {score:g} of {least:g}"
            status = Status("5.7.1", f"Refused as unwanted: {reason}") if action == REJECT else None
            decisive = Verdict("score", action, status, reason)
    action = ACCEPT if decisive.action == ALLOW else decisive.action
    return Ruling(action, _status(decisive) if action in REFUSING else None, score, decisive, heard)


def _spelled(name: str) -> str:
    """A domain, or all below one, as addresses spell it. BadAddress."""
    below = name.startswith("*.")
    return ("*." if below else "") + domains.parse(name.removeprefix("*."))


def _rank(verdict: Verdict) -> int:
    return _RANK.get(verdict.action, 0)


def _status(verdict: Verdict) -> Status:
    if verdict.status is not None and not verdict.status.ok:
        return verdict.status
    return Status("5.7.1" if verdict.action == REJECT else "4.7.1", verdict.reason)

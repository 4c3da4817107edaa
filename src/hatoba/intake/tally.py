"""Tally: how often each check came to each action, and each method to each result, since the worker's start.

Kept by app over reloads, counted into by the steps, read for the metrics.
Never grows without end: names are those of checks and words of RFC 8601; beyond a bound all else is one.
Fails never.
"""

from collections import Counter
from collections.abc import Iterable

from hatoba.mailauth.results.finding import Finding
from hatoba.model.outcome import Silence, Verdict

_MOST = 512
_OTHER = ("other", "other")


class Tally:
    """`verdicts`: (check, action) → times; `results`: (method, result) → times."""

    def __init__(self) -> None:
        self.verdicts: Counter[tuple[str, str]] = Counter()
        self.results: Counter[tuple[str, str]] = Counter()

    def verdict(self, verdict: Verdict) -> None:
        _count(self.verdicts, (verdict.check.partition(" ")[0], verdict.action))

    def silence(self, silence: Silence) -> None:
        """A check that came to nothing."""
        _count(self.verdicts, (silence.check.partition(" ")[0], "fault" if silence.error_id else "late"))

    def found(self, findings: Iterable[Finding]) -> None:
        """What was found out about a letter."""
        for finding in findings:
            _count(self.results, (finding.method, finding.result))


def _count(counter: Counter[tuple[str, str]], key: tuple[str, str]) -> None:
    counter[key if key in counter or len(counter) < _MOST else _OTHER] += 1

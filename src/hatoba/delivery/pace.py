"""Pace: letters per second to one site, by the generic cell rate algorithm (one number instead of a bucket).

Kept by channel. Never reads a clock: `now` is in seconds of any steady clock. Fails in nothing.
"""


class Pace:
    """At most `burst` letters at once and `rate` per second in the long run; rate 0 lets everything pass."""

    __slots__ = ("_due", "_step", "_tolerance", "rate")

    def __init__(self, rate: float, burst: int) -> None:
        self.rate = rate
        self._step = 1.0 / rate if rate else 0.0
        self._tolerance = self._step * max(0, burst - 1)
        self._due = 0.0  # the theoretical arrival of the next letter

    def wait(self, now: float) -> float:
        """Seconds until the next letter may go; 0 if it may now. Spends nothing."""
        return max(0.0, self._due - self._tolerance - now)

    def spend(self, now: float) -> None:
        """A letter went."""
        self._due = max(self._due, now) + self._step

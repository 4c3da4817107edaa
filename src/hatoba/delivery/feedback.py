"""Feedback: how many connections a site bears, learnt from what it does: +1/N per success, -1/N per failure.

Kept by channel, one per site. After Postfix's scheduler: a window that starts at 5, moves in whole steps once the
parts add up (hysteresis), and a site that is dead once a cohort of connections in a row has failed.
Never reads a clock, never knows a connection. Fails in nothing.
"""


class Window:
    """`allowed` connections; `dead` while the last cohort failed (then one connection at a time may test it)."""

    __slots__ = ("_cohort", "_failed", "_fall", "_most", "_rise", "_start", "dead", "size")

    def __init__(self, start: int, most: int, cohort: float = 1.0) -> None:
        self._start = min(start, most)
        self._most = most
        self._cohort = cohort
        self.size = self._start
        self._rise = 0.0  # parts of one more, gathered by successes
        self._fall = 0.0  # parts of one fewer, gathered by failures
        self._failed = 0.0  # failed cohorts in a row
        self.dead = False

    @property
    def allowed(self) -> int:
        return 1 if self.dead else self.size

    @property
    def exact(self) -> float:
        """The window with the parts gathered, for people to look at."""
        return 1.0 if self.dead else round(self.size + self._rise - self._fall, 2)

    def good(self) -> None:
        """A letter was answered by the site (delivered or refused: it lives). Hot."""
        if self.dead:
            self.dead = False
            self.size = self._start
            self._rise = self._fall = 0.0
        self._failed = 0.0
        size = self.size
        if size < self._most:
            rise = self._rise + 1.0 / size
            if rise >= 1.0:  # a whole round of successes
                self.size = size + 1
                self._rise = self._fall = 0.0
            else:
                self._rise = rise

    def bad(self) -> bool:
        """A walk found no host that answers, or the site as a whole refused. True when it is dead (now or still)."""
        if self.dead:
            return True
        share = 1.0 / self.size
        self._failed += share
        if self._failed >= self._cohort - 1e-9:
            self.dead = True
            return True
        self._fall += share
        self._rise = 0.0
        if self._fall >= 1.0 - 1e-9 and self.size > 1:
            self.size -= 1
            self._fall = 0.0
        return False

    def full(self, open_now: int) -> None:
        """One more connection was refused while `open_now` others work: that is what the site bears for now."""
        self.size = max(1, min(self.size, open_now))
        self._rise = self._fall = 0.0

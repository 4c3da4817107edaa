"""Breaker: stops asking who has failed several times in a row, and tries again with one question after a pause.

Kept by whoever asks a service that may be down, one for each service.
Never reads a clock: `now` is seconds on any clock that only goes on.
Fails never.
"""

CLOSED, OPEN, HALF_OPEN = "closed", "open", "half-open"  # may be asked · is not asked · one probe is under way


class Breaker:
    """Opens after `failures` in a row, for `pause` seconds; then a single probe decides. 0 failures: never opens.

    `times` counts how often it opened.
    """

    __slots__ = ("_failed", "_since", "failures", "pause", "state", "times")

    def __init__(self, failures: int, pause: float) -> None:
        self.failures = failures
        self.pause = pause
        self.state = CLOSED
        self.times = 0
        self._failed = 0  # in a row
        self._since = 0.0

    def allows(self, now: float) -> bool:
        """Whether a question may be asked now. Who was let through must tell: succeeded, failed or abandoned."""
        if self.state == CLOSED:
            return True
        if self.state == OPEN and now - self._since >= self.pause:
            self.state = HALF_OPEN
            return True
        return False

    def succeeded(self) -> bool:
        """It answered. True when that closes the circuit again."""
        again = self.state != CLOSED
        self.state, self._failed = CLOSED, 0
        return again

    def failed(self, now: float) -> bool:
        """It did not. True when that opens the circuit: not for a probe that fails, it is known to be down."""
        self._failed += 1
        if self.state == HALF_OPEN:
            self.state, self._since = OPEN, now
            return False
        if self.state == CLOSED and self.failures and self._failed >= self.failures:
            self.state, self._since = OPEN, now
            self.times += 1
            return True
        return False

    def abandoned(self, now: float) -> None:
        """Nobody waited for the answer: it says nothing of the service. A probe is repeated after a pause."""
        if self.state == HALF_OPEN:
            self.state, self._since = OPEN, now

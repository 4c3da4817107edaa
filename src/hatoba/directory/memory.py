"""Memory: passwords proven a short while ago, known again by a keyed hash instead of the slow one.

Called by directory.verify, from several threads.
Never holds a password, and never an answer "no": a wrong password always costs the slow hash.
Fails never; it forgets the oldest when it is full.
"""

import hmac


class Memory:
    """`key` is random and lives as long as the process. A digest covers address, stored hash and password, so a
    password changed by another process is unknown at once."""

    __slots__ = ("_key", "_known", "_most", "_span")

    def __init__(self, key: bytes, span: float, most: int) -> None:
        if len(key) < 16:
            raise ValueError("the key of the password memory needs at least 16 random octets")
        self._key = key
        self._span = round(span * 1000)
        self._most = most
        self._known: dict[str, tuple[bytes, int]] = {}

    def _digest(self, address: str, stored: str, octets: bytes) -> bytes:
        return hmac.digest(self._key, f"{address}\0{stored}\0".encode() + octets, "sha256")

    def knows(self, address: str, stored: str, octets: bytes, now: int) -> bool:
        """Whether this password was proven for this hash less than the span ago. `now` in ms."""
        digest, until = self._known.get(address, (b"", 0))
        return now < until and hmac.compare_digest(digest, self._digest(address, stored, octets))

    def learn(self, address: str, stored: str, octets: bytes, now: int) -> None:
        """The password was proven at `now`."""
        if not self._span:
            return
        known = self._known
        known.pop(address, None)
        while len(known) >= self._most:
            known.pop(next(iter(known), ""), None)
        known[address] = (self._digest(address, stored, octets), now + self._span)

    def forget(self, address: str) -> None:
        self._known.pop(address, None)

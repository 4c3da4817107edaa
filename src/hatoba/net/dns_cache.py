"""The resolver's memory: answers until their TTL ends, failures for a moment, bounded in number.

Called by dns alone.
Never asks anybody and never reads a clock: the time (seconds, monotonic) comes in, but for the hot look-up.
Fails never: what is not known is None.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

Key = tuple[str, str]


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What DNS says. `status` is "ok", "nodata" (the name is there, the type is not) or "nxdomain".

    `records`, best to use as they are: A, AAAA: str · MX: (preference, host) sorted · TXT, SPF: bytes (strings joined)
    · TLSA: (usage, selector, matching, bytes) · CNAME, NS, PTR: str · SRV: (priority, weight, port, host) · others:
    str as in a zone file. Names are lower case without the final dot ("" is the root). `ttl`: seconds left when the
    answer came. `secure`: a validating resolver on loopback vouches for it (AD).  # RFC 4035 §3.2.3
    """

    records: tuple[Any, ...]
    ttl: float
    status: str
    secure: bool = False


class DnsTrouble(Exception):
    """No answer for now: no server answered, or all failed. The question may be repeated later."""


class Cache:
    """Keyed by (name, rtype). The oldest answers leave first when `most` is passed."""

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self._most = most
        self._clock = clock
        self._answers: dict[Key, tuple[float, Answer]] = {}
        self._troubles: dict[Key, tuple[float, str]] = {}

    def get(self, key: Key) -> Answer | None:
        """The answer, if it is still good."""
        found = self._answers.get(key)
        if found is not None and found[0] > self._clock():
            return found[1]
        return None

    def trouble(self, key: Key) -> str:
        """Why this question is not to be asked just now, or ""."""
        found = self._troubles.get(key)
        if found is None:
            return ""
        if found[0] > self._clock():
            return found[1]
        del self._troubles[key]
        return ""

    def put(self, key: Key, answer: Answer, seconds: float) -> None:
        """Keeps an answer for so many seconds."""
        self._troubles.pop(key, None)
        if seconds <= 0 or not self._most:
            return
        self._answers.pop(key, None)  # a renewed answer is young again
        self._answers[key] = (self._clock() + seconds, answer)
        while len(self._answers) > self._most:
            del self._answers[next(iter(self._answers))]

    def put_trouble(self, key: Key, why: str, seconds: float) -> None:
        """Keeps a failure for so many seconds."""
        if seconds <= 0 or not self._most:
            return
        self._troubles[key] = (self._clock() + seconds, why)
        while len(self._troubles) > self._most:
            del self._troubles[next(iter(self._troubles))]

    def clear(self) -> None:
        """Forgets all, for a person who has mended a zone."""
        self._answers.clear()
        self._troubles.clear()

    def __len__(self) -> int:
        return len(self._answers)

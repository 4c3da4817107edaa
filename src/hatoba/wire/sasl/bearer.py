"""Bearer tokens: what XOAUTH2 and OAUTHBEARER have in common.

Called by xoauth2 and oauthbearer.
Never checks a token: the Claim's reader asks whoever issues them.
Fails with PeerError on a malformed message.
"""

import re
from collections.abc import Mapping

import msgspec

from hatoba.wire.sasl import steps

_TOKEN = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9\-._~+/]+=*)\Z")  # RFC 6750 §2.1


class Bearer:
    """step(message) -> Claim("token", name, token) or Failure; refuse() -> Challenge; step(anything) -> Failure."""

    __slots__ = ("_stage",)

    def __init__(self) -> None:
        self._stage = 0

    def step(self, response: bytes | None) -> steps.Step:
        if response is None and not self._stage:
            return steps.Challenge(b"")
        stage, self._stage = self._stage, 1
        if stage == 0:
            return self.read(steps.decode(response or b""))
        if stage == 2:
            return steps.Failure("the token was refused")
        raise ValueError("the exchange is over")

    def read(self, message: str) -> steps.Step:
        """The claim in the first message; the mechanisms know its form."""
        raise NotImplementedError

    def words(self, scope: str) -> Mapping[str, str]:
        """What the error object says; the mechanisms know its form."""
        raise NotImplementedError

    def refuse(self, scope: str = "") -> steps.Challenge:
        """The token is not good: the error object, to which the client answers before it is told 535."""
        self._stage = 2
        return steps.Challenge(msgspec.json.encode(self.words(scope)))


def fields(message: str) -> dict[str, str]:
    """key=value pairs, each behind a ^A, another ^A at the end. PeerError. # RFC 7628 §3.1"""
    *pairs, last, end = message.split("\x01") if "\x01" in message else (message, "x")
    if last or end:
        raise steps.bad("a token message ends in two ^A")
    found: dict[str, str] = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator or key.lower() in found:
            raise steps.bad("a malformed token message")
        found[key.lower()] = value
    return found


def token(value: str) -> str:
    """The token of an Authorization value. PeerError when it is another scheme or no token."""
    match = _TOKEN.match(value)
    if match is None:
        raise steps.bad("the token message holds no bearer token")
    return match[1]

"""PLAIN: name and password in one message. # RFC 4616

Called by the exchange's owner through `sasl.server` and `sasl.client`.
Never checks the password, never hides it: it is the transport's to be encrypted.
Fails with PeerError on a message that is not three fields.
"""

from hatoba.wire.sasl import steps


class PlainServer:
    """step(message) -> Claim("password", name, secret) or Failure."""

    __slots__ = ("_over",)

    def __init__(self) -> None:
        self._over = False

    def step(self, response: bytes | None) -> steps.Step:
        if self._over:
            raise ValueError("the exchange is over")
        if response is None:
            return steps.Challenge(b"")
        self._over = True
        fields = steps.decode(response).split("\0")
        if len(fields) != 3:
            raise steps.bad("PLAIN has three fields with a NUL between")
        authzid, name, secret = fields
        return steps.password(name, authzid, secret)


class PlainClient:
    """The message is the initial response, or the answer to an empty challenge. ValueError on a NUL in it."""

    __slots__ = ("_message", "done")

    def __init__(self, name: str, password: str) -> None:
        if "\0" in name or "\0" in password or not password:
            raise ValueError("a name or password for PLAIN is not empty and has no NUL")
        self._message = f"\0{steps.own_name(name)}\0{password}".encode()
        self.done = False

    def initial(self) -> bytes | None:
        self.done = True
        return self._message

    def step(self, challenge: bytes) -> bytes:
        if self.done or challenge:
            raise steps.distrust("an unexpected challenge in PLAIN")
        self.done = True
        return self._message

"""LOGIN: name and password, each asked for. No RFC; draft-murchison-sasl-login-00 wrote down what was in use.

Called by the exchange's owner through `sasl.server` and `sasl.client`.
Never checks the password, never reads the server's prompts: their words differ, their order does not.
Fails with PeerError on octets that are not UTF-8, and on a challenge too many.
"""

from hatoba.wire.sasl import steps


class LoginServer:
    """step(name) -> Challenge, step(password) -> Claim("password", name, secret) or Failure."""

    __slots__ = ("_name", "_over")

    def __init__(self) -> None:
        self._name: str | None = None
        self._over = False

    def step(self, response: bytes | None) -> steps.Step:
        if self._over:
            raise ValueError("the exchange is over")
        if response is None:
            return steps.Challenge(b"Username:")
        text = steps.decode(response)
        if self._name is None:
            self._name = text
            return steps.Challenge(b"Password:")
        self._over = True
        if "\0" in self._name or "\0" in text:
            raise steps.bad("a NUL in a name or password")
        return steps.password(self._name, "", text)


class LoginClient:
    """The first challenge is answered with the name, the second with the password."""

    __slots__ = ("_words", "done")

    def __init__(self, name: str, password: str) -> None:
        if not password:
            raise ValueError("the password is empty")
        self._words = [password.encode(), steps.own_name(name).encode()]
        self.done = False

    def initial(self) -> bytes | None:
        return None

    def step(self, challenge: bytes) -> bytes:
        if not self._words:
            raise steps.distrust("an unexpected challenge in LOGIN")
        word = self._words.pop()
        self.done = not self._words
        return word

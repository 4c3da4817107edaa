"""What a step of a SASL exchange can come to, and the shape of an exchange on either side.

Made by the mechanisms, read by doors.smtp (server side) and delivery (client side).
Never looks a name up and never checks a password: a `Claim` says what is to be checked.
Fails with PeerError on a message that breaks the mechanism's grammar; wrong credentials are a `Failure`.
"""

from typing import Protocol

import msgspec

from hatoba.kit import scram
from hatoba.model.status import PeerError, Status

MESSAGE_OCTETS = 12288  # RFC 4954 §4: nothing longer arrives on one line
NAME_OCTETS = 1024
PASSWORD_OCTETS = 1024  # beyond it a password is an attack on the hash


class Challenge(msgspec.Struct, frozen=True, gc=False):
    """Say this to the client (not base64 yet) and hand its response to `step`."""

    data: bytes


class Claim(msgspec.Struct, frozen=True, gc=False):
    """The client says it is `name`. What is to be done is in `kind`:

    "password": check `secret` as the account's password; the exchange is over.
    "scram": look up the verifier of `name` and go on with the exchange's `verifier(...)`.
    "token": check `secret` as a bearer token of `name` ("": whoever the token names); when it is not good, go on
    with `refuse(...)`.
    """

    kind: str
    name: str
    secret: str = ""

    def __repr__(self) -> str:
        return f"Claim(kind={self.kind!r}, name={self.name!r}, secret={'***' if self.secret else ''!r})"


class Proved(msgspec.Struct, frozen=True, gc=False):
    """The client has proved that it is `name`; `which` of the verifiers it was, where there were several."""

    name: str
    which: int = 0


class Failure(msgspec.Struct, frozen=True, gc=False):
    """The client may not in; `reason` is for the log, the client is told no more than that it failed."""

    reason: str


Step = Challenge | Claim | Proved | Failure


class ServerExchange(Protocol):
    """One exchange, server side. ValueError when stepped beyond its end."""

    def step(self, response: bytes | None) -> Step:
        """`response` is the client's, decoded from base64; None when AUTH came without an initial response."""


class ClientExchange(Protocol):
    """One exchange, client side."""

    @property
    def done(self) -> bool:
        """All was said and, where the mechanism proves the server too, that is proved: only now believe a 235."""

    def initial(self) -> bytes | None:
        """The initial response, None when the mechanism has none."""

    def step(self, challenge: bytes) -> bytes:
        """The response to a challenge, both without base64. PeerError when it is wrong or one too many."""


def bad(text: str) -> PeerError:
    """The client broke the grammar: 501. # RFC 4954 §4"""
    return PeerError(Status("5.5.2", text))


def distrust(text: str) -> PeerError:
    """The server's message cannot be gone on with, seen from our client."""
    return PeerError(Status("4.7.0", text))


def decode(octets: bytes) -> str:
    """The message as text. PeerError when it is too long or not UTF-8."""
    if len(octets) > MESSAGE_OCTETS:
        raise bad("the SASL message is too long")
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise bad("the SASL message is not UTF-8") from None


def identity(name: str, authzid: str) -> str | Failure:
    """The prepared name, or why it cannot be one: nobody acts for somebody else here. # RFC 4616 §2, RFC 4013"""
    try:
        prepared = scram.saslprep(name)
        other = scram.saslprep(authzid)
    except ValueError as error:
        return Failure(str(error))
    if not prepared or len(prepared.encode()) > NAME_OCTETS:
        return Failure("the name is empty or too long")
    if other not in ("", prepared):
        return Failure("the authorization identity is another than the name")
    return prepared


def password(name: str, authzid: str, secret: str) -> Claim | Failure:
    """The claim of a name and a password.

    The password is handed on as it came: who keeps its hash prepares it the way it was prepared when it was set.
    """
    found = identity(name, authzid)
    if isinstance(found, Failure):
        return found
    if not secret or len(secret.encode()) > PASSWORD_OCTETS:
        return Failure("the password is empty or too long")
    return Claim("password", found, secret)


def own_name(name: str) -> str:
    """Our name as a client says it. ValueError when it cannot be one."""
    prepared = scram.saslprep(name)
    if not prepared:
        raise ValueError("the name is empty")
    return prepared

"""SASL exchanges as steps, a file per mechanism: bytes in, what is to be said or checked out. Sans IO.

`server(...)` for doors.smtp, `client(...)` for delivery; the values a step can come to are in `steps`.
Never looks a name up, never draws a nonce, never encodes base64 (that is the protocol's around it).
Fails with ValueError on a mechanism that is not here, PeerError on a malformed message.
"""

from collections.abc import Mapping

from hatoba.kit.scram import ITERATIONS
from hatoba.wire.sasl.bearer import Bearer
from hatoba.wire.sasl.login import LoginClient, LoginServer
from hatoba.wire.sasl.oauthbearer import OAuthBearerServer
from hatoba.wire.sasl.plain import PlainClient, PlainServer
from hatoba.wire.sasl.scram import ScramServer
from hatoba.wire.sasl.scram_client import ScramClient
from hatoba.wire.sasl.steps import Challenge, Claim, ClientExchange, Failure, Proved, ServerExchange, Step, password
from hatoba.wire.sasl.xoauth2 import XOAuth2Server

__all__ = [
    "CLIENT_MECHANISMS",
    "SERVER_MECHANISMS",
    "Bearer",
    "Challenge",
    "Claim",
    "ClientExchange",
    "Failure",
    "Proved",
    "ScramServer",
    "ServerExchange",
    "Step",
    "choose",
    "client",
    "password",
    "server",
]

SERVER_MECHANISMS = ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2")
CLIENT_MECHANISMS = ("SCRAM-SHA-256", "PLAIN", "LOGIN")  # in the order they are preferred


def server(
    mechanism: str,
    *,
    nonce: str = "",
    secret: bytes = b"",
    iterations: int = ITERATIONS,
    bindings: Mapping[str, bytes] = {},
) -> ServerExchange:
    """A new exchange. SCRAM needs a fresh `nonce` and the server's `secret`, and should be told the connection's
    `bindings` whether or not it is -PLUS; see `ScramServer`."""
    if mechanism == "PLAIN":
        return PlainServer()
    if mechanism == "LOGIN":
        return LoginServer()
    if mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"):
        return ScramServer(nonce, secret, iterations, bindings=bindings, plus=mechanism.endswith("-PLUS"))
    if mechanism == "XOAUTH2":
        return XOAuth2Server()
    if mechanism == "OAUTHBEARER":
        return OAuthBearerServer()
    raise ValueError(f"no such mechanism: {mechanism}")


def client(
    mechanism: str, name: str, password: str, *, nonce: str = "", binding: tuple[str, bytes] = ("", b"")
) -> ClientExchange:
    """A new exchange. SCRAM needs a fresh `nonce`, -PLUS a `binding`: its type and what the connection has of it."""
    if mechanism == "PLAIN":
        return PlainClient(name, password)
    if mechanism == "LOGIN":
        return LoginClient(name, password)
    if mechanism == "SCRAM-SHA-256":
        return ScramClient(name, password, nonce)
    if mechanism == "SCRAM-SHA-256-PLUS":
        return ScramClient(name, password, nonce, binding=binding)
    raise ValueError(f"no such mechanism: {mechanism}")


def choose(offered: frozenset[str], *, encrypted: bool) -> str:
    """The best offered mechanism we speak, "" for none; without encryption only one that hides the password."""
    for mechanism in CLIENT_MECHANISMS if encrypted else CLIENT_MECHANISMS[:1]:
        if mechanism in offered:
            return mechanism
    return ""

"""SCRAM-SHA-256(-PLUS), server side: proof of a password without saying it. # RFC 5802, RFC 7677

Called by the exchange's owner through `sasl.server`; `kit.scram` keeps the verifier.
Never draws the nonce, never looks a name up; a name nobody has gets a verifier too, so that it cannot be told apart.
Fails with PeerError on broken grammar; a proof that does not hold is a Failure.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

from hatoba.kit import scram
from hatoba.wire.sasl import steps

NONCE_LENGTH = 256


class ScramServer:
    """step(client-first) -> Claim("scram", name); verifier(...) -> Challenge; step(client-final) -> Challenge or
    Failure; step(b"") -> Proved.

    `nonce` is fresh random text; `secret` makes the verifiers of nobody and stays the same over restarts;
    `iterations` are those of this server's accounts. `bindings` are what this connection can be bound to, by type
    ("tls-server-end-point"): where there are any, -PLUS is offered, and a client that believes it is not is refused:
    somebody between us took it out. `plus`: this exchange is of -PLUS.
    """

    __slots__ = (
        "_bare",
        "_bindings",
        "_bound",
        "_first",
        "_header",
        "_iterations",
        "_known",
        "_name",
        "_nonce",
        "_plus",
        "_secret",
        "_stage",
        "_verifiers",
        "_which",
    )

    def __init__(
        self,
        nonce: str,
        secret: bytes,
        iterations: int = scram.ITERATIONS,
        *,
        bindings: Mapping[str, bytes] = {},
        plus: bool = False,
    ) -> None:
        if not is_nonce(nonce) or not secret:
            raise ValueError("SCRAM needs a nonce of printable ASCII without a comma, and a secret")
        self._nonce = nonce
        self._secret = secret
        self._iterations = iterations
        self._stage = self._client_first
        self._bindings = bindings
        self._plus = plus
        self._bound = b""
        self._which = 0
        self._known = False
        self._name = ""

    @property
    def name(self) -> str:
        """Who the client says it is; "" before it said so."""
        return self._name

    def step(self, response: bytes | None) -> steps.Step:
        if response is None and self._stage == self._client_first:
            return steps.Challenge(b"")
        stage, self._stage = self._stage, _over
        return stage(response or b"")

    def verifier(self, found: scram.Verifier | None, *others: scram.Verifier) -> steps.Challenge:
        """Goes on with the verifier of the claimed name, None when there is no such account.

        `others`, of the same salt and iterations, are those of its other passwords. ValueError when they are not.
        """
        if self._stage is not _claimed:
            raise ValueError("no name was claimed")
        self._known = found is not None
        first = found or scram.fake_verifier(self._name, self._secret, self._iterations)
        if any((one.salt, one.iterations) != (first.salt, first.iterations) for one in others):
            raise ValueError("the verifiers of one name have one salt")
        self._verifiers = (first, *others)
        salt = base64.b64encode(first.salt).decode()
        self._first = f"r={self._nonce},s={salt},i={first.iterations}"
        self._stage = self._client_final
        return steps.Challenge(self._first.encode())

    def _client_first(self, response: bytes) -> steps.Step:
        """gs2-cbind-flag "," [authzid] "," n=name "," r=nonce *("," extension). # RFC 5802 §7"""
        text = steps.decode(response)
        parts = text.split(",", 2)
        if len(parts) != 3:
            raise steps.bad("SCRAM begins with a GS2 header")
        flag, authzid, self._bare = parts
        if not (flag in ("n", "y") or flag.startswith("p=")) or not (authzid == "" or authzid.startswith("a=")):
            raise steps.bad("a malformed GS2 header")
        wrong = self._bind(flag)
        if wrong:
            return steps.Failure(wrong)
        self._header = f"{flag},{authzid},"
        fields = self._bare.split(",")
        if fields[0].startswith("m="):
            return steps.Failure("a mandatory extension that is not known")
        if len(fields) < 2 or fields[0][:2] != "n=" or fields[1][:2] != "r=" or not is_nonce(fields[1][2:]):
            raise steps.bad("a malformed SCRAM client-first message")
        self._nonce = fields[1][2:] + self._nonce
        name = steps.identity(unescape(fields[0][2:]), unescape(authzid[2:]))
        if isinstance(name, steps.Failure):
            return name
        self._name = name
        self._stage = _claimed
        return steps.Claim("scram", name)

    def _bind(self, flag: str) -> str:
        """What the exchange is bound to; why it cannot be, or "". # RFC 5802 §6"""
        if not flag.startswith("p="):
            if self._plus:
                return "no channel binding in a mechanism that is about it"
            return "the client believes that channel binding is not offered" if flag == "y" and self._bindings else ""
        if not self._plus:
            return "channel binding is not offered"
        bound = self._bindings.get(flag[2:])
        if bound is None:
            return "a channel binding of a type that is not offered"
        self._bound = bound
        return ""

    def _client_final(self, response: bytes) -> steps.Step:
        """c=base64(GS2 header) "," r=nonce *("," extension) "," p=proof. # RFC 5802 §7"""
        said, separator, written = steps.decode(response).rpartition(",p=")
        fields = said.split(",")
        proof = unbase64(written)
        if not separator or proof is None or len(proof) != 32 or len(fields) < 2:
            raise steps.bad("a malformed SCRAM client-final message")
        bound = "c=" + base64.b64encode(self._header.encode() + self._bound).decode()
        if not same(fields[0], bound):
            return steps.Failure("the channel binding does not match the first message")
        if not same(fields[1], "r=" + self._nonce):
            return steps.Failure("the nonce does not match")
        spoken = f"{self._bare},{self._first},{said}".encode()
        proved = [_proves(proof, one, spoken) for one in self._verifiers]  # all of them, whichever it is
        if not any(proved) & self._known:
            return steps.Failure("the proof does not hold")
        self._stage = self._acknowledged
        self._which = proved.index(True)
        mine = hmac.digest(self._verifiers[self._which].server_key, spoken, "sha256")
        return steps.Challenge(b"v=" + base64.b64encode(mine))

    def _acknowledged(self, response: bytes) -> steps.Step:
        if response:
            raise steps.bad("the answer to the server's proof is empty")
        return steps.Proved(self._name, self._which)


def _proves(proof: bytes, verifier: scram.Verifier, spoken: bytes) -> bool:
    """Whether the proof is by who knows the password of the verifier. # RFC 5802 §3"""
    signature = hmac.digest(verifier.stored_key, spoken, "sha256")
    key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
    return hmac.compare_digest(hashlib.sha256(key).digest(), verifier.stored_key)


def _over(response: bytes) -> steps.Step:
    raise ValueError("the exchange is over")


def _claimed(response: bytes) -> steps.Step:
    raise ValueError("the verifier of the claimed name comes first")


def is_nonce(text: str) -> bool:
    """Printable ASCII without a comma. # RFC 5802 §7"""
    return 0 < len(text) <= NONCE_LENGTH and text.isascii() and text.isprintable() and not set(", ") & set(text)


def same(one: str, other: str) -> bool:
    """Compared in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())


def unbase64(text: str) -> bytes | None:
    """The octets, None when the text is no base64."""
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        return None


def unescape(text: str) -> str:
    """saslname: =2C is a comma, =3D an equals sign, no other = may stand. PeerError. # RFC 5802 §5.1"""
    first, *rest = text.split("=")
    for part in rest:
        if part[:2] not in ("2C", "3D"):
            raise steps.bad("a malformed name in SCRAM")
        first += ("," if part[:2] == "2C" else "=") + part[2:]
    return first


def escape(text: str) -> str:
    """The name as a saslname."""
    return text.replace("=", "=3D").replace(",", "=2C")

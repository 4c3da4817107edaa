"""SCRAM-SHA-256, server side: proof of a password without saying it. # RFC 5802, RFC 7677

Called by the exchange's owner through `sasl.server`; `kit.scram` keeps the verifier.
Never draws the nonce, never looks a name up; a name nobody has gets a verifier too, so that it cannot be told apart.
Fails with PeerError on broken grammar; a proof that does not hold is a Failure.
"""

import base64
import binascii
import hashlib
import hmac

from hatoba.kit import scram
from hatoba.wire.sasl import steps

NONCE_LENGTH = 256


class ScramServer:
    """step(client-first) -> Claim("scram", name); verifier(...) -> Challenge; step(client-final) -> Challenge or
    Failure; step(b"") -> Proved.

    `nonce` is fresh random text; `secret` makes the verifiers of nobody and stays the same over restarts;
    `iterations` are those of this server's accounts. -PLUS is not offered, so a client that could bind says "y".
    """

    __slots__ = (
        "_bare",
        "_first",
        "_header",
        "_iterations",
        "_known",
        "_name",
        "_nonce",
        "_secret",
        "_stage",
        "_verifier",
    )

    def __init__(self, nonce: str, secret: bytes, iterations: int = scram.ITERATIONS) -> None:
        if not is_nonce(nonce) or not secret:
            raise ValueError("SCRAM needs a nonce of printable ASCII without a comma, and a secret")
        self._nonce = nonce
        self._secret = secret
        self._iterations = iterations
        self._stage = self._client_first
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

    def verifier(self, found: scram.Verifier | None) -> steps.Challenge:
        """Goes on with the verifier of the claimed name, None when there is no such account."""
        if self._stage is not _claimed:
            raise ValueError("no name was claimed")
        self._known = found is not None
        self._verifier = found or scram.fake_verifier(self._name, self._secret, self._iterations)
        salt = base64.b64encode(self._verifier.salt).decode()
        self._first = f"r={self._nonce},s={salt},i={self._verifier.iterations}"
        self._stage = self._client_final
        return steps.Challenge(self._first.encode())

    def _client_first(self, response: bytes) -> steps.Step:
        """gs2-cbind-flag "," [authzid] "," n=name "," r=nonce *("," extension). # RFC 5802 §7"""
        text = steps.decode(response)
        parts = text.split(",", 2)
        if len(parts) != 3:
            raise steps.bad("SCRAM begins with a GS2 header")
        flag, authzid, self._bare = parts
        if flag.startswith("p="):
            return steps.Failure("channel binding is not offered")
        if flag not in ("n", "y") or not (authzid == "" or authzid.startswith("a=")):
            raise steps.bad("a malformed GS2 header")
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

    def _client_final(self, response: bytes) -> steps.Step:
        """c=base64(GS2 header) "," r=nonce *("," extension) "," p=proof. # RFC 5802 §7"""
        said, separator, written = steps.decode(response).rpartition(",p=")
        fields = said.split(",")
        proof = unbase64(written)
        if not separator or proof is None or len(proof) != 32 or len(fields) < 2:
            raise steps.bad("a malformed SCRAM client-final message")
        bound = "c=" + base64.b64encode(self._header.encode()).decode()
        if not same(fields[0], bound):
            return steps.Failure("the channel binding does not match the first message")
        if not same(fields[1], "r=" + self._nonce):
            return steps.Failure("the nonce does not match")
        spoken = f"{self._bare},{self._first},{said}".encode()
        signature = hmac.digest(self._verifier.stored_key, spoken, "sha256")
        key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
        proved = hmac.compare_digest(hashlib.sha256(key).digest(), self._verifier.stored_key)
        if not proved & self._known:
            return steps.Failure("the proof does not hold")
        self._stage = self._acknowledged
        mine = hmac.digest(self._verifier.server_key, spoken, "sha256")
        return steps.Challenge(b"v=" + base64.b64encode(mine))

    def _acknowledged(self, response: bytes) -> steps.Step:
        if response:
            raise steps.bad("the answer to the server's proof is empty")
        return steps.Proved(self._name)


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

"""Making: new private keys, keys brought from elsewhere, and the names they get.

Called by the command line and by quickstart, for changes; RSA-2048 takes 50 to 200 ms of CPU.
Never keeps a key: whoever asked has it sealed.
Fails with BadEntry for a key we do not sign with, a selector in bad form or an unknown algorithm.
"""

import base64
import binascii
import re
from collections.abc import Container
from datetime import UTC, datetime
from typing import NamedTuple

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from hatoba.directory.dkim_key import ED25519, RSA
from hatoba.directory.entries import BadEntry
from hatoba.mailauth.dkim import keys

ALGORITHMS = ("rsa2048", "rsa3072", "ed25519")
BOTH = ("rsa2048", "ed25519")
_SELECTOR = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?)*")
_RAW = 32  # octets of an Ed25519 private key


class Made(NamedTuple):
    """A key with the name it shall have."""

    selector: str
    key: keys.PrivateKey

    @property
    def kind(self) -> str:
        return RSA if isinstance(self.key, rsa.RSAPrivateKey) else ED25519

    @property
    def bits(self) -> int:
        return self.key.key_size if isinstance(self.key, rsa.RSAPrivateKey) else 256


def listed(algorithm: str) -> tuple[str, ...]:
    """The algorithms that a word of the command line means. BadEntry."""
    if algorithm == "both":
        return BOTH
    if algorithm not in ALGORITHMS:
        raise BadEntry(f"{algorithm!r} is no algorithm of a DKIM key; there are {', '.join(ALGORITHMS)} and both")
    return (algorithm,)


def make(algorithm: str) -> keys.PrivateKey:
    """A fresh key. BadEntry for an unknown algorithm."""
    if algorithm == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm in ALGORITHMS:
        return rsa.generate_private_key(65537, int(algorithm.removeprefix(RSA)))
    raise BadEntry(f"{algorithm!r} is no algorithm of a DKIM key")


def selector(written: str) -> str:
    """A selector as a person writes it. BadEntry. # RFC 6376 §3.1"""
    name = written.strip().lower()
    if len(name) > 100 or not _SELECTOR.fullmatch(name):
        raise BadEntry(f"{written!r} is no selector: letters, digits and hyphens, like 2026-rsa")
    return name


def names(algorithms: tuple[str, ...], prefix: str, now: int, taken: Container[str]) -> list[str]:
    """A free selector for each algorithm: the date, or `prefix` where there is one, and the kind.

    A prefix for one algorithm alone is the selector, or BadEntry when it is taken.
    """
    if prefix and len(algorithms) == 1:
        if selector(prefix) in taken:
            raise BadEntry(f"there is a key with the selector {prefix} already; choose another one")
        return [selector(prefix)]
    stem = selector(prefix) if prefix else datetime.fromtimestamp(now / 1000, UTC).strftime("%Y%m%d")
    for turn in range(1, 1000):
        word = stem if turn == 1 else f"{stem}-{turn}"
        found = [f"{word}-{RSA if name.startswith(RSA) else ED25519}" for name in algorithms]
        if not any(name in taken for name in found):
            return found
    raise BadEntry(f"{stem} has a thousand keys; choose another selector")


def read(text: bytes, password: bytes | None = None) -> keys.PrivateKey:
    """A private key from elsewhere: PEM (PKCS #1, PKCS #8), or the 32 octets of an Ed25519 key in base64. BadEntry."""
    if b"-----BEGIN" not in text:
        try:
            raw = base64.b64decode(text.strip(), validate=True)
        except binascii.Error:
            raw = b""
        if len(raw) != _RAW:
            raise BadEntry("this is no private key: neither PEM nor 32 octets of Ed25519 in base64")
        return ed25519.Ed25519PrivateKey.from_private_bytes(raw)
    try:
        return keys.private(text, password, checked=True)
    except ValueError as error:
        raise BadEntry(f"this private key cannot be used: {error}") from None


def der(key: keys.PrivateKey) -> bytes:
    """The key as it is sealed."""
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def pem(key: keys.PrivateKey) -> bytes:
    """The key as it leaves for another program: PKCS #8, not encrypted."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def loaded(octets: bytes) -> keys.PrivateKey:
    """A key that was sealed by us. ValueError."""
    key = serialization.load_der_private_key(octets, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        raise ValueError("what was sealed is no DKIM key")
    return key

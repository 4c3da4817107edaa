"""Keys: the record in the DNS that publishes a key, read strictly, and the private keys that sign.

Called by verify and sign of dkim and arc, and by whoever makes, checks or publishes keys.
Never fetches a record, makes a key or reads a file.
Fails with Unusable for a record that gives no key for a signature, ValueError for a private key we do not sign with.
"""

import base64
import binascii
import hashlib
from functools import lru_cache
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from hatoba.mailauth.dkim import tags
from hatoba.mailauth.dkim.signature import ALGORITHMS, Unusable

LEAST_BITS = 1024  # RFC 8301 §3.2
MOST_BITS = 8192  # a verification beyond costs more than any letter is worth
_RECORD = 16_384  # octets of a record; an RSA key of 8192 bits takes 1,400
_PADDING = padding.PKCS1v15()
_HASH = hashes.SHA256()

PublicKey = rsa.RSAPublicKey | ed25519.Ed25519PublicKey
PrivateKey = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


class Record(NamedTuple):
    """A key record. `key` is None when it is revoked (an empty p=)."""

    kind: str  # k=: "rsa" or "ed25519"
    key: PublicKey | None
    bits: int
    testing: bool  # t=y
    strict: bool  # t=s: i= may not be below d=
    hashes: tuple[str, ...] = ()  # h=; empty: all
    services: tuple[str, ...] = ("*",)  # s=


@lru_cache(maxsize=512)
def read(text: bytes, *, strict: bool = False) -> Record:
    """A TXT record as a key record. Unusable.  # RFC 6376 §3.6.1

    `strict`: as for one of our own, by the letter of the grammar.
    """
    if len(text) > _RECORD:
        raise Unusable("permerror", "the key record is too long")
    try:
        found = tags.parse(text, strict=strict)
    except tags.BadTags as error:
        raise Unusable("permerror", f"the key record is broken: {error}") from None
    if "v" in found and (found["v"] != "DKIM1" or next(iter(found)) != "v"):
        raise Unusable("permerror", "the key record is of another version")
    if "p" not in found:
        raise Unusable("permerror", "the key record holds no key")
    kind = found.get("k", "rsa")
    if kind not in ALGORITHMS.values():
        raise Unusable("permerror", "the key is of an unknown kind")
    flags = tags.listed(found.get("t", ""))
    key = _public(kind, tags.compact(found["p"]))
    bits = key.key_size if isinstance(key, rsa.RSAPublicKey) else 256 if key else 0
    accepted = tuple(tags.listed(found["h"])) if "h" in found else ()
    services = tuple(tags.listed(found.get("s", "*")))
    return Record(kind, key, bits, "y" in flags, "s" in flags, accepted, services)


def _public(kind: str, text: str) -> PublicKey | None:
    if not text:
        return None
    try:
        raw = base64.b64decode(text, validate=True)
        if kind == "ed25519":
            return ed25519.Ed25519PublicKey.from_public_bytes(raw)  # RFC 8463 §4.2
        key = serialization.load_der_public_key(raw)  # SubjectPublicKeyInfo, or the bare RSAPublicKey of PKCS #1
    except (binascii.Error, ValueError, TypeError, UnsupportedAlgorithm):
        raise Unusable("permerror", "the key cannot be read") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise Unusable("permerror", "the key is of another kind than its record says")
    return key


def usable(record: Record, algorithm: str) -> PublicKey:
    """The record's key for a signature of this a=. Unusable.  # RFC 6376 §6.1.2"""
    if record.key is None:
        raise Unusable("permerror", "the key is revoked")
    if "*" not in record.services and "email" not in record.services:
        raise Unusable("permerror", "the key is not for mail")
    if record.hashes and "sha256" not in record.hashes:
        raise Unusable("permerror", "the key does not allow SHA-256")
    if record.kind != ALGORITHMS[algorithm]:
        raise Unusable("permerror", "the key is of another kind than the signature")
    if record.kind == "rsa" and not LEAST_BITS <= record.bits <= MOST_BITS:
        raise Unusable("policy", f"an RSA key of {record.bits} bits is not acceptable")
    return record.key


def verifies(key: PublicKey, signature: bytes, text: bytes) -> bool:
    """Whether the signature over `text` is of this key.  # RFC 6376 §3.3.2, RFC 8463 §3"""
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, text, _PADDING, _HASH)
        else:
            key.verify(signature, hashlib.sha256(text).digest())
    except InvalidSignature:
        return False
    return True


def sign(key: PrivateKey, text: bytes) -> bytes:
    """The signature over `text`. It releases the interpreter's lock."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(text, _PADDING, _HASH)
    return key.sign(hashlib.sha256(text).digest())


def algorithm(key: PrivateKey) -> str:
    """a= of what this key signs."""
    return "rsa-sha256" if isinstance(key, rsa.RSAPrivateKey) else "ed25519-sha256"


def private(text: bytes, password: bytes | None = None, *, checked: bool = False) -> PrivateKey:
    """A private key from PEM. ValueError when it is none, too short, or the password is wrong.

    `checked` proves the primes of an RSA key again (36 ms): for a key that comes from elsewhere. Keep the object.
    """
    try:
        key = serialization.load_pem_private_key(text, password, unsafe_skip_rsa_key_validation=not checked)
    except (TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(str(error)) from None
    if not isinstance(key, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        raise ValueError("DKIM signs with RSA and Ed25519 keys only")
    if isinstance(key, rsa.RSAPrivateKey) and not LEAST_BITS <= key.key_size <= MOST_BITS:
        raise ValueError(f"an RSA key of {key.key_size} bits; DKIM takes {LEAST_BITS} to {MOST_BITS}")
    return key


def record(key: PrivateKey | PublicKey) -> str:
    """The TXT record that publishes a key; to be cut into strings of 255 octets.  # RFC 6376 §3.6.2.2"""
    public = key if isinstance(key, rsa.RSAPublicKey | ed25519.Ed25519PublicKey) else key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        kind, raw = "rsa", public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )  # fmt: skip
    else:
        kind, raw = "ed25519", public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return f"v=DKIM1; k={kind}; p={base64.b64encode(raw).decode()}"

"""Sealing: short secrets encrypted at rest under one master key, each bound to what it belongs to (AES-256-GCM).

Called by the rooms that keep secrets in a database; the store brings the master key's octets.
Never draws a nonce (it is an argument) and never shows a key: the mark tells two master keys apart, and no more.
Fails with BadSeal for a master key that is none, and for what was sealed under another one or was changed.
"""

import base64
import binascii
import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

OCTETS = 32  # of a master key
NONCE = 12  # octets, random: a master key seals some thousand secrets, far below the 2**32 that GCM allows
_HEAD = b"\x01"  # the form of what `seal` gives
_MARK = 6  # octets of a mark


class BadSeal(ValueError):
    """The secret cannot be had from this; the message says why."""


class Master:
    """A master key, ready to seal and open. `mark` names it in public: two keys with one mark are the same."""

    __slots__ = ("_cipher", "mark")

    def __init__(self, key: bytes) -> None:
        if len(key) != OCTETS:
            raise BadSeal(f"a master key has {OCTETS} octets, not {len(key)}")
        self._cipher = AESGCM(key)
        self.mark = hmac.digest(key, b"mark of a master key", hashlib.sha256)[:_MARK].hex()

    def __repr__(self) -> str:
        return f"<Master {self.mark}>"

    def seal(self, secret: bytes, owner: str, nonce: bytes) -> bytes:
        """`secret` as it may be kept. `owner` says whose it is; `nonce`: 12 random octets, used once."""
        if len(nonce) != NONCE:
            raise ValueError(f"a nonce has {NONCE} octets")
        return _HEAD + nonce + self._cipher.encrypt(nonce, secret, owner.encode())

    def open(self, sealed: bytes, owner: str) -> bytes:
        """What was sealed for this owner. BadSeal."""
        if len(sealed) < len(_HEAD) + NONCE + 16 or not sealed.startswith(_HEAD):
            raise BadSeal("this is nothing that was sealed")
        at = len(_HEAD) + NONCE
        try:
            return self._cipher.decrypt(sealed[len(_HEAD) : at], sealed[at:], owner.encode())
        except InvalidTag:
            raise BadSeal("it was sealed under another master key or for another owner, or it was changed") from None


def written(key: bytes) -> str:
    """A master key as it stands in a file or a variable: base64."""
    return base64.b64encode(key).decode()


def read(text: str) -> bytes:
    """The octets of a master key as written: base64, or 64 hexadecimal digits. BadSeal."""
    text = "".join(line for line in text.splitlines() if not line.startswith("#")).strip()
    try:
        if len(text) == 2 * OCTETS:
            return bytes.fromhex(text)
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadSeal("the master key is neither base64 nor hexadecimal") from None
    if len(key) != OCTETS:
        raise BadSeal(f"the master key has {len(key)} octets instead of {OCTETS}")
    return key

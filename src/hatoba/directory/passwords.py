"""Passwords: the policy, the slow hash, and passwords made for people.

Called by directory (set, verify), always in a thread where time matters: a hash takes 16 ms and 19 MiB.
Never draws chance for a password: random bytes are an argument (argon2 draws its own salt).
Fails with BadPassword on one that may not be set; a hash that cannot be read verifies nothing.
"""

import unicodedata

import argon2
from argon2 import exceptions

from hatoba.directory.entries import BadEntry

_HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)  # OWASP's floor: 19 MiB, 2 passes
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: none is taken for another
_LONGEST = 1024  # octets; beyond it a password is an attack on the hash
RANDOM_OCTETS = 15

# Made of 32 random octets that nobody kept: what an unknown user's password is tried against.
NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$7cDPOzuo44RMb8j//gcYjA$nyRimMwwkTUVh9a+0ts8M2rNTpJ929pwrswxmCVtL24"


class BadPassword(BadEntry):
    """The password may not be set; the text says why."""


def prepare(password: str) -> bytes:
    """The octets that are hashed: NFC, UTF-8. ValueError when empty, too long, or with control characters.

    # RFC 8265 §4.2 (OpaqueString; the width and space mappings are left out, no client agrees on them)
    """
    text = unicodedata.normalize("NFC", password)
    octets = text.encode("utf-8", "strict")
    if not octets:
        raise ValueError("a password cannot be empty")
    if len(octets) > _LONGEST:
        raise ValueError(f"a password has at most {_LONGEST} octets")
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise ValueError("a password cannot hold control characters")
    return octets


def check(password: str, shortest: int) -> bytes:
    """The octets of a password that may be set, or BadPassword."""
    try:
        octets = prepare(password)
    except ValueError as error:
        raise BadPassword(str(error)) from None
    if len(password) < shortest:
        raise BadPassword(f"the password has {len(password)} characters, at least {shortest} are asked for")
    return octets


def generate_password(random_bytes: bytes) -> str:
    """24 characters in six groups, 120 bits, from RANDOM_OCTETS random octets. ValueError on fewer."""
    if len(random_bytes) < RANDOM_OCTETS:
        raise ValueError(f"{RANDOM_OCTETS} random octets are needed")
    number = int.from_bytes(random_bytes[:RANDOM_OCTETS], "big")
    letters = "".join(_LETTERS[number >> shift & 31] for shift in range(0, 120, 5))
    return "-".join(letters[i : i + 4] for i in range(0, 24, 4))


def hashed(octets: bytes) -> str:
    """The argon2id string. Slow: in a thread."""
    return _HASHER.hash(octets)


def matches(stored: str, octets: bytes) -> bool:
    """Whether `octets` are what `stored` was made of. Slow: in a thread. False when `stored` is no hash."""
    try:
        return _HASHER.verify(stored, octets)
    except (exceptions.VerificationError, exceptions.InvalidHashError):
        return False


def outdated(stored: str) -> bool:
    """Whether `stored` was made with other parameters than today's."""
    try:
        return _HASHER.check_needs_rehash(stored)
    except exceptions.InvalidHashError:
        return True

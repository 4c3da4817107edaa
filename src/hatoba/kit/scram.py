"""SCRAM-SHA-256 verifiers: what a server keeps in place of a password, and the preparation of names and passwords.

Called where a password is set, and by the exchange that proves knowledge of one.
Never draws a salt, never keeps a password; comparing secrets is the exchange's work. A derivation takes about 2 ms
for 4096 iterations: in a thread where time matters.
Fails with ValueError on text that cannot be prepared and on a written verifier that is none.
"""

import base64
import binascii
import hashlib
import hmac
import stringprep
from unicodedata import ucd_3_2_0

import msgspec

MECHANISM = "SCRAM-SHA-256"
ITERATIONS = 4096  # RFC 7677 §4: at least so many
ITERATIONS_MOST = 1_000_000
SALT_OCTETS = 16
_DIGEST = 32

_PROHIBITED = (  # RFC 4013 §2.3
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def _digest(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, "sha256")


class Verifier(msgspec.Struct, frozen=True, gc=False):
    """What proves a password without being one. # RFC 5803 §2

    `salt` any octets, `iterations` 4096 to 1,000,000, both keys 32 octets.
    """

    salt: bytes
    iterations: int
    stored_key: bytes
    server_key: bytes

    def __str__(self) -> str:
        """The written form, `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`, base64."""
        salt, stored, server = (base64.b64encode(v).decode() for v in (self.salt, self.stored_key, self.server_key))
        return f"{MECHANISM}${self.iterations}:{salt}${stored}:{server}"

    def __repr__(self) -> str:
        """Shows no key: whoever holds one can impersonate the server."""
        return f"<Verifier of {self.iterations} iterations>"

    @classmethod
    def parse(cls, text: str) -> "Verifier":
        """Reads what `str` wrote. ValueError on anything else."""
        try:
            mechanism, cost, keys = text.split("$")
            written, salt = cost.split(":")
            stored, server = keys.split(":")
            iterations = int(written) if written.isascii() and written.isdigit() else 0
            found = cls(_unbase64(salt), iterations, _unbase64(stored), _unbase64(server))
        except (ValueError, binascii.Error):
            raise ValueError("this is no SCRAM verifier") from None
        if mechanism != MECHANISM or not ITERATIONS <= iterations <= ITERATIONS_MOST:
            raise ValueError("this is no SCRAM-SHA-256 verifier of 4096 to 1,000,000 iterations")
        if not found.salt or len(found.stored_key) != _DIGEST or len(found.server_key) != _DIGEST:
            raise ValueError("a key of this SCRAM verifier has the wrong length")
        return found


def _unbase64(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii"), validate=True)


def salted_password(password: str, salt: bytes, iterations: int) -> bytes:
    """Hi(Normalize(password), salt, i), 32 octets. Slow by design. # RFC 5802 §2.2

    A password SASLprep forbids (an emoji, a tab) is hashed as it stands, in UTF-8, so that it can be used at all.
    """
    try:
        prepared = saslprep(password)
    except ValueError:
        prepared = password
    return hashlib.pbkdf2_hmac("sha256", prepared.encode("utf-8", "surrogatepass"), salt, iterations)


def client_key(salted: bytes) -> bytes:
    """What the client proves it holds. # RFC 5802 §3"""
    return _digest(salted, b"Client Key")


def server_key(salted: bytes) -> bytes:
    """What the server proves it holds. # RFC 5802 §3"""
    return _digest(salted, b"Server Key")


def make_verifier(password: str, salt: bytes, iterations: int = ITERATIONS) -> Verifier:
    """The verifier of a password. `salt` is 16 random octets. ValueError on a salt or count too small."""
    if len(salt) < SALT_OCTETS // 2:
        raise ValueError("a salt has at least 8 octets")
    if not ITERATIONS <= iterations <= ITERATIONS_MOST:
        raise ValueError(f"iterations go from {ITERATIONS} to {ITERATIONS_MOST}")
    salted = salted_password(password, salt, iterations)
    return Verifier(salt, iterations, hashlib.sha256(client_key(salted)).digest(), server_key(salted))


def fake_verifier(name: str, secret: bytes, iterations: int = ITERATIONS) -> Verifier:
    """The verifier of nobody: the same each time for one name, so that unknown names cannot be told from known ones.

    `secret` stays on this server; whoever knows it can tell. # RFC 5802 §9
    """
    octets = name.encode("utf-8", "surrogatepass")
    salt = _digest(secret, b"salt:" + octets)[:SALT_OCTETS]
    return Verifier(salt, iterations, _digest(secret, b"stored:" + octets), _digest(secret, b"server:" + octets))


def saslprep(text: str, *, stored: bool = False) -> str:
    """The text as names and passwords are compared. ValueError when it holds what may not stand in one. # RFC 4013 §2

    `stored` forbids characters Unicode 3.2 did not know: their form could change later. # RFC 4013 §2.5
    """
    if text.isascii() and text.isprintable():
        return text
    kept = [character for character in text if not stringprep.in_table_b1(character)]
    spaced = "".join(" " if stringprep.in_table_c12(character) else character for character in kept)
    prepared = ucd_3_2_0.normalize("NFKC", spaced)
    for character in prepared:
        if any(inside(character) for inside in _PROHIBITED):
            raise ValueError(f"U+{ord(character):04X} may not stand in a name or password")
        if stored and stringprep.in_table_a1(character):
            raise ValueError(f"U+{ord(character):04X} is unassigned in Unicode 3.2")
    _check_direction(prepared)
    return prepared


def _check_direction(text: str) -> None:
    """Text with a right-to-left character has no left-to-right one and begins and ends right-to-left. # RFC 3454 §6"""
    if not any(stringprep.in_table_d1(character) for character in text):
        return
    if any(stringprep.in_table_d2(character) for character in text):
        raise ValueError("left-to-right and right-to-left characters are mixed")
    if not (stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])):
        raise ValueError("right-to-left text begins and ends with a right-to-left character")

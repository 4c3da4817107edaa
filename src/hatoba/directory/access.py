"""Access: what an account may use and hold, and its app passwords, as the rooms see them and as rows.

Made by snapshot from the store's rows and by allowing and app_passwords; read by credentials and the doors.
Never holds a password: an app password is kept as a digest, its own as entries.Account has it.
Fails never: a row that cannot be read lets nobody in; `hatoba verify` tells of it.
"""

import hashlib
from typing import Literal, TypeAlias

import msgspec

from hatoba.kit import scram
from hatoba.store.access import AllowanceRow, AppPasswordRow

Protocol: TypeAlias = Literal["smtp", "imap", "pop3", "sieve"]
PROTOCOLS: tuple[Protocol, ...] = ("smtp", "imap", "pop3", "sieve")


class Quota(msgspec.Struct, frozen=True, gc=False):
    """How much a mailbox may hold: octets and letters; 0: no limit."""

    octets: int = 0
    letters: int = 0


class Allowance(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The JSON object of an allowance. `off`: protocols the account may not use. None: as the settings say."""

    off: tuple[str, ...] = ()
    octets: int | None = None
    letters: int | None = None


ALL = Allowance()
NOTHING = Allowance(off=PROTOCOLS)


class AppPassword(msgspec.Struct, frozen=True, gc=False):
    """A password for one program of an account. `protocols` empty: all that the account may use. `created` in ms.

    `verifier` has the salt that the account's own password had when this one was made, or is empty: all that SCRAM may
    be proven with must have one salt, for it is said before the proof comes.
    """

    id: str
    label: str
    protocols: tuple[str, ...]
    created: int
    digest: bytes
    verifier: str = ""

    def __repr__(self) -> str:
        return f"<AppPassword {self.id} {self.label!r}>"

    def opens(self, protocol: str) -> bool:
        """Whether it is for the protocol."""
        return not self.protocols or protocol in self.protocols


class _Data(msgspec.Struct, omit_defaults=True):
    """The JSON object of an app password."""

    label: str
    digest: bytes
    protocols: tuple[str, ...] = ()
    verifier: str = ""


_allowance = msgspec.json.Decoder(Allowance).decode
_password = msgspec.json.Decoder(_Data).decode


def allowance(row: AllowanceRow) -> Allowance:
    """What the row allows."""
    try:
        return _allowance(row.data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return NOTHING


def allowance_row(account: str, allowed: Allowance, now: int) -> AllowanceRow:
    return AllowanceRow(account, now, msgspec.json.encode(allowed))


def password(row: AppPasswordRow) -> AppPassword | None:
    """The row as an app password; None where its data is none (written by a later hatoba, or damaged)."""
    try:
        data = _password(row.data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return AppPassword(row.id, data.label, data.protocols, row.created, data.digest, data.verifier)


def password_row(account: str, made: AppPassword) -> AppPasswordRow:
    data = _Data(made.label, made.digest, made.protocols, made.verifier)
    return AppPasswordRow(account, made.id, made.created, msgspec.json.encode(data))


def digest(written: str) -> bytes:
    """What an app password is known by: SHA-256, fast, for it is made of 120 random bits and no word to be guessed.

    However it is copied: with or without its hyphens, in capitals, with a space behind it.
    """
    bare = written.replace("-", "").replace(" ", "").lower()
    return hashlib.sha256(bare.encode("utf-8", "surrogatepass")).digest()


def verifier(found: AppPassword, like: scram.Verifier) -> scram.Verifier | None:
    """Its SCRAM verifier if it goes with the account's own: the same salt and iterations."""
    try:
        made = scram.Verifier.parse(found.verifier)
    except ValueError:
        return None
    return made if (made.salt, made.iterations) == (like.salt, like.iterations) else None

"""Entries: a domain and an account as the rooms see them, the key an account is found by, and BadEntry.

Made by snapshot from the store's rows; spoken by intake, delivery and the doors.
Never shows a hash: an account's repr is its name.
Fails with nothing; `BadEntry` is how a change to the directory is declined.
"""

import unicodedata

import msgspec

from hatoba.directory.access import AppPassword
from hatoba.model.address import Address

LOCAL, RELAY = "local", "relay"
KINDS = (LOCAL, RELAY)


class BadEntry(ValueError):
    """The change cannot be made; the text says why and what to run instead."""


class Domain(msgspec.Struct, frozen=True, gc=False):
    """A domain we take letters for: "local" (its accounts live here) or "relay" (taken from anyone, passed on)."""

    name: str  # A-labels, lower case
    kind: str
    created: int = 0
    reports: tuple[str, ...] = ()  # keys of its addresses that take reports (DMARC, TLS-RPT, complaints)


class Account(msgspec.Struct, frozen=True, gc=False):
    """Somebody who lives here. `key` is what look-ups and `Source.account` use, `address` as its owner writes it.

    `off`: protocols it may not use. `quota` in force: Directory.quota.
    """

    key: str
    address: Address
    hash: str
    scram: bytes
    created: int
    changed: int
    last_login: int = 0  # ms, 0 never
    enabled: bool = True
    off: tuple[str, ...] = ()
    quota: tuple[int | None, int | None] = (None, None)  # octets, letters; None: as the settings say, 0: no limit
    passwords: tuple[AppPassword, ...] = ()

    def __repr__(self) -> str:
        return f"<Account {self.key}>"


def key(address: Address) -> str:
    """What an address is looked up by: local part without case, in NFC when beyond ASCII. # RFC 6532 §3.1"""
    local = address.local
    if not local.isascii():
        local = unicodedata.normalize("NFC", local)
    return f"{local.casefold()}@{address.domain}"

"""Entries: a DKIM key as the rooms see it, where it stands in its life, and its row.

Made by snapshot from the store's rows and by changes; read by ring, the command line and the publishing of records.
Never holds an open private key.
Fails with nothing; a row that cannot be read gives None.
"""

from typing import Literal

import msgspec

from hatoba.store.dkim_keys import DkimKeyRow

State = Literal["waiting", "scheduled", "signing", "retiring", "retired"]
RSA, ED25519 = "rsa", "ed25519"

# What each state means for the operator.
MEANINGS: dict[State, str] = {
    "waiting": "signs as soon as its record is seen in the DNS",
    "scheduled": "signs from its date on",
    "signing": "signs",
    "retiring": "signs no more; its record must stay for letters under way",
    "retired": "its record may be removed from the DNS, then the key",
}


class _Data(msgspec.Struct, omit_defaults=True):
    """The JSON object of a row."""

    kind: str
    bits: int
    record: str
    sealed: bytes
    mark: str
    signs: int = 0
    stops: int = 0
    seen: int = 0
    overlap: int = 0
    replaces: tuple[str, ...] = ()


class Key(msgspec.Struct, frozen=True, gc=False):
    """One key. Times are ms since 1970, 0: not known yet.

    `record`: the TXT record that publishes it. `sealed`: the private key (DER, PKCS #8) under the master key with this
    `mark`. `signs`: from when it signs, 0 as soon as it is seen in the DNS. `stops`: when another took its place.
    `retires`: until when its record must stand. `seen`: when the record was last found. `overlap` (ms) is how long
    those in `replaces` (selectors) must stay published once this one signs.
    """

    domain: str
    selector: str
    created: int
    retires: int
    kind: str
    bits: int
    record: str
    sealed: bytes
    mark: str
    signs: int = 0
    stops: int = 0
    seen: int = 0
    overlap: int = 0
    replaces: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Key {self.selector} of {self.domain}>"

    @property
    def owner(self) -> str:
        """What the private key is sealed for."""
        return f"dkim {self.domain} {self.selector}"

    @property
    def name(self) -> str:
        """Where the record stands. # RFC 6376 §3.6.2.1"""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def algorithm(self) -> str:
        """ "rsa2048", "ed25519": as the command line writes it."""
        return f"{self.kind}{self.bits}" if self.kind == RSA else self.kind

    def state(self, now: int) -> State:
        """Where it stands in its life."""
        if self.stops and self.stops <= now:
            return "retiring" if now < self.retires else "retired"
        if not self.signs:
            return "waiting"
        return "signing" if self.signs <= now else "scheduled"

    def due(self, now: int) -> bool:
        """Whether it signs now."""
        return 0 < self.signs <= now and not (self.stops and self.stops <= now)


_decode = msgspec.json.Decoder(_Data).decode


def of_row(row: DkimKeyRow) -> Key | None:
    """The row as a key, None when its data is no key (written by a later hatoba, or damaged)."""
    try:
        data = _decode(row.data)
    except msgspec.DecodeError:
        return None
    return Key(row.domain, row.selector, row.created, row.retires, *msgspec.structs.astuple(data))


def row(key: Key) -> DkimKeyRow:
    """The key as its row."""
    values = {name: getattr(key, name) for name in _Data.__struct_fields__}
    return DkimKeyRow(key.domain, key.selector, key.created, key.retires, msgspec.json.encode(_Data(**values)))

"""Aliases: an address that stands for others; what its targets mean, and the form they are kept in.

Made by roster (a person's change) and importing; read by resolve on every look-up of an aliased address.
Never looks anything up: whether a target exists is resolve's question.
Fails with BadEntry that says which target breaks which rule.
"""

import re
from functools import lru_cache

import msgspec

from hatoba.directory.entries import BadEntry, key
from hatoba.model import domain as domain_
from hatoba.model.address import Address, BadAddress
from hatoba.model.status import Status
from hatoba.store.rows import AliasRow

DISCARD = "discard"
REJECT = "reject"
_STATUS = re.compile(r"([45]\.[0-9]{1,3}\.[0-9]{1,3})(?:[ \t]+|$)")
_SAYS = "This address takes no mail"
_TEXT_MOST = 200  # characters of an operator's refusal


class Whole(msgspec.Struct, frozen=True, gc=False):
    """The target of an alias domain: the same local part at another domain of ours."""

    domain: str


class Ends(msgspec.Struct, frozen=True, gc=False):
    """A target where mail ends: `status` None swallows it, else it is refused with that."""

    status: Status | None = None


Target = Address | Whole | Ends


class Roll(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What makes an alias a list: `owner` gets its bounces. `members`: only members may post. `name`: for List-Id."""

    owner: str
    members: bool = False
    name: str = ""


class _Data(msgspec.Struct, frozen=True, omit_defaults=True):
    """The JSON of AliasRow.data."""

    to: tuple[str, ...]
    paused: tuple[str, ...] = ()
    list: Roll | None = None


class Alias(msgspec.Struct, frozen=True, gc=False):
    """`to` are the targets as they are written, `paused` those that are passed over for now; `list` None: no list."""

    key: str
    to: tuple[str, ...]
    paused: tuple[str, ...] = ()
    list: Roll | None = None
    created: int = 0

    @property
    def whole(self) -> bool:
        """It stands for all the rest of a domain."""
        return self.key[0] == "@"

    @property
    def moves(self) -> bool:
        """It says of a domain that it stands for another one."""
        return self.whole and any(written[0] == "@" for written in self.to)

    @property
    def domain(self) -> str:
        return self.key.rpartition("@")[2]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Data).decode


def row(alias: Alias) -> AliasRow:
    """The alias as the store keeps it."""
    return AliasRow(alias.key, alias.domain, alias.created, _encode(_Data(alias.to, alias.paused, alias.list)))


def made(name: str, data: bytes, created: int = 0) -> Alias | None:
    """The alias behind a row's key and data; None where they cannot be read (written by a later hatoba, or damaged)."""
    try:
        found = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return Alias(name, found.to, found.paused, found.list, created)


@lru_cache(maxsize=65_536)  # a list's members are the same for every letter
def target(written: str) -> Target:
    """What a target means. BadEntry where it is none.

    An address; "@domain" (for an alias domain); "discard"; "reject", with a status and a text of its own if wanted:
    "reject 5.1.6 Moved to new@example.org".
    """
    text = written.strip()
    if text.lower() == DISCARD:
        return Ends()
    word, _, rest = text.partition(" ")
    if word.lower() == REJECT:
        return Ends(_status(rest.strip()))
    if text.startswith("@"):
        return Whole(domain_name(text[1:]))
    try:
        return Address.parse(text)
    except BadAddress as error:
        raise BadEntry(f"{written!r} is no target: {error}") from None


def _status(text: str) -> Status:
    found = _STATUS.match(text)
    code, said = (found[1], text[found.end() :]) if found else ("5.1.1", text)
    if not said.isascii() or not said.isprintable() or len(said) > _TEXT_MOST:
        raise BadEntry(f"the text of a refusal is at most {_TEXT_MOST} printable ASCII characters on one line")
    return Status(code, said or _SAYS)


def canonical(written: str) -> str:
    """A target in the spelling that is kept. BadEntry where it is none."""
    found = target(written)
    if isinstance(found, Address):
        return str(found)
    if isinstance(found, Whole):
        return f"@{found.domain}"
    if found.status is None:
        return DISCARD
    return f"{REJECT} {found.status}"


def source(written: str) -> tuple[str, Address | None]:
    """(key, address) of an alias as a person writes it: "info@example.org", or "@example.org" with None. BadEntry."""
    text = written.strip()
    if text.startswith("@"):
        return f"@{domain_name(text[1:])}", None
    try:
        address = Address.parse(text)
    except BadAddress as error:
        raise BadEntry(f"{written!r} is no mail address: {error}") from None
    if not address.local:
        raise BadEntry(f"{written!r} has an empty local part; for all the rest of a domain write @{address.domain}")
    return key(address), address


def domain_name(written: str) -> str:
    """A domain as the directory keeps it (lower case, A-labels). BadEntry if it is none."""
    try:
        name = domain_.parse(written.strip().removesuffix("."))
    except BadAddress as error:
        raise BadEntry(f"{written!r} is no domain name: {error}") from None
    if name.startswith("["):
        raise BadEntry(f"{written!r} is an address literal, not a domain name")
    return name

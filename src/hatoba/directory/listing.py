"""Listing: who is let in and who is kept out, by address, network, HELO name, sender or recipient; look-ups.

Read by directory from the store, by intake from the settings; asked for each recipient.
Never resolves a name and never decides what a hit means: intake's list check does.
Fails with BadEntry on what is no entry; a row of a kind that is not known is left out.
"""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from hatoba.directory.entries import BadEntry, key
from hatoba.kit import networks
from hatoba.model import domain as domain_
from hatoba.model.address import Address, BadAddress

ALLOW, DENY = "allow", "deny"
VERDICTS = (ALLOW, DENY)
IP, HELO, SENDER, RECIPIENT = "ip", "helo", "sender", "recipient"
SUBJECTS = (IP, HELO, SENDER, RECIPIENT)
NULL = "<>"  # the null reverse-path as a sender


class Entry(msgspec.Struct, frozen=True, gc=False):
    """`value` in its one spelling: a network, a name, ".name" (it and all below), an address, "<>".

    `scope`: the recipient domain it is for, "" for all. `note`: why, in the operator's words.
    """

    verdict: str
    subject: str
    value: str
    scope: str = ""
    created: int = 0  # ms since 1970
    note: str = ""

    def __str__(self) -> str:
        return f"{self.verdict} {self.subject}:{self.value}" + (f" for {self.scope}" if self.scope else "")


def parse(verdict: str, written: str, scope: str = "", created: int = 0, note: str = "") -> Entry:
    """An entry as a person writes it. BadEntry.

    "192.0.2.1", "192.0.2.0/24", "2001:db8::/32": a client · "a@example.org", "example.org", ".example.org", "<>": a
    sender · "helo:NAME" · "recipient:ADDRESS or domain" · "sender:" and "ip:" may stand before theirs.
    """
    subject, colon, value = written.strip().partition(":")
    if not colon or subject not in SUBJECTS:
        subject, value = "", written.strip()
    if not subject:
        subject = IP if _is_network(value) else SENDER
    if verdict not in VERDICTS:
        raise BadEntry(f"a list is {ALLOW} or {DENY}, not {verdict!r}")
    return Entry(verdict, subject, _value(subject, value.strip()), _scope(scope), created, note)


def _is_network(value: str) -> bool:
    try:
        networks.network(value)
    except ValueError:
        return False
    return True


def _scope(written: str) -> str:
    try:
        return domain_.parse(written.strip().removesuffix(".")) if written else ""
    except BadAddress as error:
        raise BadEntry(f"{written!r} is no domain name: {error}") from None


def _value(subject: str, value: str) -> str:
    if subject == IP:
        try:
            return str(networks.network(value))
        except ValueError as error:
            raise BadEntry(f'{value!r} is no network: {error}. Write "192.0.2.1" or "2001:db8::/32".') from None
    if subject == SENDER and value == NULL:
        return NULL
    try:
        if subject != HELO and "@" in value:
            return key(Address.parse(value))
        if value.startswith("."):
            return "." + domain_.parse(value[1:])
        return domain_.parse(value.removesuffix("."))
    except BadAddress as error:
        raise BadEntry(f'{value!r} is no address, "domain" or ".domain": {error}') from None


class Found(NamedTuple):
    """What the lists say of one recipient's letter in one scope: the first entry of each verdict, if any.

    `sender`: an allowing entry that rests on the sender alone, kept apart: whoever writes a name has it.
    """

    scope: str
    allow: Entry | None
    sender: Entry | None
    deny: Entry | None


class _Scope:
    """The entries of one scope."""

    __slots__ = ("clients", "names")

    def __init__(self) -> None:
        self.clients: networks.Networks[dict[str, Entry]] = networks.Networks()
        self.names: dict[tuple[str, str], dict[str, Entry]] = {}

    def put(self, entry: Entry) -> None:
        if entry.subject == IP:
            slot = self.clients.slot(entry.value, dict[str, Entry])
        else:
            slot = self.names.setdefault((entry.subject, entry.value), {})
        slot[entry.verdict] = entry

    def client(self, ip: networks.Address) -> dict[str, Entry] | None:
        return next(self.clients.find(ip), None)

    def name(self, subject: str, values: Iterable[str]) -> dict[str, Entry] | None:
        names = self.names
        return next((found for value in values if (found := names.get((subject, value)))), None)


class Lists:
    """Every entry, arranged for look-ups. Never changed once it is made."""

    __slots__ = ("_scopes", "_subjects", "entries")

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries = tuple(entries)
        self._scopes: dict[str, _Scope] = {}
        self._subjects = {entry.subject for entry in self.entries}
        for entry in self.entries:
            with contextlib.suppress(ValueError):  # a row that nobody here wrote
                self._scopes.setdefault(entry.scope, _Scope()).put(entry)

    def __bool__(self) -> bool:
        return bool(self.entries)

    def find(self, ip: str, helo: str, sender: Address | None, recipient: Address) -> Iterator[Found]:
        """What is said for the recipient's domain, then what is said for all.

        Within one subject the closest entry counts: the narrowest network, an address before its domain, a domain
        before those above it. Of two that say the opposite of the same value, `allow` counts.
        """
        for scope in dict.fromkeys((recipient.domain, "")):
            known = self._scopes.get(scope)
            if known is not None:
                yield self._of(known, scope, ip, helo, sender, recipient)

    def _of(self, known: _Scope, scope: str, ip: str, helo: str, sender: Address | None, recipient: Address) -> Found:
        subjects = self._subjects
        hits: list[dict[str, Entry] | None] = []
        if IP in subjects and (client := networks.address(ip)) is not None:
            hits.append(known.client(client))
        if HELO in subjects and helo:
            hits.append(known.name(HELO, above(helo.lower().removesuffix("."))))
        if SENDER in subjects:
            hits.append(known.name(SENDER, (NULL,) if sender is None else _of_address(sender)))
        if RECIPIENT in subjects:
            hits.append(known.name(RECIPIENT, _of_address(recipient)))
        found = [hit.get(ALLOW) or hit[DENY] for hit in hits if hit]
        allows = [entry for entry in found if entry.verdict == ALLOW]
        return Found(
            scope,
            next((entry for entry in allows if entry.subject != SENDER), None),
            next((entry for entry in allows if entry.subject == SENDER), None),
            next((entry for entry in found if entry.verdict == DENY), None),
        )


def above(name: str) -> Iterator[str]:
    """The name, then ".name" and ".parent" up to the top."""
    yield name
    rest = name
    while rest:
        yield "." + rest
        rest = rest.partition(".")[2]


def _of_address(address: Address) -> Iterator[str]:
    yield key(address)
    yield from above(address.domain)


NONE = Lists()


def compiled(rows: Iterable[Any], former: Lists = NONE) -> Lists:
    """The Lists of the store's rows (verdict, subject, value, scope, created, note); `former` where nothing changed."""
    entries = tuple(
        Entry(row.verdict, row.subject, row.value, row.scope, row.created, row.note)
        for row in rows
        if row.verdict in VERDICTS and row.subject in SUBJECTS
    )
    return former if entries == former.entries else Lists(entries)

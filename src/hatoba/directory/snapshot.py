"""Snapshot: the directory as it stood at one commit, in memory, never changed.

Made by directory whenever the database moved; every look-up of every door reads it.
Never touches the store and never waits.
Fails never on a look-up: what is not there is None. A row whose address cannot be read is left out (`unreadable`).
"""

import copy
from collections.abc import Iterable, Mapping, Sequence

from hatoba.directory import access, dkim_key, marks
from hatoba.directory import aliases as aliases_
from hatoba.directory.aliases import Alias
from hatoba.directory.entries import LOCAL, Account, Domain, key
from hatoba.model.address import Address, BadAddress
from hatoba.store.access import AllowanceRow, AppPasswordRow
from hatoba.store.dkim_keys import DkimKeyRow
from hatoba.store.rows import AccountRow, DomainRow

ROLES = frozenset({"postmaster", "abuse"})  # RFC 5321 §4.5.1, RFC 2142 §4


def account_of(
    row: AccountRow,
    address: Address,
    allowed: access.Allowance = access.ALL,
    passwords: tuple[access.AppPassword, ...] = (),
) -> Account:
    """The row as the rooms see it; `address` is row.address, parsed."""
    return Account(
        row.key, address, row.hash, row.scram, row.created, row.changed, row.last_login, row.enabled,
        allowed.off, (allowed.octets, allowed.letters), passwords,
    )  # fmt: skip


class Aliases:
    """The aliases of a snapshot by key, read when they are asked for: most of a hundred thousand never are.

    `stamp` is the store's count of changes: while it stands, the next snapshot takes this very object over.
    """

    __slots__ = ("_data", "_domains", "_made", "stamp")

    def __init__(self, data: Mapping[str, bytes], stamp: int = 0) -> None:
        self._data = data
        self._made: dict[str, Alias | None] = {}
        self._domains: frozenset[str] | None = None
        self.stamp = stamp

    def __len__(self) -> int:
        return len(self._data)

    def __contains__(self, name: str) -> bool:
        return name in self._data

    def get(self, name: str) -> Alias | None:
        """The alias with that key; None also where its row cannot be read."""
        data = self._data.get(name)
        if data is None:
            return None
        if name not in self._made:
            self._made[name] = aliases_.made(name, data)
        return self._made[name]

    def here(self, domain: str) -> bool:
        """Whether the domain has any alias."""
        if self._domains is None:
            self._domains = frozenset(name.rpartition("@")[2] for name in self._data)
        return domain in self._domains

    def joined(self, those: Iterable[Alias]) -> "Aliases":
        """The same with these put in: what a change would make of it."""
        return Aliases({**self._data, **{alias.key: aliases_.row(alias).data for alias in those}})


NO_ALIASES = Aliases({})


class Snapshot:
    """`domains` by name, `accounts` by key; `first`: the oldest account in use of each domain, who has its roles.

    `secrets` are those that addresses of ours are signed with, the newest first. `dkim`: the keys of each domain, the
    oldest first.
    """

    __slots__ = ("accounts", "aliases", "dkim", "domains", "first", "oldest", "secrets", "separator", "unreadable")

    def __init__(
        self,
        domains: Iterable[DomainRow],
        accounts: Iterable[AccountRow],
        separator: str,
        aliases: Aliases = NO_ALIASES,
        secrets: Sequence[bytes] = (),
        *,
        dkim_keys: Iterable[DkimKeyRow] = (),
        allowances: Iterable[AllowanceRow] = (),
        passwords: Iterable[AppPasswordRow] = (),
    ) -> None:
        self.separator = separator
        self.aliases = aliases
        self.secrets = tuple(secrets)
        self.oldest: Account | None = None
        self.domains = {row.name: Domain(row.name, row.kind, row.created, marks.of(row)) for row in domains}
        self.accounts: dict[str, Account] = {}
        self.first: dict[str, Account] = {}
        self.unreadable: list[str] = []
        allowed = {row.account: access.allowance(row) for row in allowances}
        held = self._app_passwords(passwords)
        for row in sorted(accounts, key=lambda row: (row.created, row.key)):
            try:
                address = Address.parse(row.address)
            except BadAddress:
                self.unreadable.append(row.key)
                continue
            account = account_of(row, address, allowed.get(row.key, access.ALL), tuple(held.get(row.key, ())))
            self.accounts[row.key] = account
            if account.enabled:
                self.first.setdefault(address.domain, account)
                self.oldest = self.oldest or account
        self.dkim: dict[str, tuple[dkim_key.Key, ...]] = {}
        for found in dkim_keys:
            made = dkim_key.of_row(found)
            if made is None:
                self.unreadable.append(f"dkim {found.domain} {found.selector}")
            else:
                self.dkim[made.domain] = (*self.dkim.get(made.domain, ()), made)

    def _app_passwords(self, rows: Iterable[AppPasswordRow]) -> dict[str, list[access.AppPassword]]:
        """By account, the oldest first."""
        held: dict[str, list[access.AppPassword]] = {}
        for row in rows:
            made = access.password(row)
            if made is None:
                self.unreadable.append(f"app password {row.id} of {row.account}")
            else:
                held.setdefault(row.account, []).append(made)
        return held

    def trial(self, those: Iterable[Alias]) -> "Snapshot":
        """The directory as it would be with these aliases."""
        made = copy.copy(self)
        made.aliases = self.aliases.joined(those)
        return made

    def account(self, address: Address) -> Account | None:
        """Whose mailbox takes letters for `address`: the account itself, user+tag's user, or the role's."""
        found = self.accounts.get(key(address))
        return found if found is not None else self._indirect(address)

    def owner(self, address: Address) -> Account | None:
        """The account `address` belongs to: its own address or a subaddress, never a role."""
        found = self.accounts.get(key(address))
        return found if found is not None else self.accounts.get(self._base(address))

    def _base(self, address: Address) -> str:
        user, separator, _ = address.local.partition(self.separator) if self.separator else ("", "", "")
        return key(Address(user, address.domain)) if separator and user else ""

    def _indirect(self, address: Address) -> Account | None:
        base = self._base(address)
        if base and base in self.accounts:
            return self.accounts[base]
        local = base.partition("@")[0] if base else address.local.casefold()
        domain = self.domains.get(address.domain)
        if local in ROLES and domain is not None and domain.kind == LOCAL:
            return self.first.get(address.domain) or self._elsewhere(address.domain)
        return None

    def _elsewhere(self, domain: str) -> Account | None:
        """Whose the roles are in a domain of nothing but aliases: the node's. A catch-all takes them first."""
        if self.aliases.here(domain) and self.rest(domain) is None:
            return self.oldest
        return None

    def alias(self, address: Address) -> tuple[Alias | None, str]:
        """The alias that `address` itself is, or that it is a subaddress of, with the tag; (None, "") for neither.

        An account goes before the alias it would be a subaddress of.
        """
        aliases = self.aliases
        if not aliases or not address.local:
            return None, ""
        name = key(address)
        found = aliases.get(name)
        if found is not None or name in self.accounts:
            return found, ""
        base = self._base(address)
        found = aliases.get(base) if base else None
        return found, address.local.partition(self.separator)[2] if found is not None else ""

    def plain(self, address: Address) -> bool:
        """It is the very address of an account, and no alias. Hot: most recipients are."""
        name = key(address)
        return name in self.accounts and name not in self.aliases

    def rest(self, domain: str) -> Alias | None:
        """What takes everything of the domain that nobody else does: its catch-all, or the domain it stands for."""
        return self.aliases.get(f"@{domain}")

    def caught(self, through: Iterable[str]) -> bool:
        """Whether one of these keys is a catch-all (an alias domain is none)."""
        for name in through:
            alias = self.aliases.get(name) if name[0] == "@" else None
            if alias is not None and not alias.moves:
                return True
        return False

    def home(self, hostname: str) -> str:
        """The local domain that a bare <postmaster> means: of this host, else the nearest above it, else the oldest.

        "" when no domain is local.  # RFC 5321 §4.1.1.3
        """
        name = hostname
        while name:
            domain = self.domains.get(name)
            if domain is not None and domain.kind == LOCAL:
                return name
            name = name.partition(".")[2]
        local = [domain for domain in self.domains.values() if domain.kind == LOCAL]
        return min(local, key=lambda domain: (domain.created, domain.name)).name if local else ""

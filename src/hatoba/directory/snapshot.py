"""Snapshot: the directory as it stood at one commit, in memory, never changed.

Made by directory whenever the database moved; every look-up of every door reads it.
Never touches the store and never waits.
Fails never on a look-up: what is not there is None. A row whose address cannot be read is left out (`unreadable`).
"""

from collections.abc import Iterable

from hatoba.directory import dkim_key, marks
from hatoba.directory.entries import LOCAL, Account, Domain, key
from hatoba.model.address import Address, BadAddress
from hatoba.store.dkim_keys import DkimKeyRow
from hatoba.store.rows import AccountRow, DomainRow

ROLES = frozenset({"postmaster", "abuse"})  # RFC 5321 §4.5.1, RFC 2142 §4


def account_of(row: AccountRow, address: Address) -> Account:
    """The row as the rooms see it; `address` is row.address, parsed."""
    return Account(row.key, address, row.hash, row.scram, row.created, row.changed, row.last_login, row.enabled)


class Snapshot:
    """`domains` by name, `accounts` by key; `first`: the oldest account in use of each domain, who has its roles.

    `dkim`: the keys of each domain, the oldest first.
    """

    __slots__ = ("accounts", "dkim", "domains", "first", "separator", "unreadable")

    def __init__(
        self,
        domains: Iterable[DomainRow],
        accounts: Iterable[AccountRow],
        separator: str,
        *,
        dkim_keys: Iterable[DkimKeyRow] = (),
    ) -> None:
        self.separator = separator
        self.domains = {row.name: Domain(row.name, row.kind, row.created, marks.of(row)) for row in domains}
        self.accounts: dict[str, Account] = {}
        self.first: dict[str, Account] = {}
        self.unreadable: list[str] = []
        for row in sorted(accounts, key=lambda row: (row.created, row.key)):
            try:
                address = Address.parse(row.address)
            except BadAddress:
                self.unreadable.append(row.key)
                continue
            account = account_of(row, address)
            self.accounts[row.key] = account
            if account.enabled:
                self.first.setdefault(address.domain, account)
        self.dkim: dict[str, tuple[dkim_key.Key, ...]] = {}
        for found in dkim_keys:
            made = dkim_key.of_row(found)
            if made is None:
                self.unreadable.append(f"dkim {found.domain} {found.selector}")
            else:
                self.dkim[made.domain] = (*self.dkim.get(made.domain, ()), made)

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
            return self.first.get(address.domain)
        return None

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

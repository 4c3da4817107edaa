"""Directory: who lives here. Look-ups answer at once from a snapshot; changes and passwords go to the store.

Called by intake and delivery (look-ups), the doors (credentials), the command line (changes), app (refresh).
Never waits in a look-up, never hashes in one; never reads a clock: `now` is ms since 1970.
Fails with BadEntry (from changes), StoreTrouble when the disk fails; a look-up keeps the last snapshot.
"""

import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

from hatoba.directory import access, listing, resolve
from hatoba.directory.aliases import Alias
from hatoba.directory.credentials import Credentials
from hatoba.directory.entries import LOCAL, Account, Domain, key
from hatoba.directory.settings import Settings
from hatoba.directory.snapshot import Aliases, Snapshot
from hatoba.model.address import Address, BadAddress
from hatoba.store import access as access_rows
from hatoba.store import aliases, base, dkim_keys, secrets
from hatoba.store import directory as rows
from hatoba.store import listings as listing_rows
from hatoba.store.sql import Reader, Tx
from hatoba.store.trouble import StoreTrouble

T = TypeVar("T")

SIGNING = "srs"  # the name of the secrets in Snapshot.secrets
_SENDERS, _SENDERS_DEEP = 100, 5  # how far an alias is followed to see whether an account may send as it
_MISSES = 16  # unknown domains that may look at the database between two refreshes: the rest cost nothing


class Directory:
    """The directory of the node. `secret` is random, at least 16 octets, one per process.

    Look-ups may be called from any thread. Those who change and verify take turns at the database.
    """

    def __init__(self, register: base.Register, settings: Settings, secret: bytes) -> None:
        self.settings = settings
        self._register = register
        self._turn = threading.Lock()
        self.credentials = Credentials(secret, settings, self.login, self.write, self.note)
        self._misses = _MISSES
        self._version = -1
        self._snapshot = Snapshot((), (), settings.separator)
        self.full: frozenset[str] = frozenset()  # keys of accounts whose mailbox takes no more; kept by app
        self.lists = listing.NONE  # who is always let in or kept out
        with self._turn:
            self._load()

    # Look-ups

    def domain(self, name: str) -> Domain | None:
        """The domain by its A-label name, or None."""
        found = self._snapshot.domains.get(name)
        if found is None and self._misses > 0:
            self._misses -= 1
            if self._moved():
                found = self._snapshot.domains.get(name)
        return found

    def account(self, address: Address) -> Account | None:
        """Whose mailbox takes letters for `address`; user+tag goes to user.

        postmaster@ and abuse@ a local domain always exist: with no account of that name they are the domain's oldest
        account in use; None only in a domain without any account.  # RFC 5321 §4.5.1, RFC 2142 §4
        """
        found = self._snapshot.account(address)
        if found is None and self._moved():
            found = self._snapshot.account(address)
        return found

    def local(self, address: Address) -> bool:
        """Whether letters for `address` end here, in a mailbox that exists."""
        domain = self.domain(address.domain)
        return domain is not None and domain.kind == LOCAL and self.account(address) is not None

    def report_addresses(self) -> frozenset[str]:
        """The keys of the addresses that are marked to take reports about our domains."""
        return frozenset(each for domain in self._snapshot.domains.values() for each in domain.reports)

    def home(self, hostname: str) -> str:
        """The local domain that a bare <postmaster> means on this host, "" for none."""
        return self._snapshot.home(hostname)

    def may_send_as(self, account: str, address: Address) -> bool:
        """Whether the account (its key) may put `address` in the reverse-path: its own or a subaddress."""
        snapshot = self._snapshot
        owner = snapshot.owner(address)
        if owner is not None:
            return owner.key == account and owner.enabled
        return self.settings.alias_senders and self._stands_for(snapshot, address, account)

    @staticmethod
    def _stands_for(snapshot: Snapshot, address: Address, account: str) -> bool:
        """Whether `address` is an alias, no list, with the account's mailbox right behind it."""
        domain = snapshot.domains.get(address.domain)
        owner = snapshot.accounts.get(account)
        if not snapshot.aliases or domain is None or domain.kind != LOCAL or owner is None or not owner.enabled:
            return False
        try:
            found = resolve.expand(snapshot, address, most=_SENDERS, deep=_SENDERS_DEEP)
        except (resolve.TooMany, resolve.TooDeep):
            return False
        if found.lists or not found.aliased:
            return False
        for leaf in found.leaves:
            mailbox = snapshot.owner(leaf.address) if leaf.kind == resolve.MAILBOX else None
            if mailbox is not None and mailbox.key == account and not snapshot.caught(leaf.through):
                return True
        return False

    def expand(self, address: Address, *, bounce: bool = False) -> resolve.Found:
        """Everybody `address` stands for; see resolve.expand. An address that nobody knows is looked up anew, once."""
        found = self._expand(address, bounce)
        if not found.leaves and not found.said and self._moved():
            found = self._expand(address, bounce)
        return found

    def _expand(self, address: Address, bounce: bool) -> resolve.Found:
        most, deep = self.settings.alias_expansion, self.settings.alias_depth
        return resolve.expand(self._snapshot, address, most=most, deep=deep, bounce=bounce)

    def posts(self, roll: Alias, address: Address) -> bool:
        """Whether `address` is a member of the list or its owner."""
        most, deep = self.settings.alias_expansion, self.settings.alias_depth
        try:
            return resolve.belongs(self._snapshot, roll, address, most=most, deep=deep)
        except (resolve.TooMany, resolve.TooDeep):
            return False

    def snapshot(self) -> Snapshot:
        """Everything, as it stands now."""
        return self._snapshot

    def reader(self) -> Reader:
        """The database itself, for those who change or list what is in it."""
        return self._register.reader

    def refresh(self, now: int) -> bool:
        """Looks whether another process changed the directory; app calls it each second. True if it did."""
        self._misses = _MISSES
        return self._moved()

    def _moved(self) -> bool:
        """Loads a new snapshot if the database moved; leaves it for later while someone writes."""
        if not self._turn.acquire(blocking=False):
            return False
        try:
            with contextlib.suppress(StoreTrouble):
                if self._register.version() != self._version:
                    self._load()
                    return True
            return False
        finally:
            self._turn.release()

    def _load(self) -> None:
        reader = self._register.reader
        version = self._register.version()
        known, stamp = self._snapshot.aliases, aliases.stamp(reader)
        if known.stamp != stamp:
            known = Aliases(aliases.table(reader), stamp)
        self._snapshot = Snapshot(
            rows.domains(reader),
            rows.accounts(reader),
            self.settings.separator,
            known,
            [row.data for row in secrets.of(reader, SIGNING)],
            dkim_keys=dkim_keys.keys(reader),
            allowances=access_rows.allowances(reader),
            passwords=access_rows.passwords(reader),
        )
        self.lists = listing.compiled(listing_rows.all_(reader), self.lists)
        self._version = version

    def write(self, function: Callable[[Tx], T]) -> T:
        """Runs `function` in a transaction (see changes) and loads what it left."""
        with self._turn:
            result = self._register.write(function)
            with contextlib.suppress(StoreTrouble):  # it is written; the next refresh sees that the database moved
                self._load()
            return result

    def note(self, function: Callable[[Tx], None]) -> None:
        """Runs `function` in a transaction that no process loads the directory anew for."""
        with self._turn:
            self._register.note(function)

    # Credentials: see the room's own object for passwords

    def login(self, name: str) -> Account | None:
        """The account that logs in as `name` (its address); None for what is no address, a role or a subaddress."""
        try:
            written = key(Address.parse(name))
        except BadAddress:
            return None
        found = self._snapshot.accounts.get(written)
        if found is None and self._moved():
            found = self._snapshot.accounts.get(written)
        return found

    def quota(self, account: Account) -> access.Quota:
        """How much the account's mailbox may hold."""
        octets, letters = account.quota
        settings = self.settings
        return access.Quota(
            settings.quota if octets is None else octets, settings.quota_letters if letters is None else letters
        )

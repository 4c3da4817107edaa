"""Changes: domains and accounts added, altered, removed, by a person at the command line or a door for people.

Called by app and the HTTP doors; hashing makes the account functions slow (20 ms): in a thread.
Never asks back and never prints: what is declined says what to run instead.
Fails with BadEntry (and BadPassword) when declined, StoreTrouble when the disk fails; then nothing has changed.
"""

import msgspec

from hatoba.directory import passwords
from hatoba.directory.directory import Directory
from hatoba.directory.entries import KINDS, LOCAL, RELAY, Account, BadEntry, Domain, key
from hatoba.directory.snapshot import account_of
from hatoba.kit import scram
from hatoba.model import domain as domain_
from hatoba.model.address import Address, BadAddress
from hatoba.store import access as access_rows
from hatoba.store import aliases
from hatoba.store import directory as rows
from hatoba.store.rows import AccountRow, DomainRow
from hatoba.store.sql import Tx


def domain_name(written: str) -> str:
    """A domain as a person writes it, as the directory keeps it (lower case, A-labels). BadEntry if it is none."""
    try:
        name = domain_.parse(written.strip().removesuffix("."))
    except BadAddress as error:
        raise BadEntry(f"{written!r} is no domain name: {error}") from None
    if name.startswith("["):
        raise BadEntry(f"{written!r} is an address literal, not a domain name")
    return name


def address(written: str) -> Address:
    """An account's address as a person writes it. BadEntry if it is none."""
    try:
        return Address.parse(written.strip())
    except BadAddress as error:
        raise BadEntry(f"{written!r} is no mail address: {error}") from None


def add_domain(directory: Directory, name: str, kind: str, now: int) -> Domain:
    """A new domain. BadEntry when it is there already or the kind is unknown."""
    if kind not in KINDS:
        raise BadEntry(f"a domain is {LOCAL} (accounts here) or {RELAY} (passed on), not {kind!r}")
    row = DomainRow(domain_name(name), kind, now)

    def put(tx: Tx) -> None:
        stands = rows.domain(tx, row.name)
        if stands is not None:
            raise BadEntry(f"{row.name} is here already, as a {stands.kind} domain")
        rows.put_domain(tx, row)

    directory.write(put)
    return Domain(row.name, kind, now)


def remove_domain(directory: Directory, name: str) -> None:
    """Letters for the domain are refused from now on. BadEntry when it is unknown or still has accounts."""
    name = domain_name(name)

    def remove(tx: Tx) -> None:
        there = [row.key for row in rows.accounts(tx) if row.key.endswith(f"@{name}")]
        if there:
            raise BadEntry(
                f"{name} still has {len(there)} account(s); remove them first: hatoba account remove {there[0]}"
            )
        left = aliases.count(tx, name)
        if left:
            raise BadEntry(f"{name} still has {left} alias(es); see: hatoba alias list {name}")
        if not rows.remove_domain(tx, name):
            raise BadEntry(f"{name} is no domain of this node; see: hatoba domain list")

    directory.write(remove)


def domains(directory: Directory) -> list[Domain]:
    """All domains, by name."""
    return sorted(directory.snapshot().domains.values(), key=lambda domain: domain.name)


def accounts(directory: Directory, domain: str = "") -> list[Account]:
    """All accounts (of one domain), by domain and name."""
    wanted = domain_name(domain) if domain else ""
    found = [a for a in directory.snapshot().accounts.values() if wanted in ("", a.address.domain)]
    return sorted(found, key=lambda a: (a.address.domain, a.key))


def add_account(
    directory: Directory, written: str, password: str, salt: bytes, now: int, *, generated: bool = False
) -> Account:
    """A new account in a local domain. `salt`: 16 random octets; `generated`: the length policy does not ask."""
    mailbox = address(written)
    name = key(mailbox)
    separator = directory.settings.separator
    if separator and separator in mailbox.local:
        raise BadEntry(f"{mailbox}: an account's name cannot hold {separator!r}, that marks subaddresses (user+tag)")
    hashes = _hashes(directory, password, salt, generated)

    def put(tx: Tx) -> AccountRow:
        domain = rows.domain(tx, mailbox.domain)
        if domain is None:
            raise BadEntry(f"{mailbox.domain} is no domain of this node; run: hatoba domain add {mailbox.domain}")
        if domain.kind != LOCAL:
            raise BadEntry(f"{mailbox.domain} is a relay domain: its accounts live elsewhere")
        if aliases.row(tx, name) is not None:
            raise BadEntry(
                f"{name} is an alias, which would go before the mailbox; run: hatoba alias remove {name},"
                f" and afterwards, to forward and keep a copy: hatoba alias add {name} --keep TARGET"
            )
        if rows.account(tx, name) is not None:
            raise BadEntry(f"{name} is here already; to change its password run: hatoba account passwd {name}")
        row = AccountRow(name, str(mailbox), *hashes, created=now, changed=now)
        rows.put_account(tx, row)
        return row

    return account_of(directory.write(put), mailbox)


def passwd(
    directory: Directory, written: str, password: str, salt: bytes, now: int, *, generated: bool = False
) -> Account:
    """A new password for an account; sessions that stand go on, the old password proves nothing any more."""
    account = directory.login(written)
    if account is not None and account.passwords and account.scram:  # theirs go with its salt, see access.AppPassword
        salt = scram.Verifier.parse(account.scram.decode()).salt
    hashes = _hashes(directory, password, salt, generated)
    return _alter(directory, written, hash=hashes[0], scram=hashes[1], changed=now)


def enable(directory: Directory, written: str, enabled: bool, now: int) -> Account:
    """Switches an account off (no login, letters refused with 5.2.1) or on again."""
    return _alter(directory, written, enabled=enabled, changed=now)


def remove_account(directory: Directory, written: str) -> None:
    """Letters for the account are refused from now on; those delivered stay where they are."""
    name = key(address(written))

    def remove(tx: Tx) -> None:
        if not rows.remove_account(tx, name):
            raise unknown(name)
        access_rows.remove_all(tx, name)

    directory.write(remove)
    directory.credentials.forget(name)


def unknown(name: str) -> BadEntry:
    """There is no account with that key."""
    return BadEntry(f"{name} is no account here; see: hatoba account list")


def _hashes(directory: Directory, password: str, salt: bytes, generated: bool) -> tuple[str, bytes]:
    """The argon2 string and the SCRAM verifier of a password that may be set."""
    octets = passwords.check(password, 1 if generated else directory.settings.password_length)
    return passwords.hashed(octets), str(scram.make_verifier(password, salt)).encode()


def _alter(directory: Directory, written: str, **columns: object) -> Account:
    mailbox = address(written)
    name = key(mailbox)

    def put(tx: Tx) -> AccountRow:
        stands = rows.account(tx, name)
        if stands is None:
            raise unknown(name)
        row = msgspec.structs.replace(stands, **columns)
        rows.put_account(tx, row)
        return row

    row = directory.write(put)
    directory.credentials.forget(name)
    return directory.login(written) or account_of(row, mailbox)

"""Allowing: protocols of an account switched off and on, its quota, and when it came in last.

Called by the command line and doors for people.
Never asks back and never prints: what is declined says what to run instead.
Fails with BadEntry when declined, StoreTrouble when the disk fails; then nothing has changed.
"""

from collections.abc import Callable, Iterable

import msgspec

from hatoba.directory import access, changes
from hatoba.directory.directory import Directory
from hatoba.directory.entries import Account, BadEntry, key
from hatoba.store import access as access_rows
from hatoba.store import directory as rows
from hatoba.store.access import LoginRow
from hatoba.store.sql import Tx


def switch(directory: Directory, written: str, protocols: Iterable[str], on: bool, now: int) -> Account:
    """Lets the account use these protocols, or no longer; connections that stand go on. BadEntry."""
    chosen = words(protocols)

    def change(allowed: access.Allowance) -> access.Allowance:
        off = set(allowed.off) - chosen if on else set(allowed.off) | chosen
        return msgspec.structs.replace(allowed, off=tuple(sorted(off)))

    return _change(directory, written, change, now)


def quota(
    directory: Directory, written: str, octets: int | None, letters: int | None, now: int, *, keep: bool = True
) -> Account:
    """What the account's mailbox may hold; 0: no limit. None keeps what is set, or (not `keep`) is as settings say."""
    if (octets or 0) < 0 or (letters or 0) < 0:
        raise BadEntry("a quota is 0 (no limit) or more")

    def change(allowed: access.Allowance) -> access.Allowance:
        return msgspec.structs.replace(
            allowed,
            octets=allowed.octets if octets is None and keep else octets,
            letters=allowed.letters if letters is None and keep else letters,
        )

    return _change(directory, written, change, now)


def words(protocols: Iterable[str]) -> set[str]:
    """The protocols meant. BadEntry on a word that is none."""
    chosen = {word.strip().lower() for word in protocols}
    for word in sorted(chosen - set(access.PROTOCOLS)):
        raise BadEntry(f"{word!r} is no protocol that an account can use; there are {', '.join(access.PROTOCOLS)}")
    return chosen


def logins(directory: Directory, account: str = "") -> dict[str, list[LoginRow]]:
    """The last login of each kind, by account (its key): of one, or of all."""
    found: dict[str, list[LoginRow]] = {}
    for row in access_rows.logins(directory.reader(), account):
        found.setdefault(row.account, []).append(row)
    return found


def _change(
    directory: Directory, written: str, change: Callable[[access.Allowance], access.Allowance], now: int
) -> Account:
    name = key(changes.address(written))

    def put(tx: Tx) -> None:
        if rows.account(tx, name) is None:
            raise changes.unknown(name)
        stands = access_rows.allowance_of(tx, name)
        allowed = access.ALL if stands is None else access.allowance(stands)
        access_rows.put_allowance(tx, access.allowance_row(name, change(allowed), now))

    directory.write(put)
    account = directory.login(name)
    if account is None:
        raise changes.unknown(name)
    return account

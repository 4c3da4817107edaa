"""App passwords: one for each program that reads or sends for a person, made here, shown once, taken back at any time.

Called by the command line and doors for people. Making one takes 2 ms (its SCRAM verifier): in a thread.
Never lets anybody choose one: only chance makes them good enough for a fast hash.
Fails with BadEntry when declined, StoreTrouble when the disk fails; then nothing has changed.
"""

from collections.abc import Iterable

from hatoba.directory import access, allowing, changes, passwords
from hatoba.directory.directory import Directory
from hatoba.directory.entries import BadEntry, key
from hatoba.kit import scram
from hatoba.store import access as access_rows
from hatoba.store import directory as rows
from hatoba.store.sql import Tx

_LABEL_MOST = 100  # characters
_ID_OCTETS = 4
CHANCE = passwords.RANDOM_OCTETS + _ID_OCTETS


def add(
    directory: Directory, written: str, label: str, protocols: Iterable[str], chance: bytes, now: int
) -> tuple[access.AppPassword, str]:
    """A new app password and, to be shown this once, its text. `chance`: CHANCE random octets. BadEntry."""
    name = key(changes.address(written))
    label = label.strip()
    if not label or len(label) > _LABEL_MOST or not label.isprintable():
        raise BadEntry(f"a label is 1 to {_LABEL_MOST} printable characters: the program or device it is for")
    scope = tuple(sorted(allowing.words(protocols)))
    text = passwords.generate_password(chance[_ID_OCTETS:])
    identity = chance[:_ID_OCTETS].hex()

    def put(tx: Tx) -> access.AppPassword:
        account = rows.account(tx, name)
        if account is None:
            raise changes.unknown(name)
        held = access_rows.passwords_of(tx, name)
        if len(held) >= directory.settings.app_passwords:
            raise BadEntry(f"{name} has {len(held)} app passwords already; see: hatoba app-password list {name}")
        if any(one.id == identity for one in held):
            raise BadEntry("by chance it would be called like another one: try again")
        made = access.AppPassword(identity, label, scope, now, access.digest(text), _verifier(text, account.scram))
        access_rows.put_password(tx, access.password_row(name, made))
        return made

    return directory.write(put), text


def _verifier(text: str, own: bytes) -> str:
    """With the salt of the account's own password; "" where that has none."""
    if not own:
        return ""
    like = scram.Verifier.parse(own.decode())
    return str(scram.make_verifier(text, like.salt, like.iterations))


def of(directory: Directory, written: str) -> tuple[access.AppPassword, ...]:
    """Those of an account, the oldest first. BadEntry when there is no such account."""
    name = key(changes.address(written))
    account = directory.login(name)
    if account is None:
        raise changes.unknown(name)
    return account.passwords


def revoke(directory: Directory, written: str, which: Iterable[str]) -> list[access.AppPassword]:
    """Takes back those with these ids or labels, () for all; connections that stand go on. BadEntry on an unknown."""
    name = key(changes.address(written))
    wanted = list(which)
    there = of(directory, written)
    for one in wanted:
        if not any(one in (held.id, held.label) for held in there):
            raise BadEntry(f"{name} has no app password {one!r}; see: hatoba app-password list {name}")
    chosen = [held for held in there if not wanted or held.id in wanted or held.label in wanted]

    def remove(tx: Tx) -> None:
        every = [row.id for row in access_rows.passwords_of(tx, name)]  # also those that cannot be read
        for identity in [one.id for one in chosen] if wanted else every:
            access_rows.remove_password(tx, name, identity)

    directory.write(remove)
    return chosen

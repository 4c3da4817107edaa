"""Credentials: who may come in over which protocol, by an account's own password or one of its app passwords.

Called by doors.login: `verify` and `note` in a thread, the rest at once.
Never tells an unknown name from a wrong password by time: an answer "no" always costs one slow hash.
Fails never: what cannot be written down (a login, a hash made anew) keeps nobody out.
"""

import contextlib
import hmac
from collections.abc import Callable
from typing import Any

import msgspec

from hatoba.directory import access, passwords
from hatoba.directory.entries import Account
from hatoba.directory.memory import Memory
from hatoba.directory.settings import Settings
from hatoba.kit import scram
from hatoba.store import access as access_rows
from hatoba.store import directory as rows
from hatoba.store.rows import AccountRow
from hatoba.store.sql import Tx
from hatoba.store.trouble import StoreTrouble

_NOTED = 3_600_000  # ms: a login of a kind is written down once an hour, programs come every minute
_NOTES = 100_000  # kinds of logins this process remembers having written down
_NOBODY, _WRONG = "no such account", "wrong password"


class Checked(msgspec.Struct, frozen=True, gc=False):
    """`account` None: not let in, and `reason` says why, for the log. `password`: the app password's id, "" its own."""

    account: Account | None
    password: str = ""
    reason: str = ""


class Credentials:
    """`secret` is random, at least 16 octets. `login` finds the account of a name; `write` and `note` change rows."""

    def __init__(
        self,
        secret: bytes,
        settings: Settings,
        login: Callable[[str], Account | None],
        write: Callable[[Callable[[Tx], Any]], Any],
        note: Callable[[Callable[[Tx], None]], None],
    ) -> None:
        self._secret = secret
        self._login = login
        self._write = write
        self._note = note
        self._memory = Memory(secret, settings.remember, settings.remembered)
        self._noted: dict[tuple[str, str, str], int] = {}

    def verify(self, name: str, password: str, now: int, protocol: access.Protocol) -> Checked:
        """Whether the password opens the account for the protocol. Slow (16 ms): call it in a thread.

        An unknown name costs what a known one costs. A proven password is remembered for settings.remember.
        """
        try:
            octets = passwords.prepare(password)
        except ValueError:
            octets = b"\0"  # no password is this: the answer is no, after the same time
        account = self._login(name)
        if account is None:
            passwords.matches(passwords.NOBODY, octets)
            return Checked(None, reason=_NOBODY)
        shut = closed(account, protocol)
        if shut:
            known = passwords.matches(account.hash, octets)
            return Checked(None, reason=shut if known else _WRONG)
        found = self._app_password(account, password)
        if found is None:
            return Checked(account) if self._own(account, octets, now) else Checked(None, reason=_WRONG)
        if not found.opens(protocol):
            passwords.matches(passwords.NOBODY, octets)
            return Checked(None, reason=f"the app password {found.label!r} is not for {protocol}")
        return Checked(account, found.id)

    @staticmethod
    def _app_password(account: Account, password: str) -> access.AppPassword | None:
        """Each is compared, whether one before it fitted or not."""
        if not account.passwords:
            return None
        digest = access.digest(password)
        found = [one for one in account.passwords if hmac.compare_digest(one.digest, digest)]
        return found[0] if found else None

    def _own(self, account: Account, octets: bytes, now: int) -> bool:
        """Whether these are the account's own password; a hash of old parameters is made anew."""
        if self._memory.knows(account.key, account.hash, octets, now):
            return True
        if not passwords.matches(account.hash, octets):
            return False
        kept = account.hash
        if passwords.outdated(kept):
            with contextlib.suppress(StoreTrouble):  # the old one does as well
                kept = self._renew(account, octets)
        self._memory.learn(account.key, kept, octets, now)
        return True

    def _renew(self, account: Account, octets: bytes) -> str:
        fresh = passwords.hashed(octets)

        def put(tx: Tx) -> AccountRow | None:
            stands = rows.account(tx, account.key)
            if stands is None or stands.hash != account.hash:
                return None  # changed meanwhile: that stands
            row = msgspec.structs.replace(stands, hash=fresh)
            rows.put_account(tx, row)
            return row

        return fresh if self._write(put) is not None else account.hash

    def forget(self, key: str) -> None:
        """The account's password is proven anew next time."""
        self._memory.forget(key)

    def verifiers(self, name: str, protocol: access.Protocol) -> list[tuple[str, scram.Verifier]]:
        """What SCRAM-SHA-256 may be proven with: (app password's id or "", verifier), all of one salt; never empty.

        For who may not come in it is one that no password fits, the same for the life of the process, so that a second
        look tells nothing.
        """
        account = self._login(name)
        if account is None or closed(account, protocol) or not account.scram:
            return [("", scram.fake_verifier(name, self._secret))]
        own = scram.Verifier.parse(account.scram.decode())
        found = [("", own)]
        for one in account.passwords:
            made = access.verifier(one, own) if one.opens(protocol) else None
            if made is not None:
                found.append((one.id, made))
        return found

    def admit(self, name: str, protocol: access.Protocol, password: str = "") -> Checked:
        """Who has proven to be `name` in another way, as things stand now: by SCRAM, by a token."""
        account = self._login(name)
        if account is None:
            return Checked(None, reason=_NOBODY)
        reason = closed(account, protocol)
        if not reason and password and all(one.id != password for one in account.passwords):
            reason = "the app password was revoked"
        return Checked(None, reason=reason) if reason else Checked(account, password)

    def due(self, account: str, protocol: access.Protocol, password: str, now: int) -> bool:
        """Whether this login is to be written down: true once an hour for each kind of login."""
        kind = (account, protocol, password)
        if now - self._noted.get(kind, now - _NOTED) < _NOTED:
            return False
        if len(self._noted) >= _NOTES:
            self._noted.clear()
        self._noted[kind] = now
        return True

    def note(self, account: str, protocol: access.Protocol, password: str, now: int) -> None:
        """Writes the login down. In a thread."""
        row = access_rows.LoginRow(account, protocol, password, now)
        with contextlib.suppress(StoreTrouble):
            self._note(lambda tx: access_rows.came_in(tx, row))


def closed(account: Account, protocol: access.Protocol) -> str:
    """Why nobody may come in as this account over the protocol, "" if somebody may."""
    if not account.enabled:
        return "the account is disabled"
    return f"{protocol} is off for the account" if protocol in account.off else ""

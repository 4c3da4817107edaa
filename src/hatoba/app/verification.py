"""Verification of a whole node: what the store checks by itself, with the forms of the rooms above, and the directory.

Called by `hatoba verify`. Works beside running workers and without them.
Never writes, but for `reindex` and `tidy`, which take every shard from nobody.
Fails never while it checks: what cannot be read is a finding.
"""

from collections.abc import Callable, Iterator

import msgspec

from hatoba.app import keyring, offline
from hatoba.app.settings import Settings
from hatoba.directory import access, dkim_key, entries
from hatoba.directory.dkim import changes
from hatoba.directory.snapshot import Snapshot
from hatoba.journal import forms, purge, search
from hatoba.kit import scram
from hatoba.model.event import Event
from hatoba.queue import board, leased
from hatoba.store import access as access_rows
from hatoba.store import admin, dkim_keys, journal, trouble, verify
from hatoba.store import directory as rows
from hatoba.store.findings import Report
from hatoba.store.mailboxes import indexing
from hatoba.store.mailboxes.stores import MailStore
from hatoba.store.rows import EventRow, LaneRow
from hatoba.store.sql import Reader, Tx


def _event(row: EventRow) -> object:
    return forms.read(Event(row.letter, row.at, row.kind, row.data))


def _lane(row: LaneRow) -> object:
    return board.filters_of(row.data) if row.site == board.FILTERS else msgspec.json.decode(row.data)


FORMS = verify.Forms(_event, search.postings, search.CURSOR, purge.FORGOTTEN, leased.params_of, leased.last_of, _lane)


def reports(settings: Settings, progress: Callable[[str], None]) -> Iterator[Report]:
    """One for the directory and one for each shard, as they are done."""
    home = offline.home(settings)
    yield _directory(settings)
    yield from verify.shards(home, FORMS, progress)


def _directory(settings: Settings) -> Report:
    report = Report("directory", {}, [])
    try:
        register = offline.home(settings).register()
    except trouble.WrongVersion as error:
        report.add("revision", str(error))
        return report
    except trouble.StoreTrouble as error:
        report.add("database-unreadable", str(error))
        return report
    try:
        verify.integrity(register.reader, report)
        with register.reader.snapshot():
            entries_of(register.reader, settings.directory.separator, report)
            admin.check(register.reader, report)
            access_of(register.reader, report)
            keys_of(register.reader, settings, report)
    except trouble.StoreTrouble as error:
        report.add("table-unreadable", str(error))
    finally:
        register.close()
    return report


def entries_of(reader: Reader, separator: str, report: Report) -> None:
    """The directory's rows: can each be read, and is what it refers to there."""
    domains, accounts = rows.domains(reader), rows.accounts(reader)
    known = Snapshot(domains, accounts, separator)
    report.look("domains", len(domains))
    report.look("accounts", len(accounts))
    for domain in domains:
        if domain.kind not in entries.KINDS:
            report.add("domain-undecodable", f"{domain.name}: no domain is {domain.kind!r}")
    for name in known.unreadable:
        report.add("account-undecodable", f"{name}: its address is none")
    for account in known.accounts.values():
        found = known.domains.get(account.address.domain)
        if found is None or found.kind != entries.LOCAL:
            what = "no domain" if found is None else "a relay domain"
            report.add("account-without-domain", f"{account.key}: {account.address.domain} is {what} here")
        if entries.key(account.address) != account.key:
            report.add("account-undecodable", f"{account.key}: its address is {account.address}")
        try:
            if not account.hash.startswith("$argon2"):
                raise ValueError("its password's hash is none of argon2")
            if account.scram:
                scram.Verifier.parse(account.scram.decode("ascii"))
        except ValueError as error:
            report.add("account-undecodable", f"{account.key}: {error}")


def access_of(reader: Reader, report: Report) -> None:
    """What accounts may, and their app passwords: can each be read, and is the account there."""
    known = {row.key for row in rows.accounts(reader)}
    allowances, passwords = access_rows.allowances(reader), access_rows.passwords(reader)
    if passwords:
        report.look("app_passwords", len(passwords))
    for row in allowances:
        if row.account not in known or access.allowance(row) is access.NOTHING:
            report.add("access-undecodable", f"what {row.account} may")
    for one in passwords:
        if one.account not in known or access.password(one) is None:
            report.add("access-undecodable", f"app password {one.id} of {one.account}")


def keys_of(reader: Reader, settings: Settings, report: Report) -> None:
    """The DKIM keys: can each be read, and opened here."""
    found = dkim_keys.keys(reader)
    if not found:
        return
    report.look("dkim_keys", len(found))
    why = "this node has no master key"
    try:
        master = keyring.master(settings)
    except trouble.StoreTrouble as error:
        master, why = None, str(error)
    for row in found:
        key = dkim_key.of_row(row)
        if key is None:
            report.add("dkim-key-undecodable", f"{row.selector} of {row.domain}")
        elif master is None:
            report.add("dkim-key-sealed", f"{row.selector} of {row.domain}: {why}")
        else:
            try:
                changes.opened(master, key)
            except entries.BadEntry as error:
                report.add("dkim-key-sealed", str(error))


def reindex(settings: Settings) -> int:
    """Empties the search index of every shard, and of the mailboxes: the workers fill it again. How many shards."""
    home = offline.home(settings)
    numbers = home.numbers()
    for number in numbers:
        with home.shard(number, "the command line") as opened:
            opened.write(search.renew)
    mail = MailStore(home, settings.mailboxes)
    try:
        for shard in mail.shards():
            shard.wait(indexing.reset_all)
    finally:
        mail.close()
    return len(numbers)


def tidy(settings: Settings, by: str) -> int:
    """Removes halves of letters from every shard, each with an event that says who did. How many letters."""
    home = offline.home(settings)
    now = offline.now()

    def step(tx: Tx) -> int:
        gone = verify.tidy(tx)
        journal.append(tx, [forms.dropped(number, (), by, now, "half a letter was left") for number in gone])
        return len(gone)

    count = 0
    for number in home.numbers():
        with home.shard(number, "the command line") as opened:
            count += opened.write(step)
    return count

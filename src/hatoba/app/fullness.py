"""Fullness: which accounts' mailboxes take no more, so that RCPT can say so before a letter is sent.

Run by worker; looks every few seconds at what the mail shards count, whoever wrote or deleted there.
Never decides about a letter that is in: the deposit holds to the quota to the octet, and defers.
Fails quietly: while the store is ill the last answer stands.
"""

import asyncio
from collections.abc import Callable

import structlog

from hatoba.directory import access
from hatoba.directory.directory import Directory
from hatoba.store.mailboxes import accounts
from hatoba.store.mailboxes.stores import MailStore
from hatoba.store.trouble import StoreTrouble


async def run(directory: Directory, store: MailStore, pause: Callable[[], float]) -> None:
    """Until it is cancelled."""
    while True:
        try:
            directory.full = await asyncio.to_thread(full, directory, store)
        except StoreTrouble as error:
            structlog.get_logger("mailboxes").warning("full mailboxes not looked for", error=str(error))
        await asyncio.sleep(pause())


def full(directory: Directory, store: MailStore) -> frozenset[str]:
    """The keys of the accounts that have reached their quota."""
    known = directory.snapshot().accounts
    most = {key: directory.quota(account) for key, account in known.items()}
    octets = min((quota.octets for quota in most.values() if quota.octets), default=0)
    letters = min((quota.letters for quota in most.values() if quota.letters), default=0)
    if not octets and not letters:
        return frozenset()
    found: set[str] = set()
    for shard in store.shards():
        for key, held in shard.look(lambda reader: accounts.laden(reader, octets, letters)).items():
            quota = most.get(key, access.Quota())
            if (quota.octets and held.bytes >= quota.octets) or (quota.letters and held.letters >= quota.letters):
                found.add(key)
    return frozenset(found)

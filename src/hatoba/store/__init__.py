"""Letters, recipients, events and the directory on disk: one writer per shard, group commit, blobs beside it.

Called by journal, directory, queue and app; the only room that holds SQL text or a file of ours.
Never decides about a letter and never waits on the network.
Fails with `trouble.StoreTrouble` (temporary: the mail stays with the peer) and its kin.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hatoba.store.mailboxes.settings import Settings as Mailboxes
    from hatoba.store.settings import Database, Settings


def prepare(
    data: Path,
    shards: int,
    settings: "Settings | None" = None,
    progress: Callable[[str], None] = lambda text: None,
    database: "Database | None" = None,
    mailboxes: "Mailboxes | None" = None,
) -> None:
    """Makes DATA/hatoba.db, `shards` shards and the mail shards, or migrates them, each after a snapshot.

    `database` may name another folder, or a server: then its directory and the shards that its settings count.
    `mailboxes` says how many mail shards there are to be, and must say so ever after; None: as many as there are.
    `progress` gets a line for each longer step. ShardTaken, WrongVersion, StoreTrouble.
    """
    mail = None if mailboxes is None else mailboxes.shards
    if database is not None and database.server:
        from hatoba.store import server, server_upgrade
        from hatoba.store import settings as words

        where = server.Server(data, settings or words.Settings(), database)
        server_upgrade.prepare(where, database.shards if shards else 0, progress, mail)
        return
    from hatoba.store import settings as words
    from hatoba.store import upgrade  # Alembic takes 0.15 s to import: a worker never imports it

    folder = data if database is None else database.folder(data)
    upgrade.prepare(folder, shards, settings or words.Settings(), progress, mail)

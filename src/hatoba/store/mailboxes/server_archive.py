"""Archives of mail shards become schemas of a PostgreSQL server.

Called by archive, where a backup of a server is restored to one.
Never fills a schema that has an account.
Fails with BadArchive, StoreTrouble.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from hatoba.store import postgres, server_upgrade
from hatoba.store.base import Base
from hatoba.store.mailboxes import places
from hatoba.store.server import Server
from hatoba.store.sql import Tx


def load(home: Base, archives: dict[int, Path], fill: Callable[[Tx, Path], None]) -> None:
    """Makes the schemas, as many as there are archives, and fills each in one transaction."""
    assert isinstance(home, Server)  # noqa: S101  # the only home but Files
    server_upgrade.prepare(home, home.database.shards, lambda text: None, len(archives))
    for number, path in archives.items():
        connection = home.connect(places.schema(number), 0)
        with contextlib.closing(connection), postgres.transaction(connection) as tx:
            tx.run(postgres.PATIENT)
            fill(tx, path)

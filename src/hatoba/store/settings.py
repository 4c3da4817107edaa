"""The store's settings: where bodies go, how the database is tuned, how long things are kept.

Read by shard, writer, blobs and snapshot; filled by app from the settings file.
Never reads a file itself.
Fails with msgspec.ValidationError on values out of range.
"""

from pathlib import Path
from typing import Annotated
from urllib.parse import unquote

import msgspec

from hatoba.kit.units import Bytes, Seconds


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[store] in hatoba.toml."""

    inline: Annotated[
        Bytes,
        msgspec.Meta(
            ge=4096,
            le=64 * 1024 * 1024,
            description="Bodies up to this size live in the database; larger ones get a file, fsynced first.",
        ),
    ] = 1024 * 1024
    busy_timeout: Annotated[
        Seconds,
        msgspec.Meta(
            ge=0,
            le=60,
            description="How long a write waits for another process's lock; after that the mail is answered 451.",
        ),
    ] = 5.0
    cache: Annotated[
        Bytes,
        msgspec.Meta(
            ge=1024 * 1024,
            description="Page cache of the writing connection of each shard, in memory of the worker.",
        ),
    ] = 32 * 1024 * 1024
    checkpoint: Annotated[
        Bytes,
        msgspec.Meta(
            ge=1024 * 1024,
            description="Size of the write-ahead log at which its pages are copied back into the database file, "
            "beside the work.",
        ),
    ] = 32 * 1024 * 1024
    gather: Annotated[
        Seconds,
        msgspec.Meta(
            ge=0,
            le=0.1,
            description="Under load (the last commit carried several letters) the next one waits this long for more; "
            "a client alone is answered at once.",
        ),
    ] = 0.004
    ride: Annotated[
        Seconds,
        msgspec.Meta(
            ge=0,
            le=1,
            description="How long the end of an attempt may wait for a commit to share; a crash meanwhile means that "
            "the letter is sent again.",
        ),
    ] = 0.02
    batch: Annotated[
        int,
        msgspec.Meta(
            ge=1,
            le=10_000,
            description="Most letters and settlements that share one commit; more wait for the next one.",
        ),
    ] = 1000
    snapshots: Annotated[
        int,
        msgspec.Meta(
            ge=1,
            le=100,
            description="How many snapshots taken before migrations are kept of each database; older ones are deleted.",
        ),
    ] = 3


class Spool(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[[database.spool]] in hatoba.toml."""

    shards: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^ *[0-9]{1,4}( *- *[0-9]{1,4})?( *, *[0-9]{1,4}( *- *[0-9]{1,4})?)* *$",
            description='The shards that live there: "8-15", or "3, 5, 8-11". The same on every node.',
        ),
    ]
    url: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^$|^postgres(ql)?://\S+$",
            description="Their server: postgresql://user:password@host/database.",
            extra={"secret": True},
        ),
    ]


class Database(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[database] in hatoba.toml."""

    url: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^$|^postgres(ql)?://\S+$|^sqlite:///.*$",
            description="Empty: SQLite files in the data directory. sqlite:///path: in that folder, from the root. "
            "postgresql://user:password@host/database: the letters, the journal and the directory live on that "
            "server, and several nodes may share it.",
            extra={"secret": True},
        ),
    ] = ""

    @property
    def server(self) -> bool:
        """It is a server's, not files."""
        return self.url.startswith("postgres")

    def folder(self, data: Path) -> Path:
        """Where the files are, given the data directory."""
        path = unquote(self.url.removeprefix("sqlite://")).strip("/")
        return Path("/", path) if path and not self.server else data

    shards: Annotated[
        int,
        msgspec.Meta(
            ge=1,
            le=1024,
            description="How many shards the nodes of a PostgreSQL server share; each is worked by one worker at a "
            "time. It may grow later, never shrink.",
        ),
    ] = 16
    lease: Annotated[
        Seconds,
        msgspec.Meta(
            ge=2,
            le=300,
            description="How long a shard stays a silent worker's; after that another takes it and delivers its "
            "letters.",
        ),
    ] = 15.0
    connect_timeout: Annotated[
        Seconds, msgspec.Meta(ge=1, le=60, description="How long we wait for the server to take a connection.")
    ] = 5.0
    spool: Annotated[
        tuple[Spool, ...],
        msgspec.Meta(
            description="Shards on servers of their own, so that the write load spreads. All others, and the "
            "directory, live at database.url. A shard that has letters moves only with its schema: docs/scaling.md.",
        ),
    ] = ()

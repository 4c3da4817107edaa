"""Base: the store's home, one face for both engines: files in the data folder, or schemas of a PostgreSQL server.

Made by app, once for each process, from the settings; gives shards, their readers and the directory.
Never opens anything before it is asked for. psycopg is imported only where a server is named.
Fails with what shard, directory and server raise.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from hatoba.store import blobs, directory, shard
from hatoba.store.settings import Database, Settings
from hatoba.store.sql import Reader, Tx

T = TypeVar("T")


class Register(Protocol):
    """The directory, open; see directory.Register."""

    @property
    def reader(self) -> Reader: ...
    def version(self) -> int: ...
    def write(self, function: Callable[[Tx], T]) -> T: ...
    def note(self, function: Callable[[Tx], T]) -> T: ...
    def close(self) -> None: ...


class Base(Protocol):
    """What both homes can do. `data` is this node's folder, `large` says where large bodies are."""

    @property
    def data(self) -> Path: ...
    @property
    def large(self) -> blobs.Settings: ...
    def numbers(self) -> list[int]:
        """The shards that exist."""

    def reader(self, number: int) -> Reader:
        """Reads a shard, whoever owns it."""

    def shard(self, number: int, owner: str) -> shard.Shard:
        """Takes a shard and opens it; ShardTaken when it is another's. `owner` is a note for people."""

    def register(self) -> Register:
        """The directory."""


class Files:
    """The data folder."""

    def __init__(self, data: Path, settings: Settings, large: blobs.Settings) -> None:
        self.data = data
        self.settings = settings
        self.large = large

    def numbers(self) -> list[int]:
        return shard.numbers(self.data)

    def reader(self, number: int) -> Reader:
        return shard.reader(self.data, number, self.settings)

    def shard(self, number: int, owner: str) -> shard.Shard:
        return shard.Shard.open(self.data, number, self.settings, owner, self.large)

    def register(self) -> Register:
        return directory.attach(self.data, self.settings)


def of(data: Path, settings: Settings, database: Database, large: blobs.Settings) -> Base:
    """The home that the settings name."""
    if not database.server:
        return Files(database.folder(data), settings, large)
    from hatoba.store import server

    return server.Server(data, settings, database, large)

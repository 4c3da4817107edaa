"""Means: what the making and sending of reports needs of the rest of a worker.

Made by app, once a worker; read by office and sending.
Never does anything by itself.
Fails never.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, Protocol, TypeVar

from hatoba.mailauth.questions import Asking
from hatoba.model.address import Address
from hatoba.model.envelope import Letter
from hatoba.reports.settings import Settings
from hatoba.reports.shelf import Owner, Shelf
from hatoba.store import base
from hatoba.store.sql import Reader

T = TypeVar("T")


class Directory(Protocol):
    """What is asked of the directory in this room."""

    def account(self, address: Address) -> Owner | None: ...
    def domain(self, name: str) -> object | None: ...
    def local(self, address: Address) -> bool: ...
    def home(self, hostname: str) -> str: ...
    def report_addresses(self) -> frozenset[str]:
        """The keys of the addresses marked to take reports."""


class Shard(Protocol):
    """A shard that this worker works."""

    def reader(self) -> Reader: ...


class Ask(Protocol):
    """Drives an engine of DNS questions to its end."""

    def __call__(self, engine: Asking[T], /) -> Awaitable[T]: ...


class Means(NamedTuple):
    """`settings` gives those in force. `lies`: where local delivery left letters. `shards`: this worker's, by number.

    `draw` gives (a new letter's id, ms). `enqueue` is done when a letter is on disk; it signs what is to be signed.
    `post` sends (url, fields, octets) over HTTPS and gives the status of the answer, or raises OSError. `owner` names
    this process among all nodes.
    """

    settings: Callable[[], Settings]
    base: base.Base
    directory: Directory
    hostname: str
    lies: Shelf
    shards: Callable[[], Mapping[int, Shard]]
    ask: Ask
    draw: Callable[[], tuple[int, int]]
    enqueue: Callable[[Letter], Awaitable[None]]
    post: Callable[[str, Mapping[str, str], bytes], Awaitable[int]]
    clock: Callable[[], int]
    owner: str

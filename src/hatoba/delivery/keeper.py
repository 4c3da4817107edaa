"""Keeper: what local delivery asks of those who keep letters, and the form a letter has for its last journey.

Implemented by boxes (our own mailboxes) and maildirs; called by local with a batch.
Never looks an address up.
Fails with nothing here: a keeper answers each item with a Status.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from hatoba.model.address import Address
from hatoba.model.envelope import Letter, Way
from hatoba.model.status import Status

RETURN_PATH = re.compile(rb"(?im)^Return-Path[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*")
DELIVERED = Status("2.0.0", "delivered to the mailbox")

Chunks = Callable[[Letter], Iterable[bytes]]


class Owner(Protocol):
    """Whose mailbox it is."""

    @property
    def key(self) -> str: ...
    @property
    def address(self) -> Address: ...
    @property
    def enabled(self) -> bool: ...


class Item(NamedTuple):
    """One letter for recipient `n` of its envelope, whose `address` led to `owner`."""

    letter: Letter
    n: int
    address: Address
    owner: Owner
    way: Way


class Keeper(Protocol):
    """Where letters are kept."""

    def keep(self, items: Sequence[Item]) -> Awaitable[list[Status]]:
        """What became of each item: 2.x it is on the disk, 4.x not now, 5.x never."""


def headed(item: Item, chunks: Chunks) -> Iterator[bytes]:
    """The letter in pieces: its header without any Return-Path first, whole, up to the blank line, then the rest.

    # RFC 5321 §4.4: the final delivery writes Return-Path, and there is only one.
    """
    letter = item.letter
    pieces = iter((letter.content,) if letter.content is not None else chunks(letter))
    head = b""
    for piece in pieces:
        head += piece
        if b"\r\n\r\n" in head:
            break
    header, blank, body = head.partition(b"\r\n\r\n")
    yield RETURN_PATH.sub(b"", header + b"\r\n") + (b"\r\n" if blank else b"")
    yield body
    yield from pieces


def returns(item: Item) -> bytes:
    """The reverse-path of an item, for its Return-Path field."""
    return str(item.way.sender or item.letter.envelope.sender or "").encode("utf-8", "surrogateescape")

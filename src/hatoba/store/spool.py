"""Letters at rest: to row and back.

Called by queue (load at refill), delivery through it (content, chunks) and journal; writer uses `row` to seal.
Never writes: sealing and settling belong to writer.
Fails with BadRow naming the letter, Gone when there is none, StoreTrouble when the disk fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hatoba.model.envelope import Letter
from hatoba.store import blobs, trouble
from hatoba.store.sqlite import Reader


def load(reader: Reader, number: int, content: bool = True) -> Letter:
    """The letter; with its content unless that is a blob (letter.blob names it) or `content` is False."""


def load_many(
    reader: Reader, numbers: Sequence[int], content: bool = True
) -> tuple[dict[int, Letter], list[trouble.StoreTrouble]]:
    """The same for many in few statements: letters by id, and a BadRow or Gone for each that cannot be had."""


def chunks(folder: blobs.Folder, letter: Letter, size: int = 256 * 1024) -> Iterator[bytes]:
    """The content in pieces: of letter.content if there, else of the blob's file. Reads the disk: in a thread."""


def content(folder: blobs.Folder, letter: Letter) -> bytes:
    """The whole content of a letter that has it in memory or in a blob."""


def count(reader: Reader) -> int:
    """How many letters are in the shard."""

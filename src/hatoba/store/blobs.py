"""Bodies too large for the database: one file each, written as the body arrives.

Drafts are made by who takes the body in and finished by writer before the commit that names them; spool reads.
Never leaves a name in the database without a synced file behind it; orphans (no row) go when the shard is opened.
Fails with StoreTrouble when the disk does.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


class Draft:
    """A body being written. `size` is what was appended so far; `name` what letter.blob will say."""

    size: int
    name: str

    def append(self, data: bytes) -> None:
        """Writes to the page cache (no fsync; ~0.3 ms a MiB). StoreTrouble when the disk is full: then discard()."""

    def discard(self) -> None:
        """Removes the file; harmless when it was finished or discarded before."""


class Folder:
    """DATA/blobs/NNNN: the large bodies of one shard. `shard.blobs`."""

    def draft(self, number: int) -> Draft:
        """Starts the body of letter `number` (its id)."""

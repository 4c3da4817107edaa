"""Transfer: the form in which a node travels between engines: JSON lines, described in docs/export-format.md.

Spoken by export (writes) and fill (reads); backup of a server holds it, too.
Never touches a database or a file: it makes lines and reads them.
Fails with BadExport on lines that are none of ours.
"""

from __future__ import annotations

import binascii
import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import LargeBinary, Table

from hatoba.store import tables, trouble

FORMAT, VERSION = "hatoba-export", 1
PIECE = 256 * 1024  # octets of a large body in one line
INLINE = 1024 * 1024  # a body above it comes in pieces, wherever it is kept
LONGEST = 256 * 1024 * 1024  # octets of a line: store.inline may be 64 MiB, which base64 makes 86

# What travels, in this order. The row `shard` stays: it is the lease, and belongs to the place.
# `change` only counts, `policy` is a cache.
DIRECTORY = {
    str(table.name): table
    for table in (
        tables.domain, tables.account, tables.allowance, tables.app_password, tables.login, tables.dkim_key,
        tables.alias, tables.listing, tables.greylist, tables.tally, tables.report, tables.admin, tables.head,
    )
}  # fmt: skip
SHARD = {
    str(table.name): table
    for table in (
        tables.lane, tables.letter, tables.recipient, tables.event, tables.link, tables.word, tables.content,
        tables.cursor,
    )
}  # fmt: skip
ALL = DIRECTORY | SHARD


class BadExport(trouble.StoreTrouble):
    """The file is no export, is damaged, was cut off, or is not one that this program can read."""


class Header(msgspec.Struct):
    """The first line. `at` in ms; `tables` names the columns in their order; `shards` are the numbers that follow."""

    hatoba: str
    at: int
    directory: str  # revisions
    shard: str
    shards: list[int]
    tables: dict[str, list[str]]
    format: str = FORMAT
    version: int = VERSION


class End(msgspec.Struct):
    """The last line. `lines` and `sha256` are of everything before it; `counts` are rows by table, over all shards."""

    lines: int
    sha256: str
    counts: dict[str, int]


def columns(table: Table) -> list[str]:
    return [str(column.name) for column in table.columns]


def header(version: str, at: int, shards: list[int]) -> Header:
    """The header of an export by this program."""
    named = {name: columns(table) for name, table in ALL.items()}
    return Header(version, at, tables.DIRECTORY_REVISION, tables.SHARD_REVISION, shards, named)


_encode = msgspec.json.Encoder().encode


class Lines:
    """Makes lines and gives them to `out`, counting and hashing what goes by."""

    def __init__(self, out: Callable[[bytes], object]) -> None:
        self._out = out
        self._digest = hashlib.sha256()
        self._lines = 0
        self.counts = dict.fromkeys(ALL, 0)

    def put(self, *values: object) -> None:
        """An array: a word and what it stands for."""
        self._write(_encode(values))

    def row(self, table: str, values: Sequence[Any]) -> None:
        """A row of the table of that name."""
        self.counts[table] += 1
        self._write(_encode((table, *values)))

    def start(self, header: Header) -> None:
        self._write(_encode(header))

    def end(self) -> None:
        self._out(_encode(End(self._lines, self._digest.hexdigest(), self.counts)) + b"\n")

    def _write(self, text: bytes) -> None:
        line = text + b"\n"
        self._digest.update(line)
        self._lines += 1
        self._out(line)


_header = msgspec.json.Decoder(Header).decode
_array = msgspec.json.Decoder(list[Any]).decode
_end = msgspec.json.Decoder(End).decode
_BINARY = {
    name: [index for index, column in enumerate(table.columns) if isinstance(column.type, LargeBinary)]
    for name, table in ALL.items()
}


class Reading:
    """Reads the lines of an export; `header` first, then `rows`, which ends only where the export does."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self._digest = hashlib.sha256()
        self._count = 0
        self._counts = dict.fromkeys(ALL, 0)
        self.header = self._start()

    def _start(self) -> Header:
        first = next(self._lines, b"")
        try:
            found = _header(first)
        except msgspec.DecodeError as error:
            raise BadExport(f"this is no export of hatoba: {error}") from error
        if found.format != FORMAT or found.version > VERSION:
            raise BadExport(f"this is {found.format} {found.version}; this program reads {FORMAT} up to {VERSION}")
        wanted = header("", 0, [])
        if (found.directory, found.shard) != (wanted.directory, wanted.shard) or found.tables != wanted.tables:
            raise BadExport(
                f"the export was made at revision {found.shard} of the shards and {found.directory} of the directory,"
                f" this program is at {wanted.shard} and {wanted.directory}: import it with hatoba {found.hatoba} and"
                " upgrade then, or upgrade before the export"
            )
        if any(not 0 <= number < 1024 for number in found.shards):
            raise BadExport(f"the export names shards that cannot be: {found.shards}")
        self._seen(first)
        return found

    def rows(self) -> Iterator[tuple[str, list[Any]]]:
        """(word, values); the columns that are octets are octets again. BadExport at the first thing that is wrong."""
        for line in self._lines:
            if line.startswith(b"{"):
                self._check_end(line)
                return
            try:
                word, *values = _array(line)
                if word in ALL:
                    self._counts[word] += 1
                    for index in _BINARY[word]:
                        if values[index] is not None:
                            values[index] = binascii.a2b_base64(values[index], strict_mode=True)
                    if len(values) != len(ALL[word].columns):
                        raise ValueError(f"{len(values)} columns of {word}")
            except (msgspec.DecodeError, ValueError, TypeError, IndexError) as error:
                raise BadExport(f"line {self._count + 1} cannot be read: {error}") from error
            self._seen(line)
            yield word, values
        raise BadExport(f"the export was cut off after line {self._count}")

    def _seen(self, line: bytes) -> None:
        self._digest.update(line)
        self._count += 1

    def _check_end(self, line: bytes) -> None:
        try:
            end = _end(line)
        except msgspec.DecodeError as error:
            raise BadExport(f"line {self._count + 1} cannot be read: {error}") from error
        if (end.lines, end.sha256, end.counts) != (self._count, self._digest.hexdigest(), self._counts):
            raise BadExport("the export is damaged: its hash is not the one in its last line")
        if next(self._lines, b""):
            raise BadExport("there are lines behind the last one: two files were joined")

"""Aside: what is large once unpacked is read in a process of its own, below all others, with a bound on what it takes.

Called by inbox in a thread; `python -m hatoba.reports.aside` is that process.
Never lets a stranger's report slow down the letters of the worker: XML of megabytes takes seconds of Python.
Fails with reading.Unreadable, also when the process took too long or too much.
"""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain

import msgspec

from hatoba.message import unpack
from hatoba.reports import reading
from hatoba.store.rows import ReportRow

LIGHT = 512 << 10  # octets, unpacked, up to which a report is read on the spot: 0.1 s of CPU
PATIENCE = 60.0  # seconds for one report
_CPU = 30  # seconds of it that may be spent
_MEMORY = 1 << 30  # octets of address space


class _Asked(msgspec.Struct, frozen=True):
    """The first line of what the process is given; the octets follow."""

    now: int
    most: int


class _Said(msgspec.Struct, frozen=True):
    rows: list[ReportRow] = []
    error: str = ""


def read(octets: bytes, now: int, *, most: int) -> list[ReportRow]:
    """As reading.read."""
    if not _heavy(octets, most):
        return reading.read(octets, now, most=most)
    given = msgspec.json.encode(_Asked(now, most)) + b"\n" + octets
    command = [sys.executable, "-m", "hatoba.reports.aside"]
    try:
        done = subprocess.run(command, input=given, capture_output=True, timeout=PATIENCE, check=False)
        said = msgspec.json.decode(done.stdout, type=_Said)
    except subprocess.TimeoutExpired:
        raise reading.Unreadable(f"it was not read within {PATIENCE:g} s") from None
    except msgspec.MsgspecError:
        raise reading.Unreadable(f"it takes too much to be read (its reader ended with {done.returncode})") from None
    if said.error:
        raise reading.Unreadable(said.error)
    return said.rows


def _heavy(octets: bytes, most: int) -> bool:
    """Whether the documents in it come to more than LIGHT; what cannot be unpacked is no trouble to read."""
    total = 0
    try:
        for document in _documents(octets, most):
            total += len(document)
            if total > LIGHT:
                return True
    except unpack.BadPack:
        return False
    return False


def _documents(octets: bytes, most: int) -> Iterator[bytes]:
    return chain(unpack.documents(octets, b"<", most=most), unpack.documents(octets, b"{", most=most))


def main() -> int:
    """The process: one report from standard input, what it says to standard output."""
    os.nice(15)
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU, _CPU))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    line, _, octets = sys.stdin.buffer.read().partition(b"\n")
    asked = msgspec.json.decode(line, type=_Asked)
    try:
        said = _Said(reading.read(octets, asked.now, most=asked.most))
    except reading.Unreadable as error:
        said = _Said(error=str(error))
    sys.stdout.buffer.write(msgspec.json.encode(said))
    return 0


if __name__ == "__main__":
    sys.exit(main())

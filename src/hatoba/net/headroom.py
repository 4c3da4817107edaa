"""Headroom: is there disk and memory left to take another letter?

Called by doors before they take a connection or a letter; looks at most once a second, when asked.
Never frees anything and never starts a timer.
Fails never: what cannot be read counts as enough, so that a missing /proc does not stop the mail.
"""

from __future__ import annotations

import os
from pathlib import Path

from hatoba.net.settings import Headroom as Settings

_EVERY = 1000  # ms between two looks
_CGROUP = Path("/sys/fs/cgroup")


class Headroom:
    """`path` is a folder on the disk that must have room. `now` is ms since 1970."""

    def __init__(
        self, path: str | Path, settings: Settings, *, meminfo: Path = Path("/proc/meminfo"), cgroup: Path = _CGROUP
    ) -> None:
        self._path = path
        self._settings = settings
        self._meminfo = meminfo
        self._cgroup = cgroup
        self._next = 0
        self._said = ""

    def short(self, now: int) -> str:
        """ "" when there is room, else "disk" or "memory"."""
        if now >= self._next or now < self._next - _EVERY:  # a clock may be set back
            self._next = now + _EVERY
            self._said = self._look()
        return self._said

    def forget(self) -> None:
        """The next `short` looks, whatever the time."""
        self._next = 0

    def _look(self) -> str:
        if self.disk() < self._settings.min_disk:
            return "disk"
        if self.memory() < self._settings.min_memory:
            return "memory"
        return ""

    def disk(self) -> int:
        """Free octets for an unprivileged process; no inode left counts as 0."""
        try:
            found = os.statvfs(self._path)
        except OSError:
            return 1 << 62
        if found.f_files and not found.f_favail:
            return 0
        return found.f_bavail * found.f_frsize

    def memory(self) -> int:
        """Available octets: the machine's, or what the control group leaves if that is less."""
        return min(self._machine(), self._group())

    def _machine(self) -> int:
        try:
            for line in self._meminfo.read_text().splitlines():
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
        except (OSError, ValueError, IndexError):
            pass
        return 1 << 62

    def _group(self) -> int:
        """memory.max - memory.current; page cache that can be dropped counts as free."""
        try:
            most = int((self._cgroup / "memory.max").read_text())
            used = int((self._cgroup / "memory.current").read_text())
            for line in (self._cgroup / "memory.stat").read_text().splitlines():
                if line.startswith("inactive_file "):
                    used -= int(line.split()[1])
        except (OSError, ValueError, IndexError):  # "max", or no control group
            return 1 << 62
        return most - used

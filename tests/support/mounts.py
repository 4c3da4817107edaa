"""File systems of a test's own: a small tmpfs, or a read-only view, that only the processes started in it see.

Used by the fault tests as root: `Private` keeps a mount namespace alive, `Private.under` is the command that runs a
program in it. `need` tells whether that works here.
Never mounts anything where other programs would see it.
"""

import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self


def possible() -> bool:
    """Whether this process may make mount namespaces (root in its own house)."""
    if shutil.which("unshare") is None or os.geteuid() != 0:
        return False
    tried = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False)
    return tried.returncode == 0


class Private:
    """A namespace in which `script` (sh) was run first; the process that holds it ends with this."""

    def __init__(self, script: str, *words: str) -> None:
        self._command = [
            "unshare",
            "-m",
            "--propagation",
            "private",
            "sh",
            "-ec",
            f"{script}\necho made\nexec cat",
            "sh",
        ]
        self._command += words

    def __enter__(self) -> Self:
        self._holder = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == b"made\n"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._holder.communicate(timeout=30)

    @property
    def under(self) -> list[str]:
        return ["nsenter", "-t", str(self._holder.pid), "-m", "--"]

    def run(self, *command: str) -> None:
        subprocess.run([*self.under, *command], check=True, capture_output=True)

    def copy(self, folder: Path, into: Path) -> Path:
        """What the namespace has at `folder`, copied out."""
        seen = Path(f"/proc/{self._holder.pid}/root") / folder.relative_to("/")
        return Path(shutil.copytree(seen, into, ignore=lambda _, names: [n for n in names if n.endswith(".sock")]))


SMALL = 'mount -t tmpfs -o size="$3" tmpfs "$1"\ncp -a "$2"/. "$1"'  # $1 mount point, $2 what it holds first, $3 size
READ_ONLY = 'mount --bind "$1" "$1"\nmount -o remount,bind,ro "$1"'

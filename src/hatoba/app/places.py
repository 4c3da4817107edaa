"""Where things lie below the data directory.

Called by supervisor, worker and command line. Never makes a directory by itself except through `prepare`.
"""

import contextlib
import os
import secrets
import socket
from pathlib import Path


def default_data() -> Path:
    """/var/lib/hatoba for root, else the user's own data directory (XDG)."""
    if os.geteuid() == 0:
        return Path("/var/lib/hatoba")
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "hatoba"


class Places:
    """The paths of one data directory."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.run = data / "run"
        self.tls = data / "tls"
        self.mail = data / "mail"
        self.pid = self.run / "hatoba.pid"

    def control(self, worker: int) -> Path:
        return self.run / f"worker-{worker}.sock"

    def handed(self, name: str) -> Path:
        """A file that the command line left for us in the run folder. ValueError for what lies elsewhere."""
        if Path(name).name != name or not name.startswith("explain-"):
            raise ValueError(f"{name!r} is no file of the run folder")
        return self.run / name

    def controls(self) -> list[Path]:
        return sorted(self.run.glob("worker-*.sock"), key=lambda path: (len(path.name), path.name))

    def node(self) -> str:
        """This node's name among those that share a server: drawn once, kept in the data directory."""
        path = self.data / "node"
        with contextlib.suppress(FileNotFoundError):
            return path.read_text().strip()
        name = f"{socket.gethostname().partition('.')[0]}-{secrets.token_hex(4)}"
        path.write_text(name + "\n")
        return name

    def prepare(self) -> None:
        """Makes the directories, readable by the owner alone."""
        for path in (self.data, self.run, self.tls, self.mail):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)

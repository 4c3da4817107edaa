"""A whole hatoba as its users run it: `hatoba run` as processes of its own, from a settings file in a folder.

Used by story, crash, interop and vectors tests and by the benchmark.
Never reaches into the processes: it speaks SMTP, uses the command line, sends signals, reads the data afterwards.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from tests.support.postfix import free_port

HEAD = """
hostname = "hatoba.test"
data = "{data}"
workers = {workers}

[http]
port = 0
"""


class Died(Exception):
    """hatoba ended by itself; the text is its log."""


class Node:
    """`settings` is TOML behind the head above; `{name}` in it is filled from `ports`, where 0 means a free one.

    `database` is the URL of a PostgreSQL database to live in, instead of files.
    """

    def __init__(
        self,
        folder: Path,
        settings: str,
        *,
        workers: int = 2,
        ports: Mapping[str, int] | None = None,
        database: str = "",
        **words: object,
    ) -> None:
        self.folder, self.data = folder, folder / "data"
        self.file, self.log = folder / "hatoba.toml", folder / "hatoba.log"
        self.ports = {name: port or free_port() for name, port in (ports or {}).items()}
        folder.mkdir(parents=True, exist_ok=True)
        text = (HEAD + settings).format(data=self.data, workers=workers, **self.ports, **words)
        self.file.write_text(text, encoding="utf-8")
        self.environ = {k: v for k, v in os.environ.items() if not k.startswith("HATOBA_")}
        self.environ["HATOBA_CONFIG"] = str(self.file)
        self.database = database
        if database:
            self.environ |= {"HATOBA_DATABASE_URL": database, "HATOBA_DATABASE_SHARDS": str(2 * workers)}
        self.process: subprocess.Popen[bytes] | None = None
        self.under: Sequence[str] = ()  # a command that runs it: strace, nsenter, …

    def __enter__(self) -> "Node":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.end()

    def start(self, seconds: float = 30.0) -> "Node":
        """Starts it and returns once it says that it takes mail."""
        with self.log.open("ab") as log:
            at = log.tell()
            command = [*self.under, sys.executable, "-m", "hatoba.app.cli", "run"]
            self.process = subprocess.Popen(command, env=self.environ, stdout=log, stderr=log, cwd=self.folder)
        deadline = time.monotonic() + seconds
        while b"takes mail" not in self.log.read_bytes()[at:]:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise Died(self.log.read_text(encoding="utf-8", errors="replace"))
            time.sleep(0.02)
        return self

    def workers(self) -> list[int]:
        """Process ids of the living workers."""
        assert self.process is not None
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(word) for word in path.read_text().split()]

    def end(self, seconds: float = 60.0) -> None:
        """SIGTERM, and wait; SIGKILL when that was not enough (then it raises)."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """kill -9 of the supervisor and of every worker."""
        assert self.process is not None
        victims = [*self.workers(), self.process.pid] if self.process.poll() is None else []
        for pid in victims:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait(30)
        deadline = time.monotonic() + 10
        while any(_runs(pid) for pid in victims) and time.monotonic() < deadline:
            time.sleep(0.01)

    def cli(self, *arguments: str, check: bool = True, stdin: str = "") -> str:
        """A verb of the command line; its standard output."""
        command = [sys.executable, "-m", "hatoba.app.cli", *arguments]
        done = subprocess.run(
            command, env=self.environ, input=stdin, capture_output=True, text=True, timeout=120, check=False
        )
        if check and done.returncode:
            raise AssertionError(f"hatoba {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.cli(*arguments, "--json"))

    def audit(self) -> "Audit":
        """Re-reads every shard: call it when hatoba is stopped or killed."""
        return ServerAudit(self.database) if self.database else Audit(self.data)


def _runs(pid: int) -> bool:
    """Whether it may still hold files and locks: a first thread that is a zombie leaves them to the others."""
    try:
        if len(list(Path(f"/proc/{pid}/task").iterdir())) > 1:
            return True
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Audit:
    """What the databases hold: letters by what their journal says, and those still queued."""

    def __init__(self, data: Path) -> None:
        self.faults: list[str] = []
        self.said: dict[str, set[int]] = {}  # kind of event → letters
        self.queued: set[int] = set()
        for path in sorted((data / "shards").glob("*.db")):
            with sqlite3.connect(path, isolation_level=None) as database:
                database.execute("BEGIN")  # one snapshot: a worker may still be writing
                found = database.execute("PRAGMA integrity_check").fetchall()
                if found != [("ok",)]:
                    self.faults.append(f"{path.name}: {found}")
                self.shard(path.name, lambda text: database.execute(text).fetchall())
            database.close()

    def shard(self, name: str, ask: Callable[[str], list[Any]]) -> None:
        """Takes in what one shard holds."""
        for kind, letter in ask("SELECT DISTINCT kind, letter FROM event"):
            self.said.setdefault(str(kind), set()).add(letter)
        rows = {row[0] for row in ask("SELECT DISTINCT letter FROM recipient")}
        bodies = {row[0] for row in ask("SELECT id FROM letter")}
        if rows != bodies:
            self.faults.append(f"{name}: {len(bodies)} letters, recipients of {len(rows)}")
        self.queued |= rows

    @property
    def accepted(self) -> set[int]:
        return self.said.get("accepted", set())

    @property
    def ended(self) -> set[int]:
        """Delivered, failed, expired or dropped, and not queued any more."""
        kinds = ("delivered", "failed", "expired", "dropped")
        return set().union(*(self.said.get(kind, set()) for kind in kinds)) - self.queued

    @property
    def lost(self) -> set[int]:
        """Accepted, but neither ended nor queued."""
        return self.accepted - self.ended - self.queued


class ServerAudit(Audit):
    """The same of a PostgreSQL database."""

    def __init__(self, url: str) -> None:
        super().__init__(Path())
        with psycopg.connect(url) as database:
            database.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            found = database.execute("SELECT nspname FROM pg_namespace WHERE nspname ~ '^shard_[0-9]{4}$'").fetchall()
            for (name,) in sorted(found):
                database.execute(sql.SQL("SET LOCAL search_path = {}").format(sql.Identifier(name)))
                self.shard(name, lambda text: database.execute(text.encode()).fetchall())

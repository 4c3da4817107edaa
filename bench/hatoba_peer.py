"""hatoba as the benchmark runs it: two workers, an mx listener, a relay domain, a smarthost route to the sink.

Called by bench/run.py and by bench/lanes.py. Everything is on: journal, per-recipient rows, fsync before 250.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import cpu
from tests.support import postfix

DOMAIN = "bench.test"

_SETTINGS = """
hostname = "hatoba.bench.test"
data = "{data}"
workers = {workers}

[[listener]]
kind = "mx"
address = ["127.0.0.1"]
port = {port}

[[route]]
match = "{domain}"
via = "smarthost"
host = "127.0.0.1"
port = {sink}
tls = "none"

[smtp]
connections_per_ip = 1000

[http]
port = 0

[log]
level = "warning"
"""


class Peer:
    """One running hatoba and its data."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, data: Path, environ: dict[str, str]) -> None:
        self.process, self.port, self.data, self.environ = process, port, data, environ

    def cpu(self) -> float:
        return cpu.seconds(cpu.descendants(self.process.pid))

    def verify(self, accepted: int, delivered: int) -> str:
        """Stops it, re-reads every shard: whole, and accepted = delivered + bounced + queued."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        said: dict[str, int] = {}
        queued = 0
        for path in sorted((self.data / "shards").glob("*.db")):
            with sqlite3.connect(path) as database:
                found = database.execute("PRAGMA integrity_check").fetchall()
                if found != [("ok",)]:
                    return f"{path.name}: {found}"
                for kind, count in database.execute("SELECT kind, count(DISTINCT letter) FROM event GROUP BY kind"):
                    said[kind] = said.get(kind, 0) + count
                queued += database.execute("SELECT count(DISTINCT letter) FROM recipient").fetchone()[0]
                bodies = database.execute("SELECT count(*) FROM letter").fetchone()[0]
                rows = database.execute("SELECT count(DISTINCT letter) FROM recipient").fetchone()[0]
                if bodies != rows:
                    return f"{path.name}: {bodies} letters but recipients of {rows}"
        ended = said.get("delivered", 0) + said.get("bounced", 0)
        if said.get("accepted", 0) != accepted or ended + queued != accepted:
            return f"acknowledged {accepted}, the journal says {said}, queued {queued}"
        return ""


def run(environ: dict[str, str], *arguments: str) -> str:
    """A verb of the command line; its standard output."""
    command = [sys.executable, "-m", "hatoba.app.cli", *arguments]
    return subprocess.run(command, env=environ, check=True, capture_output=True, text=True, timeout=120).stdout


@contextmanager
def start(folder: Path, sink: int, hold: bool, workers: int) -> Iterator[Peer]:
    """A fresh hatoba. `hold`: the destination's lane is held, so that letters stay as Postfix's HOLD keeps them."""
    port, data, file = postfix.free_port(), folder / "data", folder / "hatoba.toml"
    file.write_text(_SETTINGS.format(data=data, workers=workers, port=port, domain=DOMAIN, sink=sink))
    environ = {**os.environ, "HATOBA_CONFIG": str(file)}
    run(environ, "domain", "add", "--relay", DOMAIN)
    log = (folder / "hatoba.log").open("wb")
    process = subprocess.Popen([sys.executable, "-m", "hatoba.app.cli", "run"], env=environ, stdout=log, stderr=log)
    try:
        postfix.wait_for_port(port, 30)
        if hold:
            json.loads(run(environ, "queue", "hold", "--domain", DOMAIN, "--json"))
        yield Peer(process, port, data, environ)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        log.close()

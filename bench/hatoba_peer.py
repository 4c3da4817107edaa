"""hatoba as the benchmark runs it: an mx listener, a relay domain, a smarthost route to the sink; everything on.

Called by bench/run.py and bench/lanes.py. Journal, per-recipient rows, fsync before 250: nothing is switched off.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import cpu
from tests.support import pg
from tests.support.node import Node, ServerAudit

DOMAIN, SENDER = "bench.test", "example.org"

DATABASE = """
[database]
url = "{url}"
shards = 4
"""

SETTINGS = """
[log]
level = "warning"

[smtp]
connections_per_ip = 1000

[intake]
relay_networks = [{trusted}]

[[listener]]
kind = "mx"
address = ["127.0.0.1"]
port = {mx}

[[route]]
match = "bench.test"
via = "smarthost"
host = "127.0.0.1"
port = {sink}
tls = "none"
"""


class Peer:
    """One running hatoba and its data."""

    def __init__(self, node: Node, database: str, signing: bool = False) -> None:
        self.node, self.port = node, node.ports["mx"]
        self._database = database
        self._signing = signing

    def cpu(self) -> float:
        """CPU seconds of the supervisor and the workers so far, and of their database server."""
        assert self.node.process is not None
        pids = cpu.descendants(self.node.process.pid)
        return cpu.seconds(pids + (cpu.descendants(pg.pid()) if self._database else []))

    def verify(self, accepted: int, delivered: int) -> str:
        """Stops it, re-reads every shard: whole, and accepted = delivered + bounced + queued."""
        self.node.end()
        audit = ServerAudit(pg.url(self._database)) if self._database else self.node.audit()
        if audit.faults:
            return "; ".join(audit.faults)
        if len(audit.accepted) != accepted or audit.lost:
            return f"acknowledged {accepted}, journal {len(audit.accepted)}, lost {len(audit.lost)}"
        if len(audit.ended) + len(audit.queued) != accepted:
            return f"acknowledged {accepted}, ended {len(audit.ended)}, queued {len(audit.queued)}"
        if self._signing and (signed := self._signed()) != accepted:
            return f"acknowledged {accepted}, signed {signed}"
        return ""

    def _signed(self) -> int:
        """How many letters the journal says were signed."""
        count = 0
        for path in (self.node.data / "shards").glob("*.db"):
            with contextlib.closing(sqlite3.connect(path)) as database:
                said = "SELECT count(*) FROM event WHERE kind = 'accepted' AND CAST(data AS TEXT) LIKE '%\"signed\"%'"
                count += int(database.execute(said).fetchone()[0])
        return count


@contextmanager
def start(
    folder: Path, sink: int, hold: bool, workers: int, postgresql: bool = False, signing: bool = False
) -> Iterator[Peer]:
    """A fresh hatoba. `hold`: the destination's lane is held, so that letters stay as Postfix's HOLD keeps them.

    `postgresql`: with a fresh database of a server on this machine, which syncs, instead of its own files. `signing`:
    loopback is trusted, and each letter is signed with one RSA-2048 key of the sender's domain.
    """
    database = ""
    if postgresql:
        pg.durable()
        database = pg.database()
    settings = (DATABASE if database else "") + SETTINGS
    url = pg.url(database) if database else ""
    trusted = '"127.0.0.0/8"' if signing else ""
    node = Node(folder / "hatoba", settings, workers=workers, ports={"mx": 0}, sink=sink, url=url, trusted=trusted)
    node.cli("domain", "add", "--relay", DOMAIN)
    if signing:
        node.cli("dkim", "new", SENDER, "--algorithm", "rsa2048", "--now")
    with node:
        if hold:
            node.cli("queue", "hold", "--lane", f"smarthost:127.0.0.1:{sink}")
        yield Peer(node, database, signing)
    if database:
        pg.drop(database)

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

DOMAIN = "bench.test"

DATABASE = """
[database]
url = "{url}"
shards = 4
"""

PLAIN = """
[intake]
relay_networks = ["127.0.0.0/8"]  # as Postfix's mynetworks: nobody is checked
"""

AUTHENTIC = """
[dns]
servers = ["{dns}"]
"""

SETTINGS = """
[log]
level = "warning"

[smtp]
connections_per_ip = 1000

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


_VERIFIED = (
    "SELECT count(*) FROM event WHERE kind = 'accepted'"
    " AND instr(data, 'spf=pass') AND instr(data, 'dkim=pass') AND instr(data, 'dmarc=pass')"
)


_SIGNED = "SELECT count(*) FROM event WHERE kind = 'accepted' AND instr(data, '\"signed\"')"


class Peer:
    """One running hatoba and its data."""

    def __init__(self, node: Node, database: str, checked: bool, signing: bool) -> None:
        self.node, self.port = node, node.ports["mx"]
        self._database, self._checked, self._signing = database, checked, signing

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
        if self._checked and (unverified := accepted - sum(map(_verified, self.node.data.glob("shards/*.db")))):
            return f"{unverified} letters were not verified"
        if self._signing and (unsigned := accepted - sum(map(_signed, self.node.data.glob("shards/*.db")))):
            return f"{unsigned} letters were not signed"
        return ""


def _verified(path: Path) -> int:
    """The letters of a shard that passed everything."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        return int(database.execute(_VERIFIED).fetchone()[0])


def _signed(path: Path) -> int:
    """The letters of a shard that we signed."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        return int(database.execute(_SIGNED).fetchone()[0])


@contextmanager
def start(
    folder: Path,
    sink: int,
    hold: bool,
    workers: int,
    postgresql: bool = False,
    dns: str = "",
    signing: str = "",
) -> Iterator[Peer]:
    """A fresh hatoba. `hold`: the destination's lane is held, so that letters stay as Postfix's HOLD keeps them.

    `postgresql`: with a fresh database of a server on this machine, which syncs, instead of its own files. `dns`: the
    client is a stranger, and its letters are checked by SPF, DKIM and DMARC, asking there. `signing`: letters of this
    domain are signed with one RSA-2048 key.
    """
    database = ""
    if postgresql:
        pg.durable()
        database = pg.database()
    settings = (DATABASE if database else "") + (AUTHENTIC if dns else PLAIN) + SETTINGS
    url = pg.url(database) if database else ""
    node = Node(folder / "hatoba", settings, workers=workers, ports={"mx": 0}, sink=sink, url=url, dns=dns)
    node.cli("domain", "add", "--relay", DOMAIN)
    if signing:
        node.cli("dkim", "new", signing, "--algorithm", "rsa2048", "--now")
    with node:
        if hold:
            node.cli("queue", "hold", "--lane", f"smarthost:127.0.0.1:{sink}")
        yield Peer(node, database, bool(dns), bool(signing))
    if database:
        pg.drop(database)

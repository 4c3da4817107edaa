"""Several whole nodes on one PostgreSQL database, and the audit of what that database holds.

Used by the cluster tests and `make chaos`.
"""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.support import pg
from tests.support.node import Node, ServerAudit
from tests.support.pg_proxy import Proxy

SETTINGS = """
[database]
url = "{url}"
shards = {shards}
lease = "{lease}s"

[log]
level = "warning"

[dns]
servers = ["127.0.0.1:1"]  # nobody answers there

[queue]
first = "1s"
most = "2s"

[smtp]
connections_per_ip = 1000

[[listener]]
kind = "mx"
address = ["127.0.0.1"]
port = {mx}

[[route]]
match = "sink.test"
via = "smarthost"
host = "127.0.0.1"
port = {sink}
tls = "none"

[[route]]
match = "example.org"
via = "smarthost"
host = "127.0.0.1"
port = {sink}
tls = "none"
"""


class Cluster:
    """`count` nodes of `workers` each, every one with its own folder and ports; the database is dropped at the end.

    `wire`: what is between them and the server.
    """

    def __init__(
        self,
        folder: Path,
        count: int,
        sink: int,
        *,
        workers: int = 1,
        shards: int = 6,
        lease: float = 2.0,
        wire: Proxy | None = None,
    ) -> None:
        self.name = pg.database()
        self.url = pg.url(self.name)
        self.lease = lease
        self.at: list[Node] = []
        url = wire.url(quote(self.name)) if wire else self.url
        for number in range(count):
            words: dict[str, Any] = {"sink": sink, "url": url, "shards": shards, "lease": lease}
            self.at.append(Node(folder / f"node{number}", SETTINGS, workers=workers, ports={"mx": 0}, **words))
        self.at[0].cli("domain", "add", "--relay", "sink.test")

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.at:
            if node.process is not None and node.process.poll() is None:
                node.kill()
        pg.drop(self.name)

    def start(self) -> None:
        for node in self.at:
            node.start(60)

    def audit(self) -> ServerAudit:
        return ServerAudit(self.url)

    def owners(self) -> dict[int, str]:
        """Node names by shard, as `hatoba cluster status` tells them; only leases that hold."""
        for node in self.at:
            if node.process is not None and node.process.poll() is None:
                # it ends with 1 while a shard has nobody, which is what these tests bring about
                seen = json.loads(node.cli("cluster", "status", "--json", check=False))
                return {one["shard"]: one["owner"].split("/")[0] for one in seen["shards"] if one["state"] == "worked"}
        return {}

    def named(self, number: int) -> str:
        """The node's name among the members."""
        return (self.at[number].data / "node").read_text().strip()

"""A whole node with shards on two servers: one is cut, the other half goes on, nothing acknowledged is lost."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support import pg
from tests.support.cluster import SETTINGS
from tests.support.collector import Collector
from tests.support.load import Load
from tests.support.node import Node, ServerAudit
from tests.support.wait import until

SPOOL = """
[[database.spool]]
shards = "2-3"
url = "{second}"
"""

pytestmark = pytest.mark.crash


@pytest.fixture
def names() -> Iterator[list[str]]:
    made = [pg.database(), pg.database()]
    yield made
    for name in made:
        pg.drop(name)


def accepted(name: str) -> int:
    return len(ServerAudit(pg.url(name)).accepted)


@pytest.mark.long
@pytest.mark.parametrize("workers", [1, 2])
def test_one_server_is_cut_and_comes_back(tmp_path: Path, names: list[str], workers: int) -> None:
    first, second = (pg.url(name) for name in names)
    with Collector() as collector:
        words: dict[str, Any] = {"sink": collector.port, "url": first, "second": second, "shards": 4, "lease": 2}
        node = Node(tmp_path / "node", SETTINGS + SPOOL, workers=workers, ports={"mx": 0}, **words)
        node.cli("domain", "add", "--relay", "sink.test")
        with node, Load(node.ports["mx"], "bob@sink.test") as load:
            load.wait_for(200)
            until(lambda: all(accepted(name) > 20 for name in names), "letters come in through both servers")
            pg.cut(names[1])
            failed, before = load.failures, load.count()
            load.wait_for(before + 300, 60)
            until(lambda: len(collector.ids()) > before + 100, "the other half delivers")
            seen = json.loads(node.cli("cluster", "status", "--json", check=False))
            assert [one["shard"] for one in seen["shards"] if one["state"] == "unknown"] == [2, 3]
            assert list(seen["away"]) == ["1"]
            pg.mend(names[1])
            known = accepted(names[1])
            until(lambda: accepted(names[1]) > known + 20, "letters come in through the second again")
            load.stop()
            until(lambda: load.acknowledged <= collector.ids(), "every letter that was acknowledged is there")
            until(lambda: not any(ServerAudit(pg.url(name)).queued for name in names), "the queues are empty")
            sys.stdout.write(
                f"{len(load.acknowledged)} acknowledged, {load.failures - failed} transactions refused since the cut, "
                f"{collector.repeats()} letters twice\n"
            )
        for name in names:
            audit = ServerAudit(pg.url(name))
            assert audit.lost == set()
            assert audit.faults == []

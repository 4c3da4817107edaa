"""The database of a whole node is gone for a minute and back: nothing is acknowledged meanwhile, nothing is lost.

Gone in two ways: connections end and no new one is made (the server is down), and connections stand with nothing coming
through (a network that swallows packets). The node's own processes live through both.
"""

import time
from pathlib import Path

import pytest
from tests.support.cluster import Cluster
from tests.support.collector import Collector
from tests.support.load import Load
from tests.support.pg_proxy import Proxy
from tests.support.wait import until

CONNECTIONS = 20  # to one site: a letter on each may be with the peer when its outcome cannot be written


@pytest.mark.crash
@pytest.mark.parametrize("how", ["refused", "silent"])
def test_the_database_is_gone_and_back(tmp_path: Path, how: str, long: bool) -> None:
    seconds = 60.0 if long else 4.0
    with Proxy() as wire, Collector() as collector, Cluster(tmp_path, 1, collector.port, wire=wire) as cluster:
        cluster.start()
        node = cluster.at[0]
        crew = node.workers()
        with Load(node.ports["mx"], "bob@sink.test", timeout=90) as load:
            load.wait_for(200)
            codes = load.codes.copy()
            if how == "refused":
                wire.away = True
                wire.cut()
            else:
                wire.flows.clear()
            gone = time.monotonic()
            # what was committed and not yet said may still be said
            until(lambda: load.codes.total() > codes.total() or time.monotonic() - gone > seconds / 4, "it is noticed")
            before = load.count()
            until(lambda: time.monotonic() - gone > seconds, "the time is over", seconds + 10)
            meanwhile = load.count() - before
            wire.away = False
            wire.flows.set()
            back = time.monotonic()
            load.wait_for(load.count() + 100, 60)
            took = time.monotonic() - back
            load.stop()
        until(lambda: load.acknowledged <= collector.ids(), "every letter that was acknowledged is there", 60)
        until(lambda: not cluster.audit().queued, "the queue is empty", 60)
        print(  # noqa: T201  the figures of docs/reliability.md
            f"{how} for {seconds:.0f} s: {len(load.acknowledged)} acknowledged, {meanwhile} of them meanwhile, refused"
            f" {dict(load.codes)}; takes mail {took:.1f} s after it is back; {collector.repeats()} twice"
        )
        assert node.workers() == crew  # they lived through it
        node.end()
        audit = cluster.audit()
    assert meanwhile == 0
    assert set(load.codes) <= {421, 451, 452}
    assert how == "silent" or load.codes
    assert (audit.faults, audit.lost) == ([], set())
    assert collector.repeats() <= CONNECTIONS

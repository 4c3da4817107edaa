"""Several nodes on one database: they share the shards, take over from the dead, and fence who was only slow."""

import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest
from tests.cluster import chaos
from tests.support.cluster import Cluster
from tests.support.collector import Collector
from tests.support.load import Load
from tests.support.wait import until

from hatoba.kit import ids

CONNECTIONS = 20  # to one site: a letter on each may have its last octets under way when the sender is stopped

pytestmark = pytest.mark.crash


def shares(cluster: Cluster) -> list[int]:
    """How many shards each node works."""
    owners = list(cluster.owners().values())
    return [owners.count(cluster.named(number)) for number in range(len(cluster.at))]


def test_a_second_node_takes_its_share_and_gives_it_back(tmp_path: Path) -> None:
    with Collector() as collector, Cluster(tmp_path, 2, collector.port) as cluster:
        cluster.at[0].start()
        assert len(cluster.owners()) == 6
        cluster.at[1].start()
        until(lambda: shares(cluster) == [3, 3], "three shards each")
        with Load(cluster.at[1].ports["mx"], "bob@sink.test", most=50) as load:
            load.wait_for(50)
            load.stop()
        until(lambda: load.acknowledged <= collector.ids(), "all delivered")
        cluster.at[1].end()
        until(lambda: len(cluster.owners()) == 6, "the first one works them all again")
        assert cluster.audit().lost == set()
        assert collector.repeats() == 0


def test_a_killed_nodes_letters_are_delivered_by_the_other(tmp_path: Path) -> None:
    with Collector() as collector, Cluster(tmp_path, 2, collector.port) as cluster:
        cluster.start()
        until(lambda: shares(cluster) == [3, 3], "three shards each")
        with Load(cluster.at[0].ports["mx"], "bob@sink.test") as load:
            load.wait_for(300, 60)
            cluster.at[0].kill()
            killed = time.monotonic()
            flying = chaos.in_flight(cluster, collector)
            load.stop()
        until(lambda: load.acknowledged <= collector.ids(), "every letter that was acknowledged is there")
        took = time.monotonic() - killed
        sys.stdout.write(
            f"{len(load.acknowledged)} acknowledged by the dead node, all there after {took:.1f} s (lease "
            f"{cluster.lease} s), twice {collector.repeats()} of {flying} in flight\n"
        )
        assert took < cluster.lease + 30
        assert collector.repeats() <= flying
        until(lambda: not cluster.audit().queued, "the queue is empty")
        cluster.at[1].end()
        audit = cluster.audit()
        assert audit.lost == set()
        assert audit.faults == []


def test_a_node_that_was_only_slow_is_fenced(tmp_path: Path) -> None:
    """Stopped for longer than its lease, its shards go to the other; awake again it writes nothing into them."""
    with Collector() as collector, Cluster(tmp_path, 2, collector.port) as cluster:
        cluster.start()
        until(lambda: shares(cluster) == [3, 3], "three shards each")
        with Load(cluster.at[0].ports["mx"], "bob@sink.test") as load:
            load.wait_for(100, 60)
            stopped = cluster.at[0].workers()
            for pid in stopped:
                os.kill(pid, signal.SIGSTOP)
            flying = chaos.in_flight(cluster, collector) + CONNECTIONS
            other = cluster.named(1)
            until(lambda: [*cluster.owners().values()] == [other] * 6, "the other one has taken over")
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
            before = load.count()
            load.wait_for(before + 100, 60)
            load.stop()
        until(lambda: shares(cluster) == [3, 3], "it has its share again")
        until(lambda: not cluster.audit().queued, "the queue is empty")
        for node in cluster.at:
            node.end()
        audit = cluster.audit()
        known = collector.ids() | {ids.text(number) for number in audit.queued}
        assert load.acknowledged - known == set()
        assert audit.lost == set()
        assert collector.repeats() <= flying


def test_nodes_restarted_in_turn(tmp_path: Path) -> None:
    """The rolling restart: `hatoba restart` on one node after the other, under load on both."""
    with Collector() as collector, Cluster(tmp_path, 2, collector.port) as cluster:
        cluster.start()
        loads = [Load(node.ports["mx"], "bob@sink.test", threads=2, timeout=60.0) for node in cluster.at]
        with loads[0], loads[1]:
            for node in cluster.at:
                assert node.process is not None
                pid, crew = node.process.pid, node.workers()
                node.cli("restart")
                assert node.process.pid == pid
                assert set(node.workers()).isdisjoint(crew)
                for load in loads:
                    load.wait_for(load.count() + 50, 60)
            for load in loads:
                load.stop()
        acknowledged = loads[0].acknowledged | loads[1].acknowledged
        until(lambda: acknowledged <= collector.ids(), "every letter that was acknowledged is there")
        until(lambda: not cluster.audit().queued, "the queue is empty")
        for node in cluster.at:
            node.end()
        audit = cluster.audit()
    assert [load.refused for load in loads] == [[], []]
    assert (audit.faults, audit.lost) == ([], set())
    assert collector.repeats() == 0


def test_chaos(tmp_path: Path) -> None:
    """The short form of `make chaos`."""
    seed = random.randrange(1 << 30)
    sys.stdout.write(f"--seed {seed}\n")
    chance = random.Random(seed)
    toll = chaos.run(tmp_path, 3, 1500, 120, chance, lambda text: None, between=(0.5, 1.5), down=(0.5, 2.0))
    sys.stdout.write(f"{toll}\n")
    assert toll.accepted >= 200  # 1,500, or as many as a busy machine takes in two minutes
    assert toll.kills > 0
    assert toll.lost == 0
    assert toll.queued == 0
    assert toll.bounced > 0
    assert toll.twice <= toll.bound

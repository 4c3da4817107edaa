"""Orders on one node reach the shards that another works: over the bus, by NOTIFY or by looking, or the shard is
named."""

import contextlib
import json
import os
import re
import signal
import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.support.cluster import Cluster
from tests.support.collector import Collector
from tests.support.load import Load
from tests.support.node import Node
from tests.support.wait import until

from hatoba.kit import ids
from hatoba.store.server import Server
from hatoba.store.settings import Database, Settings

EACH = 5  # letters for each node

pytestmark = pytest.mark.crash


def owners_of(cluster: Cluster) -> dict[int, str]:
    """As Cluster.owners, read from the server: no command line runs for it."""
    where = Server(Path(), Settings(), Database(url=cluster.url, lease=cluster.lease))
    return {one.number: one.owner.split("/")[0] for one in where.holdings() if 0 <= one.age < cluster.lease}


def settled(cluster: Cluster) -> bool:
    """Each node works half of the shards."""
    owners = [*owners_of(cluster).values()]
    return [owners.count(cluster.named(number)) for number in range(2)] == [2, 2]


@contextlib.contextmanager
def pair(folder: Path, lease: float) -> Iterator[tuple[Cluster, Collector]]:
    """Two nodes that run, with two shards each."""
    with Collector() as collector, Cluster(folder, 2, collector.port, shards=4, lease=lease) as cluster:
        cluster.start()
        until(lambda: settled(cluster), "two shards each")
        yield cluster, collector


def letters(cluster: Cluster) -> set[str]:
    """EACH letters through each node; their ids."""
    found: set[str] = set()
    for node in cluster.at:
        with Load(node.ports["mx"], "bob@sink.test", most=EACH, threads=1) as load:
            load.wait_for(EACH)
        found |= load.acknowledged
    return found


def run(node: Node, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hatoba.app.cli", *words]
    return subprocess.run(command, env=node.environ, capture_output=True, text=True, timeout=120, check=False)


def asked(cluster: Cluster, body: dict[str, Any], seconds: int = 60) -> int:
    """A message in the table, without a NOTIFY; its number."""
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO hatoba.message SELECT 1, now, now + %s, %s"
            " FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now) AS clock",
            (seconds * 1000, json.dumps(body).encode()),
        )
    return 1


def answers(cluster: Cluster, message: int) -> list[tuple[int, Any]]:
    with psycopg.connect(cluster.url) as connection:
        rows = connection.execute(
            "SELECT shard, body FROM hatoba.answer WHERE message = %s AND body IS NOT NULL ORDER BY shard", (message,)
        ).fetchall()
    return [(shard, json.loads(body)) for shard, body in rows]


def events(cluster: Cluster, kind: str) -> list[int]:
    """The letters of all events of a kind, in every shard."""
    found = []
    with psycopg.connect(cluster.url) as connection:
        for number in range(4):
            connection.execute("SELECT set_config('search_path', %s, true)", (f"shard_{number:04d}",))
            found += [letter for (letter,) in connection.execute("SELECT letter FROM event WHERE kind = %s", (kind,))]
    return found


def test_orders_on_one_node_reach_the_shards_of_the_other(tmp_path: Path) -> None:
    with pair(tmp_path, 4.0) as (cluster, collector):
        one, two = cluster.at
        one.cli("queue", "hold", "--filter", "all", "--domain", "sink.test")
        held = letters(cluster)
        owners = owners_of(cluster)
        assert {owners[ids.part(ids.number(letter))] for letter in held} == {*map(cluster.named, (0, 1))}

        for node in (one, two):
            rows = node.json("queue", "ls")
            assert {row["id"] for row in rows} == held
            assert {row["state"] for row in rows} == {"held"}
            assert sum(row["held"] for row in node.json("queue", "summary")) == 2 * EACH
        (lane,) = {row["site"] for row in rows}
        away = next(letter for letter in sorted(held) if owners[ids.part(ids.number(letter))] == cluster.named(1))
        assert [row["state"] for row in one.json("queue", "show", away)] == ["held"]

        assert one.json("queue", "drop", away) == {"changed": 1, "under_way": 0}
        assert one.json("queue", "release", "--filter", "all")["changed"] == 2 * EACH - 1
        until(lambda: collector.ids() == held - {away}, "the others are delivered")

        one.cli("queue", "hold", "--lane", lane)
        more = letters(cluster)
        until(lambda: {row["state"] for row in two.json("queue", "ls")} == {"held"}, "the lane is held everywhere")
        assert one.json("queue", "drop", "--site", lane)["changed"] == 2 * EACH
        assert two.json("queue", "ls") == []
        assert sorted(events(cluster, "dropped")) == sorted(map(ids.number, {away, *more}))  # each of them once
        one.cli("queue", "release", "--lane", lane)
        assert collector.repeats() == 0


def test_an_order_of_which_no_notify_came_is_found_and_done_once(tmp_path: Path) -> None:
    with pair(tmp_path, 4.0) as (cluster, _):
        one = cluster.at[0]
        one.cli("queue", "hold", "--filter", "all", "--domain", "sink.test")
        held = letters(cluster)
        drop = {"verb": "queue.drop", "arguments": {"choice": {"domain": "sink.test"}, "by": "test"}}
        number = asked(cluster, drop)
        until(lambda: len(answers(cluster, number)) == 4, "every shard has seen it", 10)
        with psycopg.connect(cluster.url, autocommit=True) as connection:  # and now they are woken, twice
            connection.execute("SELECT pg_notify('hatoba', 'asked')")
            ended = connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'hatoba bus'"
            ).fetchall()
        assert len(ended) == 2  # one for each worker
        assert one.json("queue", "ls") == []
        assert sum(said["result"]["changed"] for _, said in answers(cluster, number)) == 2 * EACH
        assert sorted(events(cluster, "dropped")) == sorted(map(ids.number, held))


@pytest.mark.long
def test_shards_of_a_stopped_worker_are_named_and_spared(tmp_path: Path) -> None:
    with pair(tmp_path, 60.0) as (cluster, collector):
        one, two = cluster.at
        one.cli("queue", "hold", "--filter", "all", "--domain", "sink.test")
        held = letters(cluster)
        owners = owners_of(cluster)
        away = {letter for letter in held if owners[ids.part(ids.number(letter))] == cluster.named(1)}
        named = {number for number, owner in owners.items() if owner == cluster.named(1)}
        stopped = two.workers()
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            listed = run(one, "queue", "ls", "--wait", "1s", "--json")
            dropped = run(one, "queue", "drop", "--domain", "sink.test", "--wait", "1s", "--json")
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        for done in (listed, dropped):
            assert done.returncode == 1
            assert {int(number) for number in re.findall(r"shard (\d+):", done.stderr)} == named
            assert f"{cluster.named(1)}/0, who works it, did not begin within 1 s" in done.stderr
        assert {row["id"] for row in json.loads(listed.stdout)} == held - away
        assert json.loads(dropped.stdout)["changed"] == EACH
        # Awake again it does not do what the command said would not be done.
        assert {row["id"] for row in one.json("queue", "ls")} == away
        assert one.json("queue", "release", "--filter", "all")["changed"] == EACH
        until(lambda: collector.ids() == away, "they are delivered")


@pytest.mark.long
def test_shards_that_move_meanwhile_are_asked_at_their_next_owner(tmp_path: Path) -> None:
    with pair(tmp_path, 4.0) as (cluster, _):
        one, two = cluster.at
        one.cli("queue", "hold", "--filter", "all", "--domain", "sink.test")
        held = letters(cluster)
        two.kill()  # its leases go on for up to 4 s
        assert one.json("queue", "drop", "--all", "--wait", "60s")["changed"] == 2 * EACH
        assert sorted(events(cluster, "dropped")) == sorted(map(ids.number, held))


@pytest.mark.long
def test_shards_that_nobody_works_are_asked_by_the_command_line(tmp_path: Path) -> None:
    with pair(tmp_path, 4.0) as (cluster, _):
        one, two = cluster.at
        one.cli("queue", "hold", "--filter", "all", "--domain", "sink.test")
        held = letters(cluster)
        two.end()
        until(lambda: [*owners_of(cluster).values()] == [cluster.named(0)] * 4, "the first one works them all")
        assert {row["id"] for row in one.json("queue", "ls")} == held
        one.end()
        assert {row["id"] for row in two.json("queue", "ls")} == held
        assert two.json("queue", "drop", "--all")["changed"] == 2 * EACH
        one.start()  # each shard was given back
        until(lambda: len(owners_of(cluster)) == 4, "they are worked again")
        assert one.json("queue", "ls") == []


def test_a_domain_of_one_node_is_the_others_at_once(tmp_path: Path) -> None:
    with pair(tmp_path, 4.0) as (cluster, _):
        one, two = cluster.at
        with smtplib.SMTP("127.0.0.1", two.ports["mx"], "client.test", timeout=30) as client:
            client.ehlo()
            client.mail("alice@example.org")
            assert client.rcpt("bob@new.test")[0] == 550
            one.cli("domain", "add", "--relay", "new.test")
            assert client.rcpt("bob@new.test")[0] == 250
            one.cli("domain", "remove", "new.test")
            removed = time.monotonic()
            until(lambda: client.rcpt("carol@new.test")[0] != 250, "it is gone there, too", 5)
            sys.stdout.write(f"a removed domain was gone on the other node {time.monotonic() - removed:.3f} s later\n")

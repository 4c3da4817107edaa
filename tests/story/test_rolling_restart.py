"""hatoba restart under load: new program and settings in the same process, no connect refused, every letter once."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support import post
from tests.support.collector import Collector
from tests.support.load import Load
from tests.support.node import Node
from tests.support.town import Town
from tests.support.wait import until

SETTINGS = """
[log]
level = "info"

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
"""


@contextmanager
def sinking(folder: Path, collector: Collector) -> Iterator[Node]:
    """A node of two workers that passes everything for sink.test on."""
    node = Node(folder, SETTINGS, ports={"mx": 0}, sink=collector.port)
    node.cli("domain", "add", "--relay", "sink.test")
    with node:
        yield node


def change(node: Node, old: str, new: str) -> None:
    text = node.file.read_text()
    assert old in text
    node.file.write_text(text.replace(old, new))


def restart(node: Node) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hatoba.app.cli", "restart"]
    return subprocess.run(command, env=node.environ, capture_output=True, text=True, timeout=120, check=False)


def log(node: Node) -> str:
    return node.log.read_text(encoding="utf-8", errors="replace")


def test_three_restarts_under_load(tmp_path: Path) -> None:
    """Two workers, then three, then one: nobody who waits for a worker that is no more is cut."""
    with Collector() as collector, sinking(tmp_path, collector) as node:
        assert node.process is not None
        pid, crews = node.process.pid, [set(node.workers())]
        with Load(node.ports["mx"], "bob@sink.test", timeout=60.0) as load:
            load.wait_for(100)
            for before, after in ((2, 3), (3, 1), (1, 2)):
                change(node, f"workers = {before}\n", f"workers = {after}\n")
                node.cli("restart")
                assert len(node.workers()) == after
                crews.append(set(node.workers()))
                load.wait_for(load.count() + 100)
            load.stop()
        until(lambda: load.acknowledged <= collector.ids(), "every letter that was acknowledged is there")
        until(lambda: node.json("queue", "ls") == [], "an empty queue", every=0.3)
        assert node.process.pid == pid
        assert (tmp_path / "data" / "run" / "hatoba.pid").read_text() == f"{pid}\n"
        node.end()
        audit = node.audit()
    sys.stdout.write(f"{len(load.acknowledged)} letters, {load.failures} sessions ended, {len(load.refused)} refused\n")
    assert load.refused == []
    assert len(set.union(*crews)) == 2 + 3 + 1 + 2
    assert (audit.faults, audit.lost, audit.queued) == ([], set(), set())
    assert collector.repeats() == 0


def test_bad_settings_are_refused_and_nothing_stops(tmp_path: Path) -> None:
    with Collector() as collector, sinking(tmp_path, collector) as node, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        good, crew = node.file.read_text(), node.workers()
        listener = f'\n[[listener]]\nkind = "mx"\naddress = ["127.0.0.1"]\nport = {taken.getsockname()[1]}\n'
        bad = {
            "listener[1]": good + listener,
            "no network": good + '\n[intake]\nrelay_networks = ["nowhere"]\n',
        }
        with Load(node.ports["mx"], "bob@sink.test", threads=2) as load:
            for problem, text in bad.items():
                node.file.write_text(text)
                done = restart(node)
                assert (done.returncode, problem in done.stderr) == (1, True), done.stderr
                assert problem in log(node).rpartition("restart refused")[2]
            load.wait_for(load.count() + 20)
            node.file.write_text("this is no TOML\n")
            assert node.process is not None
            said = log(node).count("restart refused")
            node.process.send_signal(signal.SIGUSR2)
            until(lambda: log(node).count("restart refused") > said, "the refusal in the log")
            load.wait_for(load.count() + 20)
            load.stop()
        assert node.workers() == crew
        assert (load.failures, load.refused) == (0, [])
        node.file.write_text(good)


@pytest.mark.long
@pytest.mark.parametrize("gone", [False, True])
def test_listeners_come_and_go(tmp_path: Path, gone: bool) -> None:
    """A new one takes mail after the restart; one that vanished is refused."""
    with Collector() as collector, sinking(tmp_path, collector) as node, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        if gone:
            change(node, f"port = {node.ports['mx']}\n", f"port = {port}\n")
        else:
            node.file.write_text(
                f'{node.file.read_text()}\n[[listener]]\nkind = "mx"\naddress = ["127.0.0.1"]\nport = {port}\n'
            )
        node.cli("restart")
        with post.dial(port) as client:
            assert client.noop()[0] == 250
        if gone:
            with pytest.raises(ConnectionRefusedError):
                post.dial(node.ports["mx"])
        else:
            post.dial(node.ports["mx"]).quit()


def test_settings_that_wait_for_a_start_take_effect(tmp_path: Path) -> None:
    with Town(tmp_path) as town:
        change(town.node, 'hostname = "hatoba.test"', 'hostname = "renamed.test"')
        with socket.create_connection(("127.0.0.1", town.mx), 10) as standing:
            lines = standing.makefile("rb")
            assert b"hatoba.test" in lines.readline()
            done = restart(town.node)
            assert done.returncode == 0, done.stderr
            assert lines.readline().startswith(b"421 ")
        with socket.create_connection(("127.0.0.1", town.mx), 10) as fresh:
            assert b"renamed.test" in fresh.makefile("rb").readline()


def test_nobody_to_restart(tmp_path: Path) -> None:
    node = Node(tmp_path, "")
    done = restart(node)
    assert done.returncode == 1
    assert "does not run" in done.stderr

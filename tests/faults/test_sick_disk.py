"""Disks that fail under a running node, one way after the other: nothing is acknowledged that is not kept.

EIO on fsync, EIO, ENOSPC and EROFS on writing are made by strace for a while in the real worker (no shim of ours is in
between); a real full disk is a small tmpfs; a disk that is read-only from the start is a read-only bind mount. Where
the test may not mount, the worker's file size is limited and the folder's mode taken away instead.
"""

import random
import resource
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.support import mounts, syscalls
from tests.support.collector import Collector
from tests.support.node import Died, Node
from tests.support.wait import until
from tests.support.witness import SETTINGS, Account, Sender, settle

FAULTS = {
    "EIO on fsync": ["fdatasync,fsync:error=EIO"],
    "EIO on every seventh fsync": ["fdatasync:error=EIO:when=1+7", "fsync:error=EIO:when=2+7"],
    "EIO on write": ["pwrite64:error=EIO"],
    "ENOSPC on write": ["pwrite64:error=ENOSPC"],
    "read-only": ["pwrite64,ftruncate,rename,unlink,mkdir:error=EROFS"],
}


def judged(account: Account, sender: Sender, collector: Collector, what: str, repeats: int) -> None:
    """Every 250 is accounted for."""
    lost = account.missing(sender.acknowledged, collector.ids().__contains__)
    print(  # noqa: T201  the figures of docs/reliability.md
        f"{what}: {len(sender.acknowledged)} acknowledged, refused {dict(sorted(sender.codes.items()))},"
        f" {len(lost)} lost, {repeats} twice"
    )
    assert (lost, account.faults) == ([], [])


@pytest.mark.crash
def test_every_way_to_fail(tmp_path: Path, chance: random.Random) -> None:
    syscalls.need()
    with Collector() as collector:
        node = Node(tmp_path, SETTINGS, workers=1, ports={"mx": 0}, sink=collector.port)
        settle(node)
        with node, Sender(node.ports["mx"], chance) as sender:
            worker = node.workers()[0]
            for n, (what, told) in enumerate(FAULTS.items()):
                sender.taken(15)
                with syscalls.Sick(worker, told, tmp_path / f"sick-{n}") as sick:
                    sender.turned_away(5)
                    ill = sender.count()
                    sender.turned_away(10)
                    assert what.startswith("EIO on every") or sender.count() == ill, f"a 250 under {what}"
                    assert sick.made()
            sender.taken(15)
            assert node.workers() == [worker]  # it lived through all of it
            node.kill()
        assert set(sender.codes) <= {451, 452}
        judged(Account(node.data), sender, collector, f"{len(FAULTS)} faults, then kill -9", collector.repeats())


@contextmanager
def small_disk(node: Node, folder: Path) -> Iterator["tuple[ExitStack, Path]"]:
    """The node's data on a disk of some megabytes; closing the stack makes it large. Yields where the data is found."""
    if not mounts.possible():
        yield ExitStack(), node.data
        return
    first = folder / "first"
    node.data.rename(first)
    node.data.mkdir()
    with mounts.Private(mounts.SMALL, str(node.data), str(first), "6m") as private:
        node.under = private.under
        larger = ExitStack()
        larger.callback(private.run, "mount", "-o", "remount,size=256m", str(node.data))
        out = folder / "out"
        yield larger, out
        private.copy(node.data, out)


@pytest.mark.crash
def test_a_full_disk(tmp_path: Path, chance: random.Random) -> None:
    with Collector() as collector, ExitStack() as all_:
        node = Node(tmp_path / "node", SETTINGS, workers=1, ports={"mx": 0}, sink=collector.port)
        settle(node)
        with small_disk(node, tmp_path) as (larger, data):
            all_.enter_context(node)
            worker = node.workers()[0]
            limited = data == node.data
            if limited:
                unlimited = resource.prlimit(worker, resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
                larger.callback(resource.prlimit, worker, resource.RLIMIT_FSIZE, unlimited)
            with Sender(node.ports["mx"], chance, away=4) as sender:
                sender.turned_away(20)
                larger.close()
                sender.taken(30)
                assert node.workers() == [worker]
                node.kill()
        assert set(sender.codes) <= {451, 452}
        judged(Account(data), sender, collector, "a full disk, then room, then kill -9", collector.repeats())


@contextmanager
def read_only(node: Node) -> Iterator[None]:
    if mounts.possible():
        with mounts.Private(mounts.READ_ONLY, str(node.data)) as private:
            node.under = private.under
            yield
        node.under = ()
        return
    modes = {path: path.stat().st_mode for path in (node.data, *node.data.rglob("*"))}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    yield
    for path, mode in modes.items():
        path.chmod(mode)


@pytest.mark.crash
def test_a_read_only_disk_at_the_start(tmp_path: Path, chance: random.Random) -> None:
    with Collector() as collector:
        node = Node(tmp_path, SETTINGS, workers=1, ports={"mx": 0}, sink=collector.port)
        settle(node)
        with node, Sender(node.ports["mx"], chance, most=60, away=9) as sender:
            sender.wait()
            node.kill()
        before = {path.name: path.read_bytes() for path in (node.data / "shards").glob("*.db*")}
        with read_only(node), pytest.raises(Died) as died:
            node.start()
        assert "ead-only" in str(died.value) or "ermission denied" in str(died.value)
        assert str(node.data) in str(died.value)
        assert {path.name: path.read_bytes() for path in (node.data / "shards").glob("*.db*")} == before
        with node:  # and when it may write again, it goes on
            until(lambda: len(collector.ids()) >= 1, "a delivery")
        judged(Account(node.data), sender, collector, "read-only at the start", collector.repeats())

"""Shared counters over several columns, token bucket, headroom, listening sockets, PROXY networks."""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.net import listen, preamble
from hatoba.net.headroom import Headroom
from hatoba.net.limits import SLIDES, SharedCounters, TokenBucket
from hatoba.net.settings import Headroom as HeadroomSettings

NOW = 1_700_000_000_000


@pytest.fixture
def columns() -> Iterator[list[SharedCounters]]:
    made = [SharedCounters.create(3)]
    made += [SharedCounters.attach(made[0].fd, worker) for worker in (1, 2)]
    yield made
    for one in made:
        one.close()
    os.close(made[0].fd)


def test_a_limit_holds_over_workers(columns: list[SharedCounters]) -> None:
    one, two, three = columns
    assert [one.take("k", 3), two.take("k", 3), three.take("k", 3), one.take("k", 3)] == [True, True, True, False]
    assert {column.count("k") for column in columns} == {3}
    two.give("k")
    assert one.take("k", 3)
    assert one.count("other") == 0
    three.give("other")  # never below nothing
    assert one.count("other") == 0


def test_a_dead_worker_is_forgotten(columns: list[SharedCounters]) -> None:
    one, two, _ = columns
    for _ in range(4):
        two.take("k", 100)
    two.hit("k", 60, NOW)
    one.take("k", 100)
    one.clear_column(1)
    assert one.count("k") == 1
    assert one.hits("k", 60, NOW) == 0


def test_hits_count_in_their_window_only(columns: list[SharedCounters]) -> None:
    one, two, _ = columns
    start = NOW // 60_000 * 60_000
    assert one.hit("k", 60, start) == 1
    assert two.hit("k", 60, start + 59_999) == 2
    assert one.hit("k", 60, start + 30_000, times=5) == 7
    assert one.hits("k", 60, start) == 7
    assert one.hits("k", 60, start + 60_000) == 0
    assert one.hit("k", 60, start + 60_000) == 1
    assert one.count("k") == 0  # held things are counted elsewhere


def test_other_processes_hash_alike() -> None:
    counters = SharedCounters.create(2)
    counters.take("key", 5)
    child = os.fork()
    if not child:
        seen = SharedCounters.attach(counters.fd, 1)
        seen.take("key", 5)
        os._exit(0 if seen.count("key") == 2 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert counters.count("key") == 2
    fd = counters.fd
    with pytest.raises(ValueError, match="no counters with a column 2"):
        SharedCounters.attach(fd, 2)
    counters.close()
    os.close(fd)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40), st.booleans()), max_size=200))
def test_counts_are_never_too_low(moves: list[tuple[int, int, bool]]) -> None:
    made = [SharedCounters.create(3)]
    made += [SharedCounters.attach(made[0].fd, worker) for worker in (1, 2)]
    held: dict[tuple[int, int], int] = {}
    for worker, key, takes in moves:
        if takes:
            assert made[worker].take(str(key), 1000)
            held[worker, key] = held.get((worker, key), 0) + 1
        elif held.get((worker, key)):
            made[worker].give(str(key))
            held[worker, key] -= 1
    for key in range(41):
        assert made[0].count(str(key)) >= sum(held.get((worker, key), 0) for worker in range(3))
    for one in made:
        one.close()
    os.close(made[0].fd)


def test_a_token_bucket_lets_a_burst_and_then_a_rate_through() -> None:
    bucket = TokenBucket(rate=10, burst=3)
    assert [bucket.take(NOW) for _ in range(4)] == [0.0, 0.0, 0.0, 100.0]
    assert bucket.take(NOW + 99) == 1.0
    assert bucket.take(NOW + 100) == 0.0
    assert bucket.take(NOW + 100) == 100.0
    assert [bucket.take(NOW + 10_000) for _ in range(4)][:3] == [0.0, 0.0, 0.0]


def test_headroom_looks_once_a_second_and_at_the_control_group(tmp_path: Path) -> None:
    meminfo, group = tmp_path / "meminfo", tmp_path / "group"
    group.mkdir()
    meminfo.write_text("MemTotal: 9 kB\nMemAvailable: 1000 kB\n")
    headroom = Headroom(tmp_path, HeadroomSettings(min_disk=0, min_memory=900_000), meminfo=meminfo, cgroup=group)
    assert headroom.short(NOW) == ""
    meminfo.write_text("MemAvailable: 10 kB\n")
    assert headroom.short(NOW + 999) == ""
    assert headroom.short(NOW + 1000) == "memory"
    meminfo.write_text("MemAvailable: 1000 kB\n")
    (group / "memory.max").write_text("1000000\n")
    (group / "memory.current").write_text("900000\n")
    (group / "memory.stat").write_text("anon 1\ninactive_file 850000\n")
    assert headroom.short(NOW + 2000) == ""
    (group / "memory.stat").write_text("inactive_file 0\n")
    assert headroom.short(NOW - 5000) == "memory"  # the clock was set back
    (group / "memory.max").write_text("max\n")
    headroom.forget()
    assert headroom.short(NOW) == ""
    full = Headroom(tmp_path, HeadroomSettings(min_disk=1 << 61, min_memory=0), meminfo=meminfo, cgroup=group)
    assert full.short(NOW) == "disk"
    nowhere = Headroom(tmp_path / "none", HeadroomSettings(), meminfo=tmp_path / "none", cgroup=tmp_path / "none")
    assert nowhere.short(NOW) == ""


def test_sockets_are_bound_shared_inherited_and_passed() -> None:
    one = listen.bind("127.0.0.1", 0, reuse_port=True)
    port = one.getsockname()[1]
    two = listen.bind("127.0.0.1", port, reuse_port=True)
    with pytest.raises(OSError, match=rf"127\.0\.0\.1:{port}"):
        listen.bind("127.0.0.1", port)
    six = listen.bind("::1", port)  # the same port, the other version
    again = listen.inherited(os.dup(one.fileno()))
    assert again.getsockname() == one.getsockname()
    assert not again.getblocking()
    for sock in (one, two, six, again):
        sock.close()
    assert listen.passed({"LISTEN_PID": "1", "LISTEN_FDS": "1"}, 2) == []
    assert listen.passed({"LISTEN_PID": "2", "LISTEN_FDS": "0"}, 2) == []


def test_systemd_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not listen.notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "none"))
    assert not listen.notify("READY=1")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        assert listen.notify("READY=1")
        assert systemd.recv(100) == b"READY=1"


def test_proxies_are_networks() -> None:
    proxies = preamble.Proxies(("192.0.2.0/24", "2001:db8::/32", "198.51.100.7"))
    trusted = ["192.0.2.9", "2001:db8:1::1", "198.51.100.7"]
    assert [proxies.trust(ip) for ip in (*trusted, "198.51.100.8", "::1", "")] == [True] * 3 + [False] * 3
    with pytest.raises(ValueError, match="192"):
        preamble.Proxies(("192.0.2.9/24",))


def test_threads_do_not_lose_held_counts(columns: list[SharedCounters]) -> None:
    """Each column has one writer; readers beside it see whole numbers."""
    seen: list[int] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            seen.append(columns[1].count("k"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(2000):
        columns[0].take("k", 10_000)
    done.set()
    watcher.join()
    assert columns[1].count("k") == 2000
    assert all(0 <= count <= 2000 for count in seen)


def test_a_sliding_window_counts_over_workers(columns: list[SharedCounters]) -> None:
    one, two, _ = columns
    start = NOW // 60_000 * 60_000
    one.slide("k", 60, start, times=3)
    two.slide("k", 60, start + 59_999)
    assert one.slid("k", 60, start + 30_000) == (4, 0, 0.5)
    assert one.slid("other", 60, start)[:2] == (0, 0)
    two.slide("k", 60, start + 60_000)
    assert two.slid("k", 60, start + 75_000) == (1, 4, 0.75)
    assert two.slid("k", 60, start + 120_000) == (0, 1, 1.0)
    assert two.slid("k", 60, start + 180_000)[:2] == (0, 0)


def test_windows_that_slide_do_not_mix_by_length(columns: list[SharedCounters]) -> None:
    one, _, _ = columns
    for window in SLIDES:
        one.slide("k", window, NOW, times=window)
    assert [one.slid("k", window, NOW)[0] for window in SLIDES] == list(SLIDES)


def test_what_slid_survives_its_worker_and_another_number_of_workers() -> None:
    old = SharedCounters.create(3)
    SharedCounters.attach(old.fd, 2).slide("k", 3600, NOW, times=5)
    fd = os.dup(old.fd)
    old.close()
    new = SharedCounters.carried(fd, 2)
    assert new.slid("k", 3600, NOW)[0] == 5
    new.close()
    os.close(new.fd)
    os.close(old.fd)


def test_thirty_thousand_senders_in_an_hour_are_told_apart(columns: list[SharedCounters]) -> None:
    """A count is too high by chance only, and by little."""
    one, _, _ = columns
    for number in range(30_000):
        one.slide(f"sender {number}", 3600, NOW)
    counts = [one.slid(f"sender {number}", 3600, NOW)[0] for number in range(0, 30_000, 100)]
    assert min(counts) == 1
    assert sum(counts) / len(counts) < 2.0
    assert max(counts) < 10

"""The same for a real node: its processes read a clock that is a day off, and off again, while a host is away.

time.time and time.time_ns of the node's processes are shifted by a sitecustomize of the test's own (the offset is the
time stamp of a file): Debian has no libfaketime in its base, `unshare -T` shifts only the monotonic clocks, and the
machine's own clock is not ours to set. SQLite and the event loop ask for no wall clock.
"""

import os
import time
from collections import Counter
from pathlib import Path

import pytest
from tests.support.town import Town
from tests.support.wait import until

DAY, LETTERS = 86_400, 20
SHIFT = """
import os, time

_seconds, _nanoseconds, _file = time.time, time.time_ns, {file!r}
time.time = lambda: _seconds() + os.stat(_file).st_mtime_ns / 1e9 - {zero}
time.time_ns = lambda: _nanoseconds() + os.stat(_file).st_mtime_ns - {zero} * 10**9
"""
ZERO = 1_000_000_000  # the stamp that means "right"


def test_letters_for_a_host_that_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stamp = tmp_path / "stamp"
    stamp.touch()
    os.utime(stamp, (ZERO, ZERO))
    (tmp_path / "sitecustomize.py").write_text(SHIFT.format(file=str(stamp), zero=ZERO))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", ""))))
    with Town(tmp_path) as town, town.peer("away.example", {"banner": "421 4.3.2 Not yet"}) as peer:
        for n in range(LETTERS):
            town.send("carol@example.org", f"bob{n}@away.example")
        until(lambda: len(peer.connections) >= 3, "the first tries")
        offset, fastest, slowest = 0, 1e9, 0.0
        for jump in (DAY, -DAY, -DAY, DAY):
            offset += jump
            os.utime(stamp, (ZERO + offset, ZERO + offset))
            began, before = time.monotonic(), len(peer.connections)
            until(lambda: len(peer.connections) >= before + 4, f"tries after a jump of {jump} s", 30)  # noqa: B023
            took = time.monotonic() - began
            fastest, slowest = min(fastest, took), max(slowest, took)
        peer.stages["banner"] = "220 here now"
        peer.wait_letters(LETTERS, 60)
        town.node.end()
        came = Counter(letter.recipients[0] for letter in peer.letters)
        assert (town.node.audit().queued, town.node.audit().lost) == (set(), set())
    print(  # noqa: T201  the figures of docs/reliability.md
        f"4 jumps of a day: 4 more tries came within {fastest:.1f}-{slowest:.1f} s (one a second is usual),"
        f" {sum(came.values())} of {LETTERS} letters delivered, {sum(came.values()) - len(came)} twice"
    )
    assert fastest > 1.0
    assert came == {f"bob{n}@away.example": 1 for n in range(LETTERS)}

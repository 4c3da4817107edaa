"""kill -9 before every step of the writer: what was acknowledged is there, whole; what is there can be read."""

import subprocess
import sys
from pathlib import Path

from hatoba.store import queue, spool
from hatoba.store.settings import Settings
from hatoba.store.shard import Shard


def test_death_at_every_step(template: Path, tmp_path: Path) -> None:
    script = Path(__file__).with_name("dying_writer.py")
    ran = subprocess.run(
        [sys.executable, str(script), str(template), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    lines = ran.stdout.splitlines()
    assert len(lines) > 20
    assert lines[-1].split()[1] == "0"
    swept = 0
    for line in lines:
        step, _, *said = line.split()
        with Shard.open(tmp_path / step, 0, Settings(inline=4096)) as opened, opened.reader() as reader:
            swept += opened.swept
            letters, troubles = spool.load_many(reader, [1, 2, 3])
            missing = {one.id for one in troubles}
            sealed = {int(word[1:]) for word in said if word[0] == "+"}
            settled = {1, 2} if "-1" in said else set()
            assert sealed - settled <= letters.keys() | ({1, 2} if sealed == {1, 2, 3} else set()), line
            assert not settled & letters.keys(), line
            assert letters.keys().isdisjoint(missing)
            assert (1 in letters) == (2 in letters), line  # settled wholly or not at all
            for letter in letters.values():
                assert spool.content(opened.blobs, letter) == b"x" * letter.size, line
            files = {path.name for path in opened.blobs.path.iterdir()}
            assert files == {letter.blob for letter in letters.values() if letter.blob}, line
            assert {count.count for count in queue.counts(reader)} == ({len(letters)} if letters else set()), line
    assert swept  # some deaths did leave a body behind

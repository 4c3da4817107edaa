"""kill -9 before every single step of the writer (fsync, rename, statement, commit, unlink), for all that it ever does.

What is found afterwards must be exactly what stood after the last acknowledged deed, or after the one under way:
nothing acknowledged is missing, nothing is half there, no body is left without its row.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support import deeds

from hatoba import store


@pytest.fixture
def template(tmp_path: Path) -> Path:
    data = tmp_path / "template"
    store.prepare(data, 1)
    return data


def stages(data: Path) -> list[deeds.Held]:
    """What a shard holds before the first deed and after each."""
    with deeds.opened(data) as shard:
        found = [deeds.held(shard)]

        async def live() -> None:
            for deed in deeds.DEEDS:
                await deed(shard)
                found.append(deeds.held(shard))

        asyncio.run(live())
    return found


@pytest.mark.crash
def test_all_or_nothing_at_every_step(template: Path, tmp_path: Path) -> None:
    expected = stages(Path(shutil.copytree(template, tmp_path / "whole")))
    folder = tmp_path / "deaths"
    folder.mkdir()
    ran = subprocess.run(
        [sys.executable, "-m", "tests.support.doomed", str(template), str(folder)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        cwd=Path(__file__).parents[2],
    )
    after = before = swept = 0
    for line in ran.stdout.splitlines():
        step, status, acknowledged = (int(word) for word in line.split())
        with deeds.opened(folder / str(step)) as shard:
            swept += shard.swept
            found = deeds.held(shard)
            assert deeds.orphans(shard) == set(), line
        assert found in expected[acknowledged : acknowledged + 2], line
        if status:
            assert os.WTERMSIG(status) == signal.SIGKILL
            after += found != expected[acknowledged]
            before += found == expected[acknowledged]
    deaths = len(ran.stdout.splitlines()) - 1
    assert ran.stdout.splitlines()[-1].split()[1:] == ["0", str(len(deeds.DEEDS))]
    assert deaths > 60
    assert swept  # some deaths did leave a body behind
    print(  # noqa: T201  the figures of docs/reliability.md
        f"{deaths} deaths, {before} found as last acknowledged, {after} with the deed under way, {swept} bodies swept"
    )

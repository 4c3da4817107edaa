"""A torn write-ahead log: cut at every frame and between, or with one octet turned: the whole commits before it stay.

Every commit carries one letter, so what must be found is known for each cut: exactly the letters whose commit ends at
or before it, whole; and the shard opens and takes letters again.
"""

import asyncio
import random
import shutil
from pathlib import Path

from tests.support import deeds

from hatoba import store
from hatoba.store.shard import Shard

HEADER, FRAME = 32, 24 + 8192  # octets  # https://www.sqlite.org/fileformat2.html#walformat
COMMITS = 24


def written(data: Path, image: Path) -> list[int]:
    """A shard with a letter for each commit; copied while it is open. The log's length after each commit."""
    store.prepare(data, 1)
    ends: list[int] = []
    with deeds.opened(data) as shard:
        log = shard.path.with_name(shard.path.name + "-wal")

        async def live() -> None:
            for number in range(1, COMMITS + 1):
                await shard.writer.seal(deeds.seal(number, deeds.SMALL if number % 3 else 4_000))
                ends.append(log.stat().st_size)

        asyncio.run(live())
        shutil.copytree(data, image)
    assert all((end - HEADER) % FRAME == 0 for end in ends)
    return ends


def found(image: Path, log: bytes, folder: Path) -> int:
    """How many letters a shard with this log holds; letters 1 … n, whole, and it takes another."""
    data = Path(shutil.copytree(image, folder / "cut"))
    path = data / "shards" / "0000.db"
    path.with_name(path.name + "-wal").write_bytes(log)
    with deeds.opened(data) as shard:
        numbers = [number for number, _, _ in deeds.held(shard).letters]
        asyncio.run(_seal(shard))
        assert len(deeds.held(shard).letters) == len(numbers) + 1
    shutil.rmtree(data)
    assert numbers == list(range(1, len(numbers) + 1))
    return len(numbers)


async def _seal(shard: Shard) -> None:
    await shard.writer.seal(deeds.seal(1000))


def test_cut_anywhere(tmp_path: Path, chance: random.Random, long: bool) -> None:
    ends = written(tmp_path / "data", tmp_path / "image")
    log = (tmp_path / "image" / "shards" / "0000.db-wal").read_bytes()
    frames = range(HEADER, ends[-1] + 1, FRAME)
    cuts = sorted({frame + near for frame in frames for near in (-1, 0, 1, 24, 4096) if frame + near <= ends[-1]})
    cuts = [0, 1, HEADER, *(cuts if long else sorted({*chance.sample(cuts, 30), *ends[-3:]}))]
    for cut in cuts:
        assert found(tmp_path / "image", log[:cut], tmp_path) == sum(end <= cut for end in ends), cut
    print(f"{len(cuts)} cuts through {COMMITS} commits: 0 letters lost before the cut, 0 found half")  # noqa: T201


def test_an_octet_of_the_last_commit_turned(tmp_path: Path, chance: random.Random, long: bool) -> None:
    ends = written(tmp_path / "data", tmp_path / "image")
    log = (tmp_path / "image" / "shards" / "0000.db-wal").read_bytes()
    heads = [frame + at for frame in range(ends[-2], ends[-1], FRAME) for at in range(24)]
    places = chance.sample(heads, min(400, len(heads)) if long else 8)
    places += [chance.randrange(ends[-2], ends[-1]) for _ in range(400 if long else 12)]
    for place in places:
        turned = bytearray(log[: ends[-1]])
        turned[place] ^= 1 << chance.randrange(8)
        assert found(tmp_path / "image", bytes(turned), tmp_path) == COMMITS - 1, place
    print(f"{len(places)} octets turned: the last commit is gone each time, {COMMITS - 1} stay whole")  # noqa: T201

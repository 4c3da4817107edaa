"""An IMAP door for the vectors that speak IMAP: a process of its own on loopback, in clear, with one account.

Used by test_imap_live and tools/conformance (`serving(folder)` gives the port), and by the crash tests (`start`).
Never knows a case: it is the door with ordinary settings over an ordinary store.
Fails with RuntimeError when it does not come up.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
USER, PASSWORD = "alice@example.org", "correct horse"


def start(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """The process and the port of its door; the folder is made at its first start."""
    paths = os.pathsep.join((str(ROOT), str(ROOT / "src")))
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.vectors.live_imap", str(folder)], cwd=ROOT, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": paths},
    )  # fmt: skip
    assert process.stdout is not None  # it is a pipe
    line = process.stdout.readline()
    if not line:
        raise RuntimeError("the IMAP door did not come up")
    return process, int(line)


@contextmanager
def serving(folder: Path) -> Iterator[int]:
    """The port of the door."""
    process, port = start(folder)
    assert process.stdin is not None and process.stdout is not None  # noqa: PT018 # both are pipes
    try:
        yield port
    finally:
        process.stdin.close()  # the sign to end
        process.wait(30)
        process.stdout.close()


async def _serve(folder: Path) -> None:
    from tests.support import imap_site

    site = imap_site.Site(folder if folder.exists() else imap_site.prepare(folder), None)
    try:
        async with site.door() as door:
            print(door.port, flush=True)  # noqa: T201 # to whoever started us
            await asyncio.to_thread(sys.stdin.read)
    finally:
        site.close()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))

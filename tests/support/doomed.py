"""Does all deeds in a forked child that kills itself at step k of the writer, for k = 1, 2, … until one child lives.

Run by tests/faults/test_each_write.py in a process without threads: doomed.py TEMPLATE FOLDER. Writes for each step
"<step> <exit status> <deeds acknowledged>".
"""

import asyncio
import os
import shutil
import signal
import sys
from pathlib import Path

from tests.support.deeds import DEEDS, opened


def child(data: Path, step: int, said: int) -> None:
    shard = opened(data)

    def trap(number: int) -> None:
        if number == step:
            os.kill(os.getpid(), signal.SIGKILL)

    async def live() -> None:
        for deed in DEEDS:
            await deed(shard)
            os.write(said, b"+")

    shard.writer.trap = trap
    asyncio.run(live())
    os._exit(0)


def main(template: Path, folder: Path) -> None:
    step, status = 0, -1
    while status != 0:
        step += 1
        data = shutil.copytree(template, folder / str(step))
        reading, said = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            child(data, step, said)
        os.close(said)
        with os.fdopen(reading) as pipe:
            acknowledged = len(pipe.read())
        status = os.waitpid(pid, 0)[1]
        os.write(1, f"{step} {status} {acknowledged}\n".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

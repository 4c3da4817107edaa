"""A host that takes seconds for each answer, for bench.lanes: python -m bench.slow_host SECONDS; prints its port.

One process and one timer an answer, so that its thousand sleeping connections cost the machine next to nothing.
Ends with its standard input.
"""

import asyncio
import sys
from typing import cast

import uvloop

ANSWERS = {b"EHLO": b"250-slow\r\n250 PIPELINING\r\n", b"DATA": b"354 go\r\n", b"QUIT": b"221 2.0.0 bye\r\n"}
OK = b"250 2.0.0 ok\r\n"


class Slow(asyncio.Protocol):
    """Answers each line, late; `text` is the letter's content, which is not answered until its dot."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._rest = b""
        self._text = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self._later(b"220 slow ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\r\n")
        for line in lines:
            if self._text:
                self._text = line != b"."
                if not self._text:
                    self._later(OK)
                continue
            verb = line[:4].upper()
            self._text = verb == b"DATA"
            self._later(ANSWERS.get(verb, OK))

    def _later(self, answer: bytes) -> None:
        self._loop.call_later(self._patience, self._say, answer)

    def _say(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)


async def serve(patience: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Slow(patience), "0.0.0.0", 0, backlog=1024)  # noqa: S104  127.0.2.x too
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()


if __name__ == "__main__":
    uvloop.run(serve(float(sys.argv[1])))

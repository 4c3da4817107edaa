"""Microseconds the SMTP server engine spends on a transaction: MAIL, RCPT, DATA, content, with events and replies.

Run by hand: python bench/wire_server.py [rounds]. Prints the best of several runs, stepwise and pipelined.
Never touches a socket or a disk: it is the engine alone.
"""

import sys
import time
from collections.abc import Callable

from hatoba.wire.engine import NEED_DATA
from hatoba.wire.smtp import events
from hatoba.wire.smtp.offer import Limits, Offer, greeting
from hatoba.wire.smtp.reply import Reply
from hatoba.wire.smtp.server import ServerEngine

OK = Reply(250, "2.0.0", "Ok")
GO_AHEAD = Reply(354, "", "End data with <CRLF>.<CRLF>")
MAIL = b"MAIL FROM:<sender@example.com>\r\n"
RCPT = b"RCPT TO:<recipient@example.net>\r\n"
DATA = b"DATA\r\n"
LIMITS = Limits(size=50 << 20, text_line=1000)


def content(size: int) -> bytes:
    """A letter of about `size` octets in lines of 60 to 76, with the end of data."""
    line = b"The quick brown fox jumps over the lazy dog, and the dog says hello."
    lines = [b"From: <sender@example.com>", b"Subject: bench", b""]
    while sum(map(len, lines)) + 2 * len(lines) < size:
        lines.append(line + b"12345678"[: len(lines) % 9])
    return b"\r\n".join(lines) + b"\r\n.\r\n"


def engine() -> ServerEngine:
    """An engine that has heard EHLO."""
    offer = Offer("bench.example", size=50 << 20)
    made = ServerEngine(offer, LIMITS)
    made.receive(b"EHLO client.example\r\n")
    made.next_event()
    made.send(greeting(offer))
    return made


def drain(server: ServerEngine) -> int:
    """Answer all events as a session would; the octets said."""
    said = 0
    while (event := server.next_event()) is not NEED_DATA:
        said += len(server.send(GO_AHEAD if type(event) is events.Data else OK))
    return said


def stepwise(server: ServerEngine, letter: bytes) -> None:
    for piece in (MAIL, RCPT, DATA, letter):
        server.receive(piece)
        drain(server)


def pipelined(server: ServerEngine, letter: bytes) -> None:
    server.receive(MAIL + RCPT + DATA)
    drain(server)
    server.receive(letter)
    drain(server)


def best(run: Callable[[ServerEngine, bytes], None], letter: bytes, rounds: int) -> float:
    """Microseconds of one transaction, the best of nine runs."""
    server = engine()
    figures = []
    for _ in range(9):
        began = time.perf_counter()
        for _ in range(rounds):
            run(server, letter)
        figures.append((time.perf_counter() - began) / rounds * 1e6)
    return min(figures)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    for size in (0, 1_000, 10_000, 100_000):
        letter = content(size)
        count = max(20, rounds * 1000 // max(1000, size // 10))
        for run in (stepwise, pipelined):
            print(f"{run.__name__:9} {size:7} octets: {best(run, letter, count):7.1f} us a transaction")


if __name__ == "__main__":
    main()

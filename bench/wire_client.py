"""Engine time of the client's half of a relayed transaction: microseconds, best of several runs.

    python bench/wire_client.py [--rounds 20000]

Times one letter on a reused, pipelined connection: MAIL, RCPT, DATA, 10 KB of content, and all five replies parsed.
"""

import argparse
import timeit
from collections.abc import Callable

from hatoba.model.address import Address
from hatoba.wire.smtp.client import READY, ClientEngine
from hatoba.wire.smtp.commands import DataCommand, Ehlo, MailFrom, RcptTo

SENDER, RECIPIENT = Address("alice", "example.org"), Address("bob", "example.com")
BODY = (b"x" * 76 + b"\r\n") * 131
DOTTED = BODY[:4992] + b".dot\r\n" + BODY[4992:]
DATA = DataCommand()


def connected() -> ClientEngine:
    """An engine behind EHLO with PIPELINING and SIZE."""
    engine = ClientEngine()
    engine.receive(b"220 peer.example ESMTP\r\n")
    engine.next_event()
    engine.send([Ehlo("hatoba.example")])
    engine.receive(b"250-peer.example\r\n250-PIPELINING\r\n250-SIZE 50000000\r\n250 8BITMIME\r\n")
    engine.next_event()
    return engine


def envelope(engine: ClientEngine) -> None:
    engine.send([MailFrom(SENDER, ["SIZE=10218"]), RcptTo(RECIPIENT), DATA])


def transaction(body: bytes, dotted: bool, vouched: bool) -> Callable[[], None]:
    engine = connected()
    count = 0

    def run() -> None:
        nonlocal count
        count += 1
        envelope(engine)
        engine.receive(b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 End data with <CR><LF>.<CR><LF>\r\n")
        for _ in range(4):
            engine.next_event()
        b"".join(engine.content(body, dotted, vouched=vouched))
        engine.receive(b"250 2.0.0 Ok: queued as %X\r\n" % count)
        engine.next_event()
        engine.next_event()

    return run


def replies() -> Callable[[], None]:
    """One reply received and given out, without a command of its own."""
    engine = connected()

    def run() -> None:
        engine.pending.append("MAIL")
        engine.receive(b"250 2.0.0 Ok\r\n")
        engine.next_event()

    return run


def sends() -> Callable[[], None]:
    """An envelope built and sent; the engine is put back by hand."""
    engine = connected()

    def run() -> None:
        envelope(engine)
        engine.pending.clear()
        engine._mode = READY

    return run


def best(run: Callable[[], None], rounds: int) -> float:
    return min(timeit.repeat(run, number=rounds, repeat=7)) / rounds * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5000)
    rounds = parser.parse_args().rounds
    for name, run in (
        ("reply, one line", replies()),
        ("MAIL+RCPT+DATA built and sent", sends()),
        ("transaction, 10 KB vouched", transaction(BODY, dotted=False, vouched=True)),
        ("transaction, 10 KB vouched, dotted", transaction(DOTTED, dotted=True, vouched=True)),
        ("transaction, 10 KB checked", transaction(DOTTED, dotted=True, vouched=False)),
    ):
        print(f"{name:38} {best(run, rounds):6.2f} us")


if __name__ == "__main__":
    main()

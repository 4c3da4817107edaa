"""Do 300 lanes of dead and slow destinations lower the rate of a healthy one? python -m bench.lanes [--rounds 5]

Each round: a fresh hatoba relays letters to a healthy sink; then another one does so while 150 lanes refuse every
connection and 150 take seconds to answer each command, with letters for them coming in all the time. Interleaved.
Every run ends with the store re-read. Prints the paired ratios; exit status 1 when the median is below 0.9.
"""

import argparse
import contextlib
import smtplib
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from bench.run import wait_for
from tests.support import postfix
from tests.support.node import Node

LANES = 150  # of each kind
PATIENCE = 3.0  # seconds a slow host takes for each answer

SETTINGS = """
[log]
level = "error"

[smtp]
connections_per_ip = 1000

[[listener]]
kind = "mx"
address = ["127.0.0.1"]
port = {mx}

[[route]]
match = "bench.test"
via = "smarthost"
host = "127.0.0.1"
port = {sink}
tls = "none"
"""

ROUTE = """
[[route]]
match = "{domain}"
via = "smarthost"
host = "{host}"
port = {port}
tls = "none"
"""


@contextlib.contextmanager
def slow_host() -> Iterator[int]:
    """Its port, on every loopback address."""
    command = [sys.executable, "-m", "bench.slow_host", str(PATIENCE)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout  # noqa: PT018
        yield int(process.stdout.readline())
        process.stdin.close()


def domains(slow_port: int, dead_port: int) -> list[tuple[str, str, int]]:
    """(domain, host, port): each host is another loopback address, so each is a lane of its own."""
    slow = [(f"slow{n}.test", f"127.0.2.{n + 1}", slow_port) for n in range(LANES)]
    return slow + [(f"dead{n}.test", f"127.0.3.{n + 1}", dead_port) for n in range(LANES)]


def trouble(port: int, names: list[str], stop: threading.Event) -> None:
    """Letters for the bad lanes, five a second for each hundred lanes, until told to stop."""
    # The node may end first: its 421 is no trouble of ours.
    with contextlib.suppress(smtplib.SMTPException), smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        while not stop.is_set():
            for name in names:
                client.sendmail("alice@example.org", [f"bob@{name}"], "Subject: t\r\n\r\nx\r\n")
                if stop.wait(0.05):
                    return


def once(folder: Path, count: int, bad: bool, slow_port: int) -> float:
    """One run; letters per second to the healthy sink."""
    lanes = domains(slow_port, postfix.free_port())
    settings = SETTINGS + "".join(ROUTE.format(domain=d, host=h, port=p) for d, h, p in lanes)
    stop = threading.Event()
    addresses = ("-f", "alice@example.org", "-t", "bob@bench.test")
    with postfix.Sink(folder / "sink.out") as sink:
        node = Node(folder / "hatoba", settings, ports={"mx": 0}, sink=sink.port)
        node.cli("domain", "add", "--relay", "bench.test", *(name for name, _, _ in lanes))
        with node:
            names = [name for name, _, _ in lanes]
            if bad:
                with smtplib.SMTP("127.0.0.1", node.ports["mx"], timeout=30) as client:
                    for name in names * 10:
                        client.sendmail("alice@example.org", [f"bob@{name}"], "Subject: t\r\n\r\nx\r\n")
                threading.Thread(target=trouble, args=(node.ports["mx"], names, stop), daemon=True).start()
            postfix.source(node.ports["mx"], count // 10, 10240, *addresses)
            wait_for(sink, count // 10, 60)
            started = time.monotonic()
            postfix.source(node.ports["mx"], count, 10240, *addresses)
            wait_for(sink, count + count // 10, 120)
            took = time.monotonic() - started
            stop.set()
    audit = node.audit()
    if audit.faults or audit.lost:
        raise SystemExit(f"this rate does not count: {audit.faults} lost {len(audit.lost)}")
    return count / took


def main() -> int:
    parser = argparse.ArgumentParser(description="a healthy lane beside 300 bad ones")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--letters", type=int, default=10000)
    options = parser.parse_args()
    ratios = []
    with tempfile.TemporaryDirectory(prefix="hatoba-lanes-", ignore_cleanup_errors=True) as root, slow_host() as port:
        Path(root).chmod(0o755)
        for number in range(options.rounds):
            order = (False, True) if number % 2 == 0 else (True, False)
            rates = {bad: once(Path(tempfile.mkdtemp(dir=root)), options.letters, bad, port) for bad in order}
            ratios.append(rates[True] / rates[False])
            print(f"  alone {rates[False]:,.0f}/s, beside 300 bad lanes {rates[True]:,.0f}/s", file=sys.stderr)
    middle = statistics.median(ratios)
    print(f"beside 300 bad lanes: {middle:.2f} of the rate alone (paired: {min(ratios):.2f} to {max(ratios):.2f})")
    return 0 if middle >= 0.9 else 1


if __name__ == "__main__":
    sys.exit(main())

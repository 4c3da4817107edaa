"""The servers that bench/mailboxes.py compares: hatoba, and Debian's Dovecot with maildir and with mdbox.

Each fresh, on loopback, with accounts testuser and user1 … user100, and each as it is meant to run: hatoba commits with
fsync before it says so, Dovecot has mail_fsync=optimized, quotas, ACLs and Sieve.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import cpu
from tests.support import dovecot, residents
from tests.support.node import Node

DOMAIN = "example.test"
PEERS = ("hatoba", "maildir", "mdbox")

SETTINGS = """
[log]
level = "warning"

[login]
delay = 0

[smtp]
connections_per_ip = 5000

[imap]
cleartext = ["127.0.0.0/8"]
connections_per_account = 5000

[pop3]
cleartext = ["127.0.0.0/8"]
{more}
"""
_LISTENER = '\n[[listener]]\nkind = "{kind}"\naddress = ["127.0.0.1"]\nport = {{{kind}}}\n'


class Peer:
    """A running server: `ports` by name (lmtp, imap, pop3) and its processes."""

    def __init__(self, name: str, ports: dict[str, int], pid: int) -> None:
        self.name, self.ports, self._pid = name, ports, pid
        self.password = dovecot.PASSWORD

    def user(self, number: int = 0) -> str:
        """Whom one logs in as: testuser, or one of a hundred others."""
        return f"{f'user{1 + (number - 1) % 100}' if number else 'testuser'}@{DOMAIN}"

    def cpu(self) -> float:
        """CPU seconds of all its processes so far."""
        return cpu.seconds(cpu.descendants(self._pid))

    def memory(self) -> float:
        """Bytes of all its processes, each shared page counted once (PSS)."""
        total = 0
        for pid in cpu.descendants(self._pid):
            try:
                text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue
            found = re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)
            total += int(found[1]) * 1024 if found else 0
        return total


@contextmanager
def started(name: str, folder: Path, workers: int, more: str = "") -> Iterator[Peer]:
    """A fresh server of that name. `more`: settings of hatoba besides; dovecot.Missing where it is not installed."""
    if name == "hatoba":
        kinds = ("lmtp", "imap", "pop3")
        listeners = "".join(_LISTENER.format(kind=kind) for kind in kinds)
        node = Node(folder, SETTINGS + listeners, workers=workers, ports=dict.fromkeys(kinds, 0), more=more)
        residents.settle(node, DOMAIN, dovecot.USERS, dovecot.PASSWORD)
        try:
            node.start(180)
            assert node.process is not None
            yield Peer(name, node.ports, node.process.pid)
        finally:
            node.end()
        return
    with dovecot.Dovecot(name) as running:
        yield Peer(name, running.ports, running.pid)

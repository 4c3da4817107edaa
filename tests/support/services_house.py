"""A hatoba that asks a clamd, an rspamd, a milter and a hook, all played by peers that can be made ill.

Used by story tests of the services.
Never asks DNS: what is not about services is off.
"""

import contextlib
import json
import shutil
import smtplib
import sqlite3
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from tests.support import post, service_peers
from tests.support.node import Node
from tests.support.postfix import free_port
from tests.support.service_peers import Filter, Peer, Wire
from tests.support.wait import until

from hatoba.kit import ids

QUIET = """
[log]
level = "info"

[auth]
spf = "off"
dkim = false
arc = false
dmarc = "off"
iprev = false

[[listener]]
kind = "mx"
address = ["127.0.0.1"]
port = {mx}

[[listener]]
kind = "submission"
address = ["127.0.0.1"]
port = {submission}
"""

COMMON = """
on_failure = "{choice}"
oversize = "{choice}"
timeout = "{timeout}"
failures = {failures}
pause = "{pause}"
max_size = "3MB"
"""

SERVICES = (
    """
[rspamd]
url = "{rspamd}"
"""
    + COMMON
    + """
[clamd]
address = "{clamd}"
"""
    + COMMON
    + """
[[milter]]
name = "test"
address = "{milter}"
submissions = false
"""
    + COMMON
    + """
[[hook]]
name = "test"
url = "{hook}"
secret = "s3cret"
"""
    + COMMON
)

BOB, CAROL = "bob@home.example", "carol@home.example"
Talk = Callable[[Peer, Wire], None]
TALKS: dict[str, Talk] = {
    "clamd": service_peers.clamd,
    "rspamd": service_peers.answering(service_peers.CLEAN),
    "milter": Filter(),
    "hook": service_peers.answering({"action": "accept"}),
}
CHECKS = {"clamd": "clamd", "rspamd": "rspamd", "milter": "milter test", "hook": "hook test"}


_FURNISHED: list[TemporaryDirectory[str]] = []


class House:
    """`choice`: what all services are set to when they fail. `talks`: other dialogues than the usual ones.

    `change`: (old, new) in the text of the settings.
    """

    def __init__(
        self,
        folder: Path,
        choice: str,
        *,
        talks: Mapping[str, Talk] | None = None,
        change: tuple[str, str] = ("", ""),
        timeout: str = "10s",
        failures: int = 2,
        pause: str = "300ms",
    ) -> None:
        self.peers = {kind: Peer(talk) for kind, talk in {**TALKS, **(talks or {})}.items()}
        web = ("rspamd", "hook")
        places = {kind: peer.url if kind in web else peer.address for kind, peer in self.peers.items()}
        http = f"\n[http]\nport = {free_port()}\n"
        self.node = Node(
            folder, (QUIET + SERVICES).replace(*change).replace("{choice}", choice),
            workers=1, ports={"mx": 0, "submission": 0}, timeout=timeout, failures=failures, pause=pause, **places,
        )  # fmt: skip
        text = self.node.file.read_text(encoding="utf-8")
        self.node.file.write_text(text.replace("\n[http]\nport = 0\n", http), encoding="utf-8")
        self._http = http.rsplit(maxsplit=1)[-1]
        self._settle_in()
        self.bob, self.carol = post.Mailbox(self.node, BOB), post.Mailbox(self.node, CAROL)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        for peer in self.peers.values():
            self._open.enter_context(peer)
        self._open.enter_context(self.node)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _settle_in(self) -> None:
        """Domain and accounts: made once for all houses of this process, for each command takes a second."""
        if not _FURNISHED:
            kept = TemporaryDirectory(prefix="furnished-")
            post.settle_in(self.node, local=["home.example"], accounts=[BOB, CAROL])
            shutil.copytree(self.node.data, kept.name, dirs_exist_ok=True)
            _FURNISHED.append(kept)
        shutil.copytree(_FURNISHED[0].name, self.node.data, dirs_exist_ok=True)

    def send(self, subject: str, body: str = "Hello.", **more: Any) -> str:
        """A letter from outside to Bob; its id."""
        return post.send(self.node.ports["mx"], "a@example.org", BOB, letter(subject, body), **more)

    def verdicts(self, number: str) -> dict[str, tuple[str, str]]:
        """Check → (action, reason) of an accepted letter, out of the journal."""
        path = next((self.node.data / "shards").glob("*.db"))
        with contextlib.closing(sqlite3.connect(path)) as database:
            asked = "SELECT data FROM event WHERE letter = ? AND kind = 'accepted'"
            (data,) = database.execute(asked, [ids.number(number)]).fetchone()
        return {check: (action, reason) for check, action, _, reason in json.loads(data).get("verdicts", ())}

    def sample(self, name: str, service: str) -> float:
        """One of /metrics."""
        text = self._page("metrics")
        told = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        labels = f'{{service="{service}"}}'
        return float(told.get(f"hatoba_{name}_total{labels}") or told[f"hatoba_{name}{labels}"])

    def ready(self) -> dict[str, Any]:
        """The detail of /readyz: what each worker says of itself."""
        detail: dict[str, Any] = json.loads(self._page("readyz"))["detail"]
        return detail

    def _page(self, name: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._http}/{name}", timeout=10) as answer:
            return str(answer.read().decode())

    def healthy(self, kind: str) -> None:
        """Makes the peer well and waits until letters go through it again."""
        self.peers[kind].become("well")
        until(lambda: self._passes(kind), f"{kind} to be asked again", every=0.1)

    def _passes(self, kind: str) -> bool:
        try:
            number = self.send("probe")
        except smtplib.SMTPResponseException:
            return False
        return "failed" not in self.verdicts(number)[CHECKS[kind]][1]


def letter(subject: str, body: str = "Hello.") -> bytes:
    return (f"From: <a@example.org>\r\nTo: <{BOB}>\r\nSubject: {subject}\r\nX-Old: gone\r\n\r\n{body}\r\n").encode()

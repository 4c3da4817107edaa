"""A town for stories: one hatoba, the DNS it asks, and as many peers as a tale needs, each on its own loopback address.

Used by story tests; the standard town is shared by all tales that need no settings of their own (tests/story/conftest).
All peers listen on one port (hatoba's delivery.port), so that MX hosts are told apart by address as in the world.
Never starts anything outside loopback; a tale takes names of its own, so that tales do not meet.
"""

import itertools
import socket
import ssl
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support import post
from tests.support.dns_server import DnsServer
from tests.support.node import Node
from tests.support.smtp_peer import EXTENSIONS, SmtpPeer

HASTY = """
first = "1s"
factor = 1.0
most = "1s"
jitter = 0.0
site_first = "1s"
site_most = "1s"
poll = "0.2s"
"""

SETTINGS = """
[log]
level = "warning"

[intake]
relay_networks = {trusted}

[dns]
servers = ["{dns}"]
timeout = "5s"

[delivery]
port = {peers}
{more_delivery}

[queue]
{queue}

[[listener]]
kind = "mx"
address = ["127.0.0.1"]
port = {mx}

[[listener]]
kind = "submission"
address = ["127.0.0.1"]
port = {submission}
"""

HOME = "home.example"
ALICE = f"alice@{HOME}"  # an account: DSNs for her letters arrive in her mailbox


def _common_port() -> int:
    """A port that is free on all of loopback."""
    with socket.socket() as sock:
        sock.bind(("0.0.0.0", 0))  # noqa: S104  bound and let go, nothing listens
        return int(sock.getsockname()[1])


class Town:
    """`queue` and `delivery` are TOML lines of those tables; `more` is TOML behind everything; `trusted` are the
    networks whose letters go anywhere, unchecked.

    `move_in` is called with the node before its first start, where it has data of its own; else alice settles in.
    """

    def __init__(
        self,
        folder: Path,
        *,
        workers: int = 1,
        queue: str = HASTY,
        delivery: str = "",
        trusted: str = '["127.0.0.0/8"]',
        more: str = "",
        database: str = "",
        move_in: Callable[[Node], object] | None = None,
        **words: object,
    ) -> None:
        self._move_in = move_in
        self._open = ExitStack()
        self._addresses = itertools.count(2)
        self.port = _common_port()
        self.dns = DnsServer()
        self._database = database
        self._build = (folder, workers, {"queue": queue, "more_delivery": delivery, "trusted": trusted, **words}, more)
        self.node: Node
        self.alice: post.Mailbox

    def __enter__(self) -> Self:
        folder, workers, words, more = self._build
        self._open.enter_context(self.dns)
        self.node = Node(
            folder / "node",
            SETTINGS + more,
            workers=workers,
            ports={"mx": 0, "submission": 0},
            dns=self.dns.address,
            peers=self.port,
            database=self._database,
            **words,
        )
        if self._move_in is None:
            post.settle_in(self.node, local=[HOME], accounts=[ALICE])
        else:
            self._move_in(self.node)
        self.alice = post.Mailbox(self.node, ALICE)
        self._open.enter_context(self.node)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        with ExitStack() as rest:
            rest.push(self._open)
            if error is not None:
                error.add_note(self.log())

    @property
    def mx(self) -> int:
        return self.node.ports["mx"]

    @property
    def submission(self) -> int:
        return self.node.ports["submission"]

    def log(self) -> str:
        return self.node.log.read_text(encoding="utf-8", errors="replace")

    def address(self) -> str:
        """A loopback address nobody else in this town uses."""
        number = next(self._addresses)
        return f"127.0.{number // 250 + 1}.{number % 250 + 1}"

    def peer(
        self,
        domain: str,
        stages: dict[str, object] | None = None,
        *,
        extensions: tuple[str, ...] = EXTENSIONS,
        context: ssl.SSLContext | None = None,
    ) -> SmtpPeer:
        """The mail host mx.DOMAIN of `domain`, until the tale's `with` ends."""
        peer = SmtpPeer(
            stages, extensions=extensions, context=context, host=self.address(), port=self.port, name=f"mx.{domain}"
        )
        self.names(domain, [(10, f"mx.{domain}", peer.host)])
        return peer

    def names(self, domain: str, hosts: list[tuple[int, str, str]]) -> None:
        """MX records of `domain`: (preference, host, address)."""
        self.dns.zone[domain] = {"MX": [f"{preference} {host}." for preference, host, _ in hosts]}
        for _, host, address in hosts:
            self.dns.zone[host] = {"A": [address]}

    def send(self, sender: str, to: str | list[str], content: bytes = post.LETTER, **parameters: Any) -> str:
        """A letter through the mx door, which relays for loopback; its id."""
        return post.send(self.mx, sender, to, content, **parameters)


def careless() -> ssl.SSLContext:
    """A client's context that takes hatoba's self-signed certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context

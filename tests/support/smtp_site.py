"""SmtpSite: everything below the SMTP doors, real: directory, desk, certificate; the queue's seam keeps letters.

Called by tests of the doors and by the dialogue scripts over sockets.
Never leaves loopback; what came in stands in `seam.letters`, what was logged in `log`.
Client is a plain client in the test's own loop: it says lines and reads replies.
"""

import asyncio
import itertools
import os
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from tests.support.dns_server import DnsServer

from hatoba import store
from hatoba.directory import changes
from hatoba.directory.directory import Directory
from hatoba.directory.settings import Settings as DirectorySettings
from hatoba.doors.login.login import Login
from hatoba.doors.login.settings import Settings as LoginSettings
from hatoba.doors.smtp import door
from hatoba.doors.smtp.house import House
from hatoba.doors.smtp.settings import Listener, Settings
from hatoba.intake.desk import Desk
from hatoba.intake.filter_settings import Auth
from hatoba.intake.filter_settings import Settings as FilterSettings
from hatoba.intake.filters import build
from hatoba.intake.settings import Settings as IntakeSettings
from hatoba.model.envelope import Letter
from hatoba.model.event import Event
from hatoba.net import asking, listen, tls
from hatoba.net.dns import Resolver
from hatoba.net.dns import Settings as DnsSettings
from hatoba.net.headroom import Headroom
from hatoba.net.limits import SharedCounters
from hatoba.net.settings import Headroom as HeadroomSettings
from hatoba.store import blobs
from hatoba.store import directory as rows
from hatoba.store.blobs import Draft
from hatoba.store.settings import Settings as StoreSettings

NOW = 1_700_000_000_000
SALT = b"0123456789abcdef"
PASSWORD = "correct horse"
QUIET = Auth(spf="off", dkim=False, arc=False, dmarc="off", iprev=False)


class Seam:
    """The queue as a door sees it. `hold` keeps commits open; `fail` is what they end in."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.drafts: list[Draft | None] = []
        self.hold = False
        self.fail: Exception | None = None
        self.waiting: list[asyncio.Future[None]] = []

    def __call__(self, letter: Letter, draft: Draft | None = None) -> "asyncio.Future[None]":
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.letters.append(letter)
        self.drafts.append(draft)
        self.waiting.append(future)
        if not self.hold:
            asyncio.get_running_loop().call_soon(self.commit)
        return future

    def commit(self) -> None:
        """What waits is on disk now (or failed)."""
        waiting, self.waiting = self.waiting, []
        for future in waiting:
            if self.fail is not None:
                future.set_exception(self.fail)
            else:
                future.set_result(None)


class Lines:
    """A log that is kept: (level, event, fields)."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, dict[str, Any]]] = []

    def debug(self, event: str, /, **fields: Any) -> None:
        self.said.append(("debug", event, fields))

    def info(self, event: str, /, **fields: Any) -> None:
        self.said.append(("info", event, fields))

    def warning(self, event: str, /, **fields: Any) -> None:
        self.said.append(("warning", event, fields))

    def error(self, event: str, /, **fields: Any) -> None:
        self.said.append(("error", event, fields))

    def events(self) -> list[str]:
        return [event for _, event, _ in self.said]


def _now() -> int:
    return time.time_ns() // 1_000_000


class Site:
    """Everything below the doors. Settings are given by name: smtp's as they are, others in `intake` and `login`."""

    def __init__(self, data: Path, certificate: tuple[Path, Path]) -> None:
        self.data = data
        self.certificate = certificate
        self.register = rows.attach(data, StoreSettings())
        self.directory = Directory(self.register, DirectorySettings(), SALT)
        self.folder = blobs.Folder(data / "blobs" / "0000")
        self.counters = SharedCounters.create(1)
        self.seam = Seam()
        self.log = Lines()
        self.numbers = itertools.count(1 << 40)
        self.houses: list[House] = []
        self.events: list[Event] = []  # of letters that were not taken

    def house(
        self,
        *,
        intake: dict[str, Any] | None = None,
        headroom: Headroom | None = None,
        checks: Sequence[Any] = (),
        auth: Auth = QUIET,
        filters: dict[str, Any] | None = None,
        dns: DnsServer | None = None,
        services: asking.Services | None = None,
        login: dict[str, Any] | None = None,
        **smtp: Any,
    ) -> House:
        """`checks` are further checks, each a phase; `auth` asks nothing by default; `dns` answers what is asked."""
        table = FilterSettings(**(filters or {}))
        made = build.build(auth, table, hostname="mx.example.org", more=[[check] for check in checks])
        resolver = Resolver(DnsSettings(servers=(dns.address if dns else "127.0.0.1:1",), timeout=2.0, attempts=1))
        asker = asking.Asker(resolver, services or {}, log=self.log, patience=table.patience)
        tokens = smtp.pop("tokens", None)
        with_tls = smtp.pop("tls", True)
        knocking = LoginSettings(**{"delay": 0.01} | (login or {}))
        house = House(
            settings=Settings(**smtp),
            hostname="mx.example.org",
            directory=self.directory,
            desk=Desk(
                IntakeSettings(**(intake or {})), self.directory, "mx.example.org", self.folder.draft, filters=made
            ),
            enqueue=self.seam,
            ids=lambda: (next(self.numbers), time.time_ns() // 1_000_000),
            clock=_now,
            counters=self.counters,
            headroom=headroom or Headroom(self.data, HeadroomSettings(min_disk=0, min_memory=0)),
            log=self.log,
            tls=tls.ServerTls(*self.certificate) if with_tls else None,
            login=Login(knocking, self.directory, self.counters, _now, tokens=tokens),
            asker=asker,
            record=self.events.append,
        )
        self.houses.append(house)
        return house

    @asynccontextmanager
    async def door(self, kind: Any = "mx", house: House | None = None, **listener: Any) -> AsyncIterator[door.Door]:
        made = Listener(kind=kind, port=0, address=("127.0.0.1",), **listener)
        opened = await door.open_door(listen.bind("127.0.0.1", 0), made, house or self.house())
        try:
            yield opened
        finally:
            await opened.drain(2)

    def close(self) -> None:
        for house in self.houses:
            house.login.threads.shutdown()
        self.register.close()
        self.counters.close()
        os.close(self.counters.fd)


def prepare(data: Path) -> Path:
    """A data folder: example.org and example.com are local (alice, bob, carol, bøb, off in each), example.net relay."""
    store.prepare(data, 1)
    register = rows.attach(data, StoreSettings())
    directory = Directory(register, DirectorySettings(), SALT)
    for domain in ("example.org", "example.com"):
        changes.add_domain(directory, domain, "local", NOW)
        for n, name in enumerate(("alice", "bob", "carol", "bøb", "off")):
            changes.add_account(directory, f"{name}@{domain}", PASSWORD, SALT, NOW + n)
        changes.enable(directory, f"off@{domain}", False, NOW)
    changes.add_domain(directory, "example.net", "relay", NOW)
    register.close()
    return data


class Client:
    """A plain client: says bytes, reads replies; in the test's own loop."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def reply(self) -> str:
        """One reply, its lines joined by "\\n", without the CRLFs; "" at the end of the connection."""
        lines: list[str] = []
        while line := (await self.reader.readline()).decode():
            lines.append(line.rstrip("\r\n"))
            if line[3:4] != "-":
                break
        return "\n".join(lines)

    async def say(self, text: str, replies: int = 1) -> str:
        """Says a line (or several, with their CRLFs inside) and gives the last of so many replies."""
        self.writer.write(text.encode() + b"\r\n")
        said = ""
        for _ in range(replies):
            said = await self.reply()
        return said

    async def greet(self, name: str = "client.example") -> str:
        await self.reply()
        return await self.say(f"EHLO {name}")

    async def secure(self) -> None:
        assert (await self.say("STARTTLS")).startswith("220")
        await self.writer.start_tls(tls.client_context(), server_hostname="mx.example.org")

    async def letter(
        self, *recipients: str, sender: str = "carol@remote.example", text: str = "Subject: x\r\n\r\nhi"
    ) -> str:
        """A whole transaction; the last reply."""
        assert (await self.say(f"MAIL FROM:<{sender}>")).startswith("250")
        for recipient in recipients or ("alice@example.org",):
            assert (await self.say(f"RCPT TO:<{recipient}>")).startswith("250")
        assert (await self.say("DATA")).startswith("354")
        return await self.say(text + "\r\n.")

    async def ended(self) -> bool:
        """The server has closed."""
        return await self.reader.read() == b""

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await self.writer.wait_closed()


@asynccontextmanager
async def connected(port: int, context: ssl.SSLContext | None = None) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname="mx.example.org" if context else None
    )
    client = Client(reader, writer)
    try:
        yield client
    finally:
        await client.close()

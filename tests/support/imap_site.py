"""ImapSite: everything below the IMAP doors, real: directory, mailboxes on disk, certificate.

Called by tests of the door and by the vectors' runner.
Never leaves loopback.
ImapClient is a plain client in the test's own loop: it says commands and reads answers.
"""

import asyncio
import itertools
import os
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from ssl import SSLContext
from typing import Any

from tests.support.smtp_site import Lines

from hatoba import store
from hatoba.directory import changes
from hatoba.directory.directory import Directory
from hatoba.directory.settings import Settings as DirectorySettings
from hatoba.doors.imap import door
from hatoba.doors.imap.house import House
from hatoba.doors.imap.settings import Listener, Settings
from hatoba.doors.login.login import Login
from hatoba.doors.login.settings import Settings as LoginSettings
from hatoba.mailboxes.hub import Hub, Key
from hatoba.mailboxes.post import Post
from hatoba.mailboxes.settings import Settings as ReadingSettings
from hatoba.net import listen, tls
from hatoba.net.headroom import Headroom
from hatoba.net.limits import SharedCounters
from hatoba.net.settings import Headroom as HeadroomSettings
from hatoba.store import base, blobs
from hatoba.store import directory as rows
from hatoba.store.mailboxes.accounts import Quota
from hatoba.store.mailboxes.settings import Settings as MailSettings
from hatoba.store.mailboxes.stores import MailStore
from hatoba.store.settings import Database
from hatoba.store.settings import Settings as StoreSettings

NOW = 1_700_000_000_000
SALT = b"0123456789abcdef"
PASSWORD = "correct horse"
MAIL = MailSettings(shards=2, readers=2)
NAMES = ("alice", "bob", "carol")
LITERAL = re.compile(rb"~?\{(\d+)\}\r\n\Z")


def prepare(data: Path) -> Path:
    """A data folder: example.org is local, with alice, bob and carol."""
    store.prepare(data, 1, mailboxes=MAIL)
    register = rows.attach(data, StoreSettings())
    directory = Directory(register, DirectorySettings(), SALT)
    changes.add_domain(directory, "example.org", "local", NOW)
    for n, name in enumerate(NAMES):
        changes.add_account(directory, f"{name}@example.org", PASSWORD, SALT, NOW + n)
    register.close()
    return data


def clock() -> int:
    return time.time_ns() // 1_000_000


class Site:
    """Everything below the doors, as one worker of the node has it. `quotas` by account."""

    def __init__(
        self, data: Path, certificate: tuple[Path, Path] | None, *, name: str = "0", hub: Path | None = None,
        home: base.Base | None = None, poll: float = 60.0,
    ) -> None:  # fmt: skip
        self.data = data
        self.certificate = certificate
        self.register = rows.attach(data, StoreSettings())
        self.directory = Directory(self.register, DirectorySettings(), SALT)
        self.folder = blobs.Folder(data / "blobs" / "0000")
        self.counters = SharedCounters.create(1)
        self._drawn = itertools.count(1)
        self.log = Lines()
        self.quotas: dict[str, Quota] = {}
        self.home = home or base.of(data, StoreSettings(), Database(), blobs.Settings())
        self.mail = MailStore(self.home, MAIL)
        self.hub = Hub(hub, name, self._look, poll=poll, log=self.log)
        self.post = Post(
            ReadingSettings(folders=("Sent", "Trash")), self.mail, self.hub, clock,
            quota=lambda account: self.quotas.get(account, Quota()),
            known=lambda account: self.directory.login(account) is not None,
        )  # fmt: skip
        self.login = Login(LoginSettings(delay=0.01), self.directory, self.counters, clock)

    async def _look(self, keys: list[Key]) -> dict[Key, int]:
        return await self.post.look(keys)

    def house(self, **imap: Any) -> House:
        """Settings of the door by name; clients of this machine may log in in clear unless `cleartext` says else."""
        imap.setdefault("cleartext", ("127.0.0.0/8",))
        return House(
            settings=Settings(**imap),
            hostname="mx.example.org",
            login=self.login,
            post=self.post,
            draft=lambda: self.folder.draft(next(self._drawn)),
            clock=clock,
            counters=self.counters,
            headroom=Headroom(self.data, HeadroomSettings(min_disk=0, min_memory=0)),
            log=self.log,
            tls=tls.ServerTls(*self.certificate) if self.certificate else None,
        )

    @asynccontextmanager
    async def door(self, kind: Any = "imap", house: House | None = None) -> AsyncIterator[door.Door]:
        """A listener on a free port; the hub is open as long."""
        self.hub.open()
        made = Listener(kind=kind, port=0, address=("127.0.0.1",))
        opened = await door.open_door(listen.bind("127.0.0.1", 0), made, house or self.house())
        try:
            yield opened
        finally:
            await opened.drain(2)
            self.hub.close()

    def close(self) -> None:
        self.mail.close()
        self.login.threads.shutdown()
        self.register.close()
        self.counters.close()
        os.close(self.counters.fd)


class ImapClient:
    """Says commands, reads answers: each is its octets without the last CRLF, literals within."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.count = 0

    async def answer(self) -> bytes:
        """One answer; b"" at the end of the connection."""
        said = b""
        while line := await self.reader.readline():
            said += line
            found = LITERAL.search(line)
            if found is None:
                break
            said += await self.reader.readexactly(int(found[1]))
        return said.removesuffix(b"\r\n")

    async def say(self, text: str | bytes) -> list[bytes]:
        """A command; all its answers, the tagged one last, without its tag. Literals in it are sent as they are."""
        self.count += 1
        tag = b"t%d" % self.count
        self.writer.write(tag + b" " + (text if isinstance(text, bytes) else text.encode()) + b"\r\n")
        return await self.until(tag)

    async def until(self, tag: bytes) -> list[bytes]:
        said: list[bytes] = []
        while True:
            answer = await self.answer()
            if not answer:
                raise ConnectionError(f"closed after {said!r}")
            if answer.startswith(tag + b" "):
                return [*said, answer[len(tag) + 1 :]]
            said.append(answer)

    async def ok(self, text: str | bytes) -> list[bytes]:
        """The same; the answers before the tagged OK."""
        *said, last = await self.say(text)
        assert last.startswith(b"OK"), (text, said, last)
        return said

    async def refused(self, text: str | bytes) -> bytes:
        """The same; the tagged NO or BAD."""
        last = (await self.say(text))[-1]
        assert last.startswith((b"NO", b"BAD")), (text, last)
        return last

    async def login(self, name: str = "alice") -> None:
        await self.ok(f'LOGIN {name}@example.org "{PASSWORD}"')

    async def append(self, box: str, *letters: bytes, flags: str = "") -> bytes:
        """One command with all of them; the tagged OK."""
        given = f" ({flags})" if flags else ""
        command = (
            b"APPEND " + box.encode() + b"".join(b"%b {%d+}\r\n%b" % (given.encode(), len(raw), raw) for raw in letters)
        )
        last = (await self.say(command))[-1]
        assert last.startswith(b"OK"), last
        return last

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError, OSError):
            await self.writer.wait_closed()


@asynccontextmanager
async def connected(port: int, *names: str, context: SSLContext | None = None) -> AsyncIterator[ImapClient]:
    """A client whose greeting was read, logged in as `names` where one is given."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname="mx.example.org" if context else None, limit=1 << 27
    )
    client = ImapClient(reader, writer)
    try:
        greeting = await client.answer()
        assert greeting.startswith((b"* OK", b"* BYE")), greeting
        for name in names:
            await client.login(name)
        yield client
    finally:
        await client.close()


def letter(
    subject: str = "tea", body: str = "hello", sender: str = "ann@example.com", headers: Sequence[str] = ()
) -> bytes:
    """A small letter."""
    lines = [f"From: {sender}", "To: alice@example.org", f"Subject: {subject}", *headers, "", body, ""]
    return "\r\n".join(lines).encode()

"""A POP3 door on a MailSite, and poplib as its client.

Called by tests of doors.pop3; `serve` runs the client's part in a thread while the loop serves it.
Never leaves loopback, and no socket open.
"""

import poplib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast

import pytest
from tests.support import mail_site
from tests.support.loops import run
from tests.support.mail_site import ALICE, HOSTNAME, MailSite, aside
from tests.support.smtp_site import PASSWORD

from hatoba.doors.pop3 import door
from hatoba.doors.pop3.house import House
from hatoba.doors.pop3.settings import Listener, Settings
from hatoba.net import listen, tls


def house(site: MailSite, *, with_tls: bool = True, **settings: Any) -> House:
    return House(
        settings=Settings(**settings),
        hostname=HOSTNAME,
        login=site.login,
        post=site.post,
        clock=site.clock,
        counters=site.counters,
        headroom=site.headroom,
        log=site.log,
        tls=site.tls if with_tls else None,
        version="0.0",
    )


@asynccontextmanager
async def opened(site: MailSite, kind: Any = "pop3s", made: House | None = None) -> AsyncIterator[door.Door]:
    listener = Listener(kind=kind, port=0, address=("127.0.0.1",))
    async with mail_site.opened(door.open_door(listen.bind("127.0.0.1", 0), listener, made or house(site))) as found:
        yield found


@contextmanager
def secure(port: int) -> Iterator[poplib.POP3_SSL]:
    one = poplib.POP3_SSL("127.0.0.1", port, timeout=10, context=tls.client_context())
    try:
        yield one
    finally:
        one.close()


@contextmanager
def client(port: int, name: str = ALICE, secret: str = PASSWORD) -> Iterator[poplib.POP3_SSL]:
    """Logged in."""
    with secure(port) as one:
        one.user(name)
        one.pass_(secret)
        yield one


@contextmanager
def plain(port: int) -> Iterator[poplib.POP3]:
    one = poplib.POP3("127.0.0.1", port, timeout=10)
    try:
        yield one
    finally:
        one.close()


def say(one: poplib.POP3, line: str) -> bytes:
    """A command that poplib does not know, and its reply."""
    said: bytes = cast("Any", one)._shortcmd(line)
    return said


def listed(one: poplib.POP3, line: str) -> list[bytes]:
    """The same where the reply has several lines."""
    lines: list[bytes] = cast("Any", one)._longcmd(line)[1]
    return lines


def refused(port: int, name: str = ALICE, secret: str = PASSWORD) -> str:
    """What a login is refused with."""
    with pytest.raises(poplib.error_proto) as caught, client(port, name, secret):
        pass
    return str(caught.value)


def serve(loop: str, site: MailSite, part: Callable[[int], Any], kind: Any = "pop3s", made: House | None = None) -> Any:
    """What the client's part comes to."""

    async def main() -> Any:
        async with opened(site, kind, made) as found:
            return await aside(part, found.port)

    return run(loop, main())


def crlf(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\r\n" for line in lines)

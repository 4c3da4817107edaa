"""The IMAP door on a real socket over mailboxes on disk, on a fresh copy of one prepared data folder for each test."""

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio
from tests.support import imap_site
from tests.support.imap_site import ImapClient, Site

from hatoba.doors.imap.door import Door

Dial = Callable[..., AbstractAsyncContextManager[ImapClient]]


@pytest.fixture(scope="session")
def prepared_mail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return imap_site.prepare(tmp_path_factory.mktemp("imap") / "data")


@pytest.fixture
def mail_site(prepared_mail: Path, certificate: tuple[Path, Path], tmp_path: Path) -> Iterator[Site]:
    shutil.copytree(prepared_mail, tmp_path / "data")
    made = Site(tmp_path / "data", certificate)
    yield made
    made.close()


@pytest_asyncio.fixture
async def imap(mail_site: Site) -> AsyncIterator[Door]:
    """A door that takes logins of this machine in clear."""
    async with mail_site.door() as door:
        yield door


@pytest_asyncio.fixture
async def alice(imap: Door) -> AsyncIterator[ImapClient]:
    """Logged in, with INBOX open."""
    async with imap_site.connected(imap.port, "alice") as client:
        await client.ok("SELECT INBOX")
        yield client


@pytest_asyncio.fixture
async def again(imap: Door) -> AsyncIterator[ImapClient]:
    """The same account once more, with INBOX open."""
    async with imap_site.connected(imap.port, "alice") as client:
        await client.ok("SELECT INBOX")
        yield client


@pytest_asyncio.fixture
async def bob(imap: Door) -> AsyncIterator[ImapClient]:
    """Another account."""
    async with imap_site.connected(imap.port, "bob") as client:
        yield client

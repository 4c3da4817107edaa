"""A real directory and a real shard's blobs for each test; `desk` makes a Desk on them."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.checks import Answers, Scene

from hatoba import store
from hatoba.directory import changes
from hatoba.directory.directory import Directory
from hatoba.directory.settings import Settings as DirectorySettings
from hatoba.intake import filter_settings
from hatoba.intake.desk import Desk
from hatoba.intake.filters import build
from hatoba.intake.rewriting.settings import Settings as RewriteSettings
from hatoba.intake.roster import Filters
from hatoba.intake.settings import Settings
from hatoba.intake.tally import Tally
from hatoba.net.limits import SharedCounters
from hatoba.store import blobs
from hatoba.store import directory as rows
from hatoba.store.settings import Settings as StoreSettings

NOW = 1_700_000_000_000
SALT = b"0123456789abcdef"


@pytest.fixture(scope="session")
def prepared_intake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """example.org is local (alice, bob, off), example.net a relay domain, empty.example local without accounts."""
    data = tmp_path_factory.mktemp("intake-data")
    store.prepare(data, 1)
    register = rows.attach(data, StoreSettings())
    directory = Directory(register, DirectorySettings(), SALT)
    changes.add_domain(directory, "example.org", "local", NOW)
    changes.add_domain(directory, "example.net", "relay", NOW)
    changes.add_domain(directory, "empty.example", "local", NOW + 1)
    for n, name in enumerate(("alice", "bob", "off")):
        changes.add_account(directory, f"{name}@example.org", "correct horse", SALT, NOW + n)
    changes.enable(directory, "off@example.org", False, NOW)
    register.close()
    return data


@pytest.fixture
def data(prepared_intake: Path, tmp_path: Path) -> Path:
    shutil.copytree(prepared_intake, tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def folder(data: Path) -> blobs.Folder:
    return blobs.Folder(data / "blobs" / "0000")


@pytest.fixture
def desk(data: Path, folder: blobs.Folder) -> Iterator[Callable[..., Desk]]:
    register = rows.attach(data, StoreSettings())
    directory = Directory(register, DirectorySettings(), SALT)

    def make(
        hostname: str = "mx.example.org",
        *,
        filters: Filters | None = None,
        tally: Tally | None = None,
        rewrite: RewriteSettings | None = None,
        of: Directory = directory,
        **settings: Any,
    ) -> Desk:
        return Desk(Settings(**settings), of, hostname, folder.draft, filters=filters, tally=tally, rewrite=rewrite)

    yield make
    register.close()


@pytest.fixture
def counters() -> Iterator[SharedCounters]:
    made = SharedCounters.create(2)
    yield made
    made.close()
    os.close(made.fd)


@pytest.fixture
def filtered(desk: Callable[..., Desk], counters: SharedCounters) -> Callable[..., Scene]:
    """A desk with these tables of [filter]; `auth` is [auth], nothing of it asked by itself; `zone` what DNS holds."""

    def make(zone: Any = None, auth: dict[str, Any] | None = None, **tables: Any) -> Scene:
        quiet: dict[str, Any] = {"spf": "off", "dkim": False, "arc": False, "dmarc": "off", "iprev": False}
        filters = build.build(
            filter_settings.Auth(**(quiet | (auth or {}))),
            filter_settings.Settings(**tables),
            hostname="mx.example.org",
            counters=counters,
        )
        return Scene(desk(filters=filters), Answers(zone))

    return make


@pytest.fixture
def directories(data: Path) -> Iterator[Callable[..., Directory]]:
    """Opens the directory that the desk's is, with settings of its own."""
    registers = []

    def opened(**settings: object) -> Directory:
        registers.append(rows.attach(data, StoreSettings()))
        return Directory(registers[-1], DirectorySettings(**settings), SALT)  # type: ignore[arg-type] # by name

    yield opened
    for register in registers:
        register.close()

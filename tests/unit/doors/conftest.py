"""SMTP doors on real sockets, on a fresh copy of one prepared data folder for each test."""

import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support import mail_site as mail_site_module
from tests.support import smtp_site

from hatoba.net import tls


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return tls.self_signed(tmp_path_factory.mktemp("tls"), ["mx.example.org", "127.0.0.1"])


@pytest.fixture(scope="session")
def prepared_doors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return smtp_site.prepare(tmp_path_factory.mktemp("doors-data"))


@pytest.fixture
def site(prepared_doors: Path, certificate: tuple[Path, Path], tmp_path: Path) -> Iterator[smtp_site.Site]:
    shutil.copytree(prepared_doors, tmp_path / "data")
    made = smtp_site.Site(tmp_path / "data", certificate)
    yield made
    made.close()


@pytest.fixture
def dial() -> Callable[..., Any]:
    """`async with dial(port) as client`; `dial(port, context)` for implicit TLS."""
    return smtp_site.connected


@pytest.fixture
def raw() -> Callable[[int], socket.socket]:
    """A blocking socket, for what a loop's client would not do."""

    def make(port: int) -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", port))
        sock.settimeout(5)
        return sock

    return make


@pytest.fixture
def mail_site(
    prepared_doors: Path, certificate: tuple[Path, Path], tmp_path: Path
) -> Iterator[mail_site_module.MailSite]:
    shutil.copytree(prepared_doors, tmp_path / "data")
    made = mail_site_module.MailSite(tmp_path / "data", certificate)
    yield made
    made.close()

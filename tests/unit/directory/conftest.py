"""A real directory database for each test, and a way to open it as another process would."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hatoba import store
from hatoba.directory import changes
from hatoba.directory.directory import Directory
from hatoba.directory.settings import Settings
from hatoba.store import directory as rows
from hatoba.store.settings import Settings as StoreSettings

NOW = 1_700_000_000_000
SALT = b"0123456789abcdef"

Open = Callable[..., Directory]


@pytest.fixture(scope="session")
def prepared_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Local: example.org (alice the oldest, bob), empty.example; relay: example.net. Password: "correct horse"."""
    data = tmp_path_factory.mktemp("directory-data")
    store.prepare(data, 0)
    register = rows.attach(data, StoreSettings())
    directory = Directory(register, Settings(), SALT)
    changes.add_domain(directory, "example.org", "local", NOW)
    changes.add_domain(directory, "example.net", "relay", NOW)
    changes.add_domain(directory, "empty.example", "local", NOW + 1)
    changes.add_account(directory, "Alice@example.org", "correct horse", SALT, NOW)
    changes.add_account(directory, "bob@example.org", "correct horse", SALT, NOW + 1)
    register.close()
    return data


@pytest.fixture
def opened(prepared_directory: Path, tmp_path: Path) -> Iterator[Open]:
    data = tmp_path / "data"
    shutil.copytree(prepared_directory, data)
    registers: list[rows.Register] = []

    def make(secret: bytes = b"S" * 32, **settings: object) -> Directory:
        registers.append(rows.attach(data, StoreSettings()))
        return Directory(registers[-1], Settings(**settings), secret)  # type: ignore[arg-type] # by name

    yield make
    for register in registers:
        register.close()

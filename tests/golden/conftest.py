"""Golden files: what is written today is compared, octet by octet, with what was read and found good.

`pytest tests/golden --update` writes them anew; read the difference before it is committed.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

Compare = Callable[[Path, bytes], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="write the golden files anew")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Compare:
    """golden(path, octets): the file holds these octets; with --update it does from now on."""
    update = request.config.getoption("--update", default=False)

    def compare(path: Path, octets: bytes) -> None:
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(octets)
        assert path.is_file(), f"{path.name} is missing: run pytest tests/golden --update and read it"
        assert octets.decode("utf-8", "replace") == path.read_bytes().decode("utf-8", "replace")
        assert octets == path.read_bytes()

    return compare

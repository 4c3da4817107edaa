"""What all tests share: hypothesis without a deadline (two loaded cores), and the folder of external vectors."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("hatoba", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hatoba")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of external conformance data; where it is missing the test is skipped, but in CI it fails."""
    folder = Path(os.environ.get("HATOBA_SHARED") or Path(__file__).parents[2] / "shared")
    if not (folder / "vectors").is_dir():
        reason = f"the external vectors are not at {folder}; set HATOBA_SHARED"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Octets that are no text are named by their length: what was packed a second later is another octet or two."""
    if isinstance(val, bytes) and not (val.isascii() and val.decode("ascii").isprintable()):
        return f"{argname}-{len(val)}-octets"
    return None

"""The SPF vectors suite by suite: every case of RFC 7208 passes, and no suite falls behind what it was."""

import subprocess
import sys

import pytest
from tests.vectors.test_addresses import folder
from tools import conformance

SUITES = {"rfc7208-tests.json": 118, "rfc4408-tests.json": 108, "pyspf-tests.json": 14, "blitirispf-tests.json": 11}


@pytest.mark.parametrize(("suite", "cases"), SUITES.items())
def test_every_case_passes(suite: str, cases: int) -> None:
    area = next(area for area in conformance.AREAS if area.name == "spf")
    line = [sys.executable, str(folder() / area.runner), "--path", ".", "--path", "src", "--file", suite]
    done = subprocess.run(
        [*line, "--adapter", f"{conformance.ADAPTERS}{area.adapter}"],
        cwd=conformance.ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    passed, failed = counts(done.stdout)
    assert (passed >= cases, failed) == (True, 0), done.stdout


def counts(text: str) -> tuple[int, int]:
    """Passed and failed cases of a runner's last line."""
    words = text.splitlines()[-1].replace(",", "").split()
    return int(words[words.index("passed") - 1]), int(words[words.index("failed") - 1])

"""What the fault tests share: how long they run. `make faults` runs the long forms, `make test` the short ones."""

import os
import random

import pytest


@pytest.fixture(scope="session")
def long() -> bool:
    """HATOBA_FAULTS=long: many cuts, a million letters."""
    return os.environ.get("HATOBA_FAULTS") == "long"


@pytest.fixture
def chance() -> random.Random:
    """Seeded; the seed is printed and can be given as HATOBA_FAULTS_SEED."""
    seed = int(os.environ.get("HATOBA_FAULTS_SEED", "0")) or random.randrange(1 << 30)
    print(f"HATOBA_FAULTS_SEED={seed}")  # noqa: T201  a failing history must be found again
    return random.Random(seed)

"""The shared ARC vectors: every chain is judged and every set is made as the suite asks, each field of it."""

from tests.vectors.test_addresses import folder
from tools import conformance

AREA = next(area for area in conformance.AREAS if area.name == "arc")


def test_chains_and_seals() -> None:
    score = conformance.run(AREA, folder())
    assert not score.why
    assert score.failures == ()
    assert score.passed >= 123

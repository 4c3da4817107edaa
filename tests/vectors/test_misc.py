"""The shared vectors of BIMI, Authentication-Results and List-Unsubscribe: every case passes."""

from tests.vectors.test_addresses import folder
from tools import conformance

AREA = next(area for area in conformance.AREAS if area.name == "misc")


def test_every_case() -> None:
    score = conformance.run(AREA, folder())
    assert not score.why
    assert score.failures == ()
    assert score.passed >= 69

"""The shared DMARC vectors: evaluation, discovery, alignment, suffixes; records but for a shorthand."""

from tests.vectors.test_addresses import folder
from tools import conformance

AREA = next(area for area in conformance.AREAS if area.name == "dmarc")


def test_every_case_but_a_shortened_policy() -> None:
    score = conformance.run(AREA, folder())
    assert not score.why
    assert score.passed >= 116
    assert all("p=n;" in failure for failure in score.failures)

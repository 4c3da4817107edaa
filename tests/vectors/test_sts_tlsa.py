"""The shared MTA-STS, TLS-RPT and DANE vectors: all but one of two cases that contradict each other."""

from tests.vectors.test_addresses import folder
from tools import conformance

AREA = next(area for area in conformance.AREAS if area.name == "sts-tlsa")


def test_every_case_but_a_contradiction() -> None:
    score = conformance.run(AREA, folder())
    assert not score.why
    assert score.passed >= 87
    assert all("dkim-signature" in failure for failure in score.failures)

"""The shared DKIM vectors: every signature of today is judged as its source does, no outdated one passes."""

from tests.vectors.test_addresses import folder
from tools import conformance

AREA = next(area for area in conformance.AREAS if area.name == "dkim")


def test_signatures_with_the_algorithms_of_today() -> None:
    score = conformance.run(AREA._replace(options=("--legacy", "skip")), folder())
    assert not score.why
    assert score.failures == ()
    assert score.passed >= 33


def test_outdated_signatures_do_not_pass() -> None:
    score = conformance.run(AREA._replace(options=("--legacy", "rfc8301")), folder())
    assert not score.why
    assert score.passed >= AREA.goal
    assert all("got permfail" in failure for failure in score.failures)

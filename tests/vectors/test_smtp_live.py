"""The live SMTP vectors against a whole hatoba: every case passes, none is left out by us."""

from pathlib import Path

from tests.vectors import live
from tests.vectors.test_addresses import folder
from tools import conformance


def test_every_live_case_passes(tmp_path: Path) -> None:
    area = next(area for area in conformance.AREAS if area.adapter == "live")
    found = folder()
    with live.listening(tmp_path / "node") as port:
        score = conformance.run(area, found, port)
    assert not score.why
    assert score.failures == ()
    assert score.passed >= area.goal

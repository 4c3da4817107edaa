"""The live IMAP vectors against our door: every script whose capabilities we have passes."""

from pathlib import Path

from tests.vectors import live_imap
from tests.vectors.test_addresses import folder
from tools import conformance


def test_every_script_passes(tmp_path: Path) -> None:
    area = next(area for area in conformance.AREAS if area.adapter == "imap")
    found = folder()
    with live_imap.serving(tmp_path / "data") as port:
        score = conformance.run(area, found, port)
    assert not score.why
    assert score.failures == ()
    assert score.passed >= area.goal

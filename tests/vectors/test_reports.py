"""The shared report vectors: every aggregate report, TLS report and feedback report is read."""

import json
from pathlib import Path

from tests.vectors.test_addresses import folder
from tools import conformance

AREA = next(area for area in conformance.AREAS if area.name == "reports")


def test_every_report() -> None:
    score = conformance.run(AREA, folder())
    assert not score.why
    assert score.failures == ()
    assert score.passed >= 30


def test_only_zeros_are_added_to_the_cases(tmp_path: Path) -> None:
    cases = tmp_path / "cases"
    cases.mkdir()
    given = [
        {"file": "a", "expect": None},
        {"file": "b", "expect": {"policies": [{"summary": {"total-failure-session-count": 3}}]}},
        {"file": "c", "expect": {"domain": "example.org"}},
    ]
    (cases / "manifest.json").write_text(json.dumps(given), encoding="utf-8")
    (cases / "a").write_bytes(b"\x1f\x8b")
    copy = conformance.with_zeros(cases, tmp_path / "copy")
    assert (copy / "a").read_bytes() == b"\x1f\x8b"
    made = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
    assert made[1]["expect"]["policies"][0]["summary"] == {
        "total-failure-session-count": 3,
        "total-successful-session-count": 0,
    }
    assert [made[0], made[2]] == [given[0], given[2]]

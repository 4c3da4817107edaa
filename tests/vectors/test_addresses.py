"""The shared vectors that need no running server reach their goals."""

import os
from pathlib import Path

import pytest
from tools import conformance


def folder() -> Path:
    found = conformance.vectors()
    if found is None:
        reason = "the shared vectors are not there: set HATOBA_SHARED to the folder that holds vectors/"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.mark.parametrize(
    "area", [area for area in conformance.AREAS if area.adapter not in conformance.LIVE], ids=lambda a: a.name
)
def test_the_goal_is_reached(area: conformance.Area) -> None:
    score = conformance.run(area, folder())
    assert not score.why
    assert score.passed >= area.goal, "\n".join(score.failures)


def test_the_page_lists_every_area() -> None:
    text = conformance.PAGE.read_text(encoding="utf-8")
    for area in conformance.AREAS:
        assert f"| {area.name} |" in text


def test_an_area_without_its_runner_or_server_says_why(tmp_path: Path) -> None:
    for area in conformance.AREAS:
        assert conformance.run(area, tmp_path).why

"""The schedule: pure, growing, bounded, within its jitter; the settings refuse what makes no sense."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.queue import backoff
from hatoba.queue.settings import Settings

DRAWS = st.floats(0, 1, exclude_max=True)


@given(st.integers(1, 10_000), DRAWS, DRAWS)
def test_within_jitter_growing_and_bounded(attempt: int, draw: float, other: float) -> None:
    settings = Settings()
    wait = backoff.wait(settings, attempt, draw)
    assert 300_000 * 0.85 - 1 <= wait <= 4 * 3_600_000 * 1.15 + 1
    assert backoff.wait(settings, attempt, 0.5) <= backoff.wait(settings, attempt + 1, 0.5)
    assert abs(wait - backoff.wait(settings, attempt, other)) <= 0.3 * wait / 0.85 + 1


@given(st.integers(1, 10_000), DRAWS)
def test_a_site_rests_a_minute_to_an_hour(failures: int, draw: float) -> None:
    assert 60_000 * 0.85 - 1 <= backoff.suspension(Settings(), failures, draw) <= 3_600_000 * 1.15 + 1


def test_the_default_schedule() -> None:
    waits = [backoff.wait(Settings(), attempt, 0.5) // 60_000 for attempt in range(1, 11)]
    assert waits == [5, 8, 14, 24, 41, 70, 120, 205, 240, 240]


@pytest.mark.parametrize("wrong", [{"factor": 0.5}, {"jitter": 1.0}, {"lane_depth": 0}, {"nothing": 1}])
def test_what_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Settings)

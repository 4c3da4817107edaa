"""Durations and sizes: what is read, what is shown, and that showing loses nothing."""

from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.kit import units


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("30", 30.0), ("30s", 30.0), ("250ms", 0.25), ("5m", 300.0), ("5 m", 300.0), ("5min", 300.0), ("1.5h", 5400.0),
        ("4h", 14400.0), ("5d", 432000.0), ("2w", 1209600.0), ("1h30m", 5400.0), ("1d 2h", 93600.0), ("0", 0.0),
        (7, 7.0), (0.5, 0.5), (" 10S ", 10.0),
    ],
)  # fmt: skip
def test_durations(text: str | float, value: float) -> None:
    assert units.seconds(text) == value


@pytest.mark.parametrize("text", ["", "m", "5x", "-5", "5m3", "1h30", "5,5", "1e3", -1, True, float("nan"), "٥m5"])
def test_no_duration(text: str | float) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        units.seconds(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4096", 4096), ("64KB", 64_000), ("64k", 64_000), ("64KiB", 65_536), ("50MB", 50_000_000),
        ("1.5GB", 1_500_000_000),
        ("1GiB", 2**30), ("2TB", 2 * 10**12), ("10 B", 10), ("0", 0), (12, 12), ("1.5KiB", 1536),
    ],
)  # fmt: skip
def test_sizes(text: str | int, value: int) -> None:
    assert units.bytes_(text) == value


@pytest.mark.parametrize("text", ["", "MB", "5x", "-5", "1.5", "1.0001KB", "5MB3", -1, True])
def test_no_size(text: str | int) -> None:
    with pytest.raises(ValueError, match="is no size"):
        units.bytes_(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [(300.0, "5m"), (90.0, "90s"), (0.25, "250ms"), (0.0, "0s"), (432000.0, "5d"), (5400.0, "90m"), (0.0005, "0.5ms")],
)
def test_shown_durations(value: float, text: str) -> None:
    assert units.show_seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (50_000_000, "50MB"),
        (65536, "64KiB"),
        (1_000_000, "1MB"),
        (1234, "1234"),
        (0, "0"),
        (2**30, "1GiB"),
        (1536, "1536"),
    ],
)
def test_shown_sizes(value: int, text: str) -> None:
    assert units.show_bytes(value) == text


@given(st.integers(0, 10**14))
def test_a_size_shown_is_the_same_size(value: int) -> None:
    assert units.bytes_(units.show_bytes(value)) == value


@given(st.integers(0, 10**12))
def test_a_duration_shown_is_the_same_duration(milliseconds: int) -> None:
    assert units.seconds(units.show_seconds(milliseconds / 1000)) == milliseconds / 1000


def test_the_types_carry_their_unit_and_take_more_bounds() -> None:
    class Settings(msgspec.Struct, frozen=True):
        wait: Annotated[units.Seconds, msgspec.Meta(gt=0, description="A wait.")] = 5.0
        room: Annotated[units.Bytes, msgspec.Meta(ge=1, description="A room.")] = 5

    assert msgspec.convert({"wait": 3, "room": 4}, Settings) == Settings(3.0, 4)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"wait": 0}, Settings)

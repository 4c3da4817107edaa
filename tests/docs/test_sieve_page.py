"""docs/sieve.md: its scripts compile, its tables list every extension and every limit with its value."""

import re
from pathlib import Path

import msgspec
import pytest

from hatoba.sieve import extensions, limits, script
from hatoba.sieve.running import asking, replying

PAGE = (Path(__file__).parents[2] / "docs" / "sieve.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", re.findall(r"^```sieve\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
def test_the_scripts_are_scripts(text: str) -> None:
    assert script.compile(text).commands


def test_every_extension_is_there_in_order() -> None:
    listed = re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE)
    assert listed == sorted(extensions.OFFERED)
    assert all(f"`{name}`" in PAGE for name in extensions.ALWAYS)


def test_every_limit_is_there_with_its_value() -> None:
    listed = re.findall(r"^\| `([a-z_]+)`: [^|]+ \| (\d+) \|", PAGE, re.MULTILINE)
    assert [(name, int(value)) for name, value in listed] == list(msgspec.structs.asdict(limits.USUAL).items())


def test_the_times_are_those_of_the_code() -> None:
    assert f"({replying.DAYS} where nothing is said, at most {replying.DAYS_MOST})" in PAGE
    assert (
        f"remembered for {asking.SECONDS // 86400} days, or `:seconds` up to {asking.SECONDS_MOST // 86400} days"
        in PAGE
    )

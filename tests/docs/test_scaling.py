"""The plan of growth: the page shows what the tool computes, and the arithmetic goes the right way."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> str:
    command = [sys.executable, "tools/scaling.py", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout


def column(*arguments: str) -> dict[str, str]:
    """The table's rows of one rate."""
    lines = run("--letters", "100e6", *arguments).splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1] for row in rows if len(row) == 2}


def test_the_page_shows_what_the_tool_prints() -> None:
    assert run() in (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")


def test_inputs_count() -> None:
    plain = column()
    assert plain["letters a second, mean"] == "1,157"
    assert plain["letters a second, peak"] == "5,787"
    assert column("--peak", "10")["letters a second, peak"] == "11,574"
    assert int(column("--commits", "100")["spool servers"]) > int(plain["spool servers"])
    assert int(column("--cpu", "5")["nodes"]) > int(plain["nodes"])
    assert column("--retention", "60")["journal rows"] == "21,600,000,000"


def test_nonsense_is_refused() -> None:
    command = [sys.executable, "tools/scaling.py", "--size", "0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "no positive number" in done.stderr

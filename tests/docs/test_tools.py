"""The repository's own checks: RFC index, change fragments, sizes, the plan of the house."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"tools_{name}", ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("arguments", [("rfc.py", "--quiet"), ("changelog.py", "--check"), ("sizes.py",)])
def test_checks_pass(arguments: tuple[str, ...]) -> None:
    command = [sys.executable, f"tools/{arguments[0]}", *arguments[1:]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


RFC_INDEX = """
[[rfc]]
number = 5321
title = "Simple Mail Transfer Protocol"
status = "{status}"
where = ["{room}"]
"""


@pytest.mark.parametrize(
    ("status", "room", "code", "complaints"),
    [
        ("Yes", "wire", "# RFC 5321 §4.1", []),
        ("Yes", "wire", "# RFC 5321 §4.1, RFC 6531 §3", ["src/hatoba/wire/a.py:1: RFC 6531 is not in the index"]),
        ("Yes", "wire", "pass", ["RFC 5321: no code in wire names it"]),
        ("Yes", "intake", "# RFC 5321", ["RFC 5321: no code in intake names it"]),
        ("Maybe", "wire", "# RFC 5321", ["RFC 5321: the status must be one of Yes, Partial, No"]),
        ("Partial", "wire", "# RFC 5321", ["RFC 5321: Partial needs a note that says what is not there"]),
    ],
)
def test_the_rfc_check_sees_both_ways(tmp_path: Path, status: str, room: str, code: str, complaints: list[str]) -> None:
    rfc = tool("rfc")
    (tmp_path / "src" / "wire").mkdir(parents=True)
    (tmp_path / "src" / "wire" / "a.py").write_text(code, encoding="utf-8")
    index = tmp_path / "index.toml"
    index.write_text(RFC_INDEX.format(status=status, room=room), encoding="utf-8")
    entries, wrong = rfc.entries(index)
    assert wrong + rfc.compare(entries, rfc.marks(tmp_path / "src")) == complaints


def test_a_long_function_and_a_long_file_fail(tmp_path: Path) -> None:
    sizes = tool("sizes")
    path = tmp_path / "a.py"
    path.write_text("def f():\n" + "    x = 1\n" * 61, encoding="utf-8")
    assert len(sizes.measure(path)[1]) == 1
    path.write_text("x = 1\n" * 401, encoding="utf-8")
    assert len(sizes.measure(path)[1]) == 1
    path.write_text("# data table\n" + "x = 1\n" * 401, encoding="utf-8")
    assert sizes.measure(path) == ([], [])


def test_every_room_is_in_the_plan_and_every_room_of_the_plan_exists() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    tree = text.split("```")[1]
    house, outside = tree.split("\ntests/", 1)
    named = set(re.findall(r"^  (?:─ )?([a-z]+)/ ", house, re.MULTILINE))
    rooms = {path.parent.name for path in (ROOT / "src" / "hatoba").glob("*/__init__.py")}
    assert named == rooms
    for room, inner in re.findall(r"^  (?:─ )?(doors|wire)/ +(.*)$", house, re.MULTILINE):
        below = {path.parent.name for path in (ROOT / "src" / "hatoba" / room).glob("*/__init__.py")}
        assert set(re.findall(r"([a-z][a-z0-9]*)/", inner)) == below
    for folder in re.findall(r"([a-z]+)/", outside.splitlines()[0]):
        assert (ROOT / "tests" / folder).is_dir(), folder
    for folder in re.findall(r"^([a-z]+)/ ", tree, re.MULTILINE):
        assert (ROOT / folder).is_dir(), folder


def test_every_module_has_its_man_page() -> None:
    for path in sorted((ROOT / "src" / "hatoba").rglob("*.py")):
        first = path.read_text(encoding="utf-8").split("\n", 1)[0]
        assert first.startswith(('"""', 'r"""')), f"{path} opens without saying what it does"


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "decisions").glob("*.md")), ids=lambda path: path.stem)
def test_a_decision_is_one_page_with_its_reasons(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith(f"# {path.name[:4]} ")
    assert len(lines) <= 50
    for part in ("Context", "Decision", "Consequence"):
        assert any(line.startswith(f"**{part}.**") for line in lines), part


def test_nothing_names_a_path_of_the_machine_it_was_written_on() -> None:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    for name in filter(None, done.stdout.split("\0")):
        path = ROOT / name
        if path.suffix in {".py", ".md", ".toml", ".sh"} and path.is_file():
            assert not re.search(r"/(?:work|home/[a-z]+)/main\b", path.read_text(encoding="utf-8")), name

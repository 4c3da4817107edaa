"""Small rooms: warns at 300 lines a file and 40 a function, fails at 400 and 60.

Run by `make check`. A data table is exempt when its module says `# data table` in its first ten lines.
Counts source lines of src, tests, tools and bench; never changes a file.
"""

import ast
import sys
from pathlib import Path

WARN_FILE, FAIL_FILE = 300, 400
WARN_FUNCTION, FAIL_FUNCTION = 40, 60
ROOTS = ("src", "tests", "tools", "bench")


def functions(tree: ast.Module) -> list[tuple[str, int, int]]:
    """(name, line, lines without the docstring) of every function in the tree."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            end = node.end_lineno or node.lineno
            lines = end - node.lineno + 1
            if ast.get_docstring(node, clean=False) is not None:
                doc = node.body[0]
                lines -= (doc.end_lineno or doc.lineno) - doc.lineno + 1
            found.append((node.name, node.lineno, lines))
    return found


def measure(path: Path) -> tuple[list[str], list[str]]:
    """(warnings, failures) of one file."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    warnings: list[str] = []
    failures: list[str] = []
    if not any("# data table" in line for line in lines[:10]):
        note = f"{path}: {len(lines)} lines"
        if len(lines) > FAIL_FILE:
            failures.append(f"{note}, at most {FAIL_FILE}: split at the second noun")
        elif len(lines) > WARN_FILE:
            warnings.append(note)
    for name, line, count in functions(ast.parse(text)):
        note = f"{path}:{line}: {name} has {count} lines"
        if count > FAIL_FUNCTION:
            failures.append(f"{note}, at most {FAIL_FUNCTION}")
        elif count > WARN_FUNCTION:
            warnings.append(note)
    return warnings, failures


def main() -> int:
    warnings: list[str] = []
    failures: list[str] = []
    for root in ROOTS:
        for path in sorted(Path(root).rglob("*.py")):
            warned, failed = measure(path)
            warnings += warned
            failures += failed
    for line in warnings:
        print("warning:", line)
    for line in failures:
        print("FAIL:", line)
    print(f"sizes: {len(warnings)} warnings, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

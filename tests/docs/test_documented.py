"""The generated pages are what the code says, and every setting and verb is on them."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from hatoba.app import config, fields, reference
from hatoba.app.cli import cli
from hatoba.app.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", sorted(reference.PAGES))
def test_pages_are_current(page: str) -> None:
    assert (DOCS / page).read_text(encoding="utf-8") == reference.PAGES[page](), "run `make docs`"


def test_every_setting_is_described_in_a_sentence() -> None:
    for field in fields.leaves(Settings):
        assert field.description.endswith("."), f"{field.path}: {field.description!r}"


def test_every_setting_and_its_variable_are_on_the_page() -> None:
    page = (DOCS / "settings.md").read_text(encoding="utf-8")
    for field in fields.leaves(Settings):
        assert f"| `{field.name}`" in page or f"[[{field.path}]]" in page, field.path
    for name, field in config.variables().items():
        assert field.many or f"`{name}`" in page, name


def test_the_check_tells_a_stale_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "settings.md"
    assert reference.main(["--check", str(page)]) == 1
    assert reference.main([str(page)]) == 0
    assert reference.main(["--check", str(page)]) == 0
    page.write_text("old", encoding="utf-8")
    assert reference.main(["--check", str(page)]) == 1
    assert "run `make docs`" in capsys.readouterr().err


def verbs(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for verb in command.list_commands(context):
            inner = command.get_command(context, verb)
            assert inner is not None
            yield from verbs(inner, f"{name} {verb}")


def test_every_verb_is_described_and_on_the_page() -> None:
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    for name, command in verbs(cli, "hatoba"):
        assert f"## `{name}`" in page, name
        assert command.help, name
        assert command.help.strip().endswith("."), name
        for parameter in command.params:
            assert not isinstance(parameter, click.Option) or parameter.help, f"{name} {parameter.name}"

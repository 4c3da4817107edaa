"""What the READMEs tell people to type exists, and both say the same."""

import re
import shlex
from pathlib import Path

import click
import pytest

from hatoba.app.cli import cli

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "README.ja.md")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:hatoba|make) [a-z][^`]*)`")


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def commands(page: str) -> list[list[str]]:
    """Every hatoba and make command of a page, comments cut off."""
    text = read(page)
    lines = [line for kind, block in BLOCK.findall(text) if kind == "sh" for line in block.splitlines()]
    found = [shlex.split(line, comments=True) for line in [*lines, *INLINE.findall(BLOCK.sub("", text))]]
    return [words for words in found if words and words[0] in ("hatoba", "make")]


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))


@pytest.mark.parametrize("page", [*PAGES, "docs/running.md"])
def test_commands_exist(page: str) -> None:
    found = commands(page)
    assert found
    for program, *words in found:
        if program == "make":
            assert words[0] in targets(), words
        else:
            parsed(words)


def parsed(words: list[str]) -> None:
    """Takes the words apart as the command line would, without running anything."""
    command: click.Command = cli
    context = click.Context(cli, **cli.context_settings)
    while isinstance(command, click.Group):
        name, *words = words
        inner = command.get_command(context, name)
        assert inner is not None, f"there is no verb {name}"
        command = inner
        if isinstance(command, click.Group):
            if not words:
                return
            context = click.Context(command, parent=context)
    if words:  # a mention in running text stands without arguments
        command.make_context(command.name, words, parent=context)


def test_both_languages_name_the_same_commands() -> None:
    english, japanese = (sorted(map(tuple, commands(page))) for page in PAGES)
    assert english == japanese


@pytest.mark.parametrize("kind", ["sh", "toml"])
def test_both_languages_have_the_same_blocks(kind: str) -> None:
    english, japanese = (
        [re.sub(r"\s*#.*", "", block) for found, block in BLOCK.findall(read(page)) if found == kind] for page in PAGES
    )
    assert english == japanese


def test_both_languages_have_the_same_sections_links_and_tables() -> None:
    english, japanese = map(read, PAGES)
    for shape in (r"^(#+) ", r"\]\(((?!README)[^)]+)\)", r"^\| (\d+) \|", r"<!-- /?figures -->"):
        assert re.findall(shape, english, re.MULTILINE) == re.findall(shape, japanese, re.MULTILINE)


def test_the_tour_names_the_verbs_people_need() -> None:
    said = {" ".join(word for word in words[1:3] if not word.startswith("-")) for words in commands("README.md")}
    for verb in ("quickstart", "queue summary", "queue ls", "queue hold", "domain add", "account add", "config check"):
        assert verb in said
    assert {words[1] for words in commands("README.md")} >= {"send", "trace", "ports", "run", "test"}


@pytest.mark.parametrize("page", [*PAGES, "docs/running.md", "ARCHITECTURE.md"])
def test_links_lead_somewhere(page: str) -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", read(page)):
        assert ((ROOT / page).parent / link).exists(), link


def test_the_settings_shown_are_good(tmp_path: Path) -> None:
    from hatoba.app import config

    for page in (*PAGES, "docs/running.md"):
        for kind, block in BLOCK.findall(read(page)):
            if kind == "toml":
                path = tmp_path / "hatoba.toml"
                path.write_text(block, encoding="utf-8")
                config.load(str(path), {})

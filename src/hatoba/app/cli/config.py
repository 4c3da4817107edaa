"""hatoba config check, hatoba config show. Called by people and by unit files before a start; never changes a file."""

import click

from hatoba.app import checks
from hatoba.app import config as settings_file
from hatoba.app.cli import show
from hatoba.app.problems import BadSettings


@click.group()
def config() -> None:
    """Check and show the settings."""


@config.command()
@show.json_option
@click.pass_obj
def check(options: dict[str, str | None], as_json: bool) -> int:
    """Check the settings: names file, key, line and the fix of everything that is wrong."""
    try:
        loaded = settings_file.load(options["config"])
        problems = checks.problems(loaded)
    except BadSettings as error:
        problems = error.problems
        loaded = None
    if as_json:
        show.as_json({"ok": not problems, "problems": problems})
    else:
        for problem in problems:
            click.echo(str(problem))
        if not problems:
            place = loaded.file if loaded and loaded.file else "no file, defaults and environment only"
            click.echo(f"The settings are good ({place}).")
    return 1 if problems else 0


@config.command("show")
@click.argument("prefix", required=False, default="")
@click.option("--changed", is_flag=True, help="Only what differs from the defaults.")
@show.json_option
@click.pass_obj
def show_(options: dict[str, str | None], prefix: str, changed: bool, as_json: bool) -> None:
    """Print the effective settings, each with its source. PREFIX picks a section: hatoba config show queue."""
    loaded = settings_file.load(options["config"])
    rows = []
    for path, field, value in settings_file.values(loaded.settings):
        source = settings_file.source(loaded, path)
        if path.startswith(prefix) and not (changed and source == "default"):
            shown = "********" if field.secret and value else settings_file.written(field, value)
            rows.append({"key": path, "value": shown, "source": source})
    if as_json:
        show.as_json(rows)
        return
    table = [(row["key"], row["value"], row["source"]) for row in rows]
    empty = f"No setting starts with {prefix!r}." if prefix else "Nothing differs from the defaults."
    show.table("Settings in force", ("key", "value", "source"), table, empty=empty)

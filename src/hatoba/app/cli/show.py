"""How the command line prints: a rich table for people, JSON for programs, one error form.

Called by every verb. Never prints a secret it was not given to print.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NoReturn

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def console() -> Console:
    """Standard output; widths are kept wide when it is no terminal, so that scripts see whole lines."""
    return Console() if sys.stdout.isatty() else Console(width=200, no_color=True, highlight=False)


def as_json(value: Any) -> None:
    """`value` (Structs, dicts, lists) as indented JSON."""
    click.echo(json.dumps(msgspec.to_builtins(value), indent=2, ensure_ascii=False))


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """A table, or the sentence `empty` (which should say what to do) where there are no rows."""
    listed = list(rows)
    if not listed:
        click.echo(empty)
        return
    grid = Table(title=title, title_justify="left", show_lines=False, header_style="bold")
    for column in columns:
        right = column.endswith("#")
        grid.add_column(column.removesuffix("#"), justify="right" if right else "left", overflow="fold")
    for row in listed:
        grid.add_row(*(Text(str(cell)) for cell in row))
    console().print(grid)


def either(as_json_wanted: bool, value: Any, people: Callable[[], None]) -> None:
    """JSON when asked for, else what `people` prints."""
    if as_json_wanted:
        as_json(value)
    else:
        people()


def count(number: int, noun: str) -> str:
    """ "1 recipient", "2 recipients"."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def progress(every: float = 1.0) -> Callable[[str], None]:
    """Prints what a long work says of itself to standard error; percentages at most `every` so many seconds."""
    last = 0.0

    def say(text: str) -> None:
        nonlocal last
        now = time.monotonic()
        if not text.endswith("%") or now - last >= every:
            click.echo(f"hatoba: {text}", err=True)
            last = now

    return say


def fail(text: str) -> NoReturn:
    """Ends the verb with exit status 1 and one line that tells the next step."""
    raise click.ClickException(text)


@contextmanager
def declined(*kinds: type[Exception]) -> Iterator[None]:
    """Turns the rooms' own "no" into exit status 1 with their words, which name the next step."""
    try:
        yield
    except kinds as error:
        fail(str(error))


def moment(milliseconds: int) -> str:
    """ms since 1970 as ISO 8601 in the zone of this machine; "" for 0."""
    if not milliseconds:
        return ""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone().isoformat(timespec="seconds")

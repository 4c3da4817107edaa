"""hatoba alias add, join, remove, list, show, test, pause, resume, import. Called by people and scripts.

Never asks a running worker: the directory is changed, and every worker sees it within a second.
"""

from pathlib import Path
from typing import Any

import click

from hatoba.app import config as settings_file
from hatoba.app import offline
from hatoba.app.cli import show
from hatoba.directory import importing, roster
from hatoba.directory.aliases import Alias, Roll
from hatoba.directory.entries import BadEntry
from hatoba.directory.resolve import Found, Leaf

_FEW = 4  # targets shown in a list
_KINDS = {
    "mailbox": "mailbox here",
    "relayed": "passed on to the host behind this domain",
    "outside": "sent to the outside",
    "discarded": "thrown away",
}


def _row(alias: Alias) -> dict[str, Any]:
    row: dict[str, Any] = {"address": alias.key, "targets": list(alias.to), "created": show.moment(alias.created)}
    if alias.paused:
        row["paused"] = list(alias.paused)
    if alias.list is not None:
        row["list"] = {"owner": alias.list.owner, "members_only": alias.list.members, "name": alias.list.name}
    return row


def _kind(alias: Alias) -> str:
    if alias.list is not None:
        return "list, members only" if alias.list.members else "list"
    if not alias.to:
        return "unreadable"
    if alias.whole:
        return "domain" if alias.moves else "catch-all"
    return alias.to[0].partition(" ")[0] if alias.to[0].startswith(("discard", "reject")) else "alias"


def _said(alias: Alias, verb: str, as_json: bool) -> None:
    people = f"{alias.key} {verb} {show.count(len(alias.to), 'target')}."
    show.either(as_json, _row(alias), lambda: click.echo(people))


@click.group()
def alias() -> None:
    """Aliases, lists, forwards, catch-alls: addresses that stand for others."""


@alias.command()
@click.argument("address")
@click.argument("targets", nargs=-1, metavar="TARGET...")
@click.option("--list", "as_list", is_flag=True, help="A list: bounces go to its owner, copies carry List-Id.")
@click.option("--owner", default="", metavar="ADDRESS", help="Who gets a list's bounces. Default: postmaster.")
@click.option("--members-only", is_flag=True, help="Only members may write to the list.")
@click.option("--name", default="", metavar="TEXT", help="The list's name in List-Id.")
@click.option("--keep", is_flag=True, help="ADDRESS is an account that keeps a copy of what is forwarded.")
@click.option("--replace", is_flag=True, help="Take the place of an alias that is there.")
@show.json_option
@click.pass_obj
def add(
    options: dict[str, str | None],
    address: str,
    targets: tuple[str, ...],
    as_list: bool,
    owner: str,
    members_only: bool,
    name: str,
    keep: bool,
    replace: bool,
    as_json: bool,
) -> None:
    """Let ADDRESS stand for TARGETs.

    ADDRESS is user@domain, or @domain for all the rest of a domain. A TARGET is an address here or elsewhere (a
    forward), "@domain" (ADDRESS is a domain that stands for it), "discard", or "reject TEXT", where TEXT may begin
    with a status: "reject 5.1.6 Moved to new@example.org".
    """
    settings = settings_file.load(options["config"]).settings
    if not as_list and (owner or members_only or name):
        show.fail("--owner, --members-only and --name are for lists: add --list")
    roll = Roll(owner, members_only, name) if as_list else None
    with offline.directory(settings) as directory, show.declined(BadEntry):
        shaped = roster.shaped(directory, address, targets, offline.now(), roll=roll, keep=keep)
        made = roster.add(directory, shaped, replace=replace)
    _said(made, "stands for", as_json)


@alias.command()
@click.argument("address")
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@show.json_option
@click.pass_obj
def join(options: dict[str, str | None], address: str, targets: tuple[str, ...], as_json: bool) -> None:
    """More targets for an alias, more members for a list."""
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(BadEntry):
        made = roster.join(directory, address, targets)
    _said(made, "stands for", as_json)


@alias.command()
@click.argument("address")
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@click.pass_obj
def remove(options: dict[str, str | None], address: str, targets: tuple[str, ...]) -> None:
    """Remove an alias, or only these targets of it; with its last target the alias goes."""
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(BadEntry):
        left = roster.remove(directory, address, targets)
    click.echo(
        f"{address} removed." if left is None else f"{left.key} stands for {show.count(len(left.to), 'target')}."
    )


@alias.command("list")
@click.argument("domain", required=False, default="")
@show.json_option
@click.pass_obj
def list_(options: dict[str, str | None], domain: str, as_json: bool) -> None:
    """List the aliases, of DOMAIN or all."""
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(BadEntry):
        found = roster.listed(directory, domain)
    if as_json:
        show.as_json([_row(one) for one in found])
        return
    cells = []
    for one in found:
        more = f" and {len(one.to) - _FEW} more" if len(one.to) > _FEW else ""
        cells.append((one.key, _kind(one), ", ".join(one.to[:_FEW]) + more))
    empty = "No alias yet. Add one: hatoba alias add info@your.domain user@your.domain"
    show.table("Aliases", ("address", "kind", "stands for"), cells, empty=empty)


@alias.command("show")
@click.argument("address")
@show.json_option
@click.pass_obj
def show_(options: dict[str, str | None], address: str, as_json: bool) -> None:
    """Show one alias with all its targets."""
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(BadEntry):
        found = roster.show(directory, address)
    if as_json:
        show.as_json(_row(found))
        return
    click.echo(f"{found.key}  ({_kind(found)})")
    if found.list is not None:
        click.echo(f"  owner {found.list.owner}" + (f", named {found.list.name}" if found.list.name else ""))
    for one in found.to:
        click.echo(f"  → {one}" + ("  (paused)" if one in found.paused else ""))


@alias.command("test")
@click.argument("address")
@click.option("--bounce", is_flag=True, help="As a letter from the null sender.")
@show.json_option
@click.pass_obj
def test_(options: dict[str, str | None], address: str, bounce: bool, as_json: bool) -> int:
    """Show who would get a letter to ADDRESS, and by which way. Exit status 1 when nobody would."""
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(BadEntry):
        found = roster.trial(directory, address, bounce=bounce)
    show.either(as_json, _tested(found), lambda: _print(address, found))
    return 0 if found.leaves else 1


def _tested(found: Found) -> dict[str, Any]:
    return {
        "recipients": [
            {"address": str(leaf.address), "kind": leaf.kind, "through": list(leaf.through)} for leaf in found.leaves
        ],
        "refusals": [str(status) for status in found.said],
        "circular": found.circular,
    }


def _print(address: str, found: Found) -> None:
    if not found.leaves:
        why = "; ".join(map(str, found.said)) or ("it leads in a circle" if found.circular else "nobody is there")
        click.echo(f"{address}: refused. {why}")
        return
    for leaf in found.leaves:
        click.echo(_line(leaf))
    for status in found.said:
        click.echo(f"  passed over: {status}")


def _line(leaf: Leaf) -> str:
    through = f"  (through {', '.join(leaf.through)})" if leaf.through else ""
    return f"  → {leaf.address}: {_KINDS[leaf.kind]}{through}"


def _switch(options: dict[str, str | None], address: str, members: tuple[str, ...], paused: bool) -> None:
    settings = settings_file.load(options["config"]).settings
    with offline.directory(settings) as directory, show.declined(BadEntry):
        made = roster.pause(directory, address, members, paused)
    click.echo(f"{made.key}: {show.count(len(made.to) - len(made.paused), 'target')} of {len(made.to)} in use.")


@alias.command()
@click.argument("address")
@click.argument("members", nargs=-1, required=True, metavar="TARGET...")
@click.pass_obj
def pause(options: dict[str, str | None], address: str, members: tuple[str, ...]) -> None:
    """Pass these targets over for now; they stay members."""
    _switch(options, address, members, True)


@alias.command()
@click.argument("address")
@click.argument("members", nargs=-1, required=True, metavar="TARGET...")
@click.pass_obj
def resume(options: dict[str, str | None], address: str, members: tuple[str, ...]) -> None:
    """Undo pause."""
    _switch(options, address, members, False)


@alias.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--form", type=click.Choice(importing.FORMS), help="The file's form. Default: by its first line.")
@click.option("--domain", default="", metavar="DOMAIN", help="Domain of names that stand without one.")
@click.option("--replace", is_flag=True, help="Take the place of aliases that are there.")
@click.option("--dry-run", is_flag=True, help="Only say what would be taken.")
@show.json_option
@click.pass_obj
def import_(
    options: dict[str, str | None],
    file: Path,
    form: str | None,
    domain: str,
    replace: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Take over a file in the form of Postfix's aliases(5) or virtual(5).

    What cannot be taken is told line by line, the rest is added. Exit status 1 when something was left out.
    """
    settings = settings_file.load(options["config"]).settings
    text = file.read_text("utf-8", "replace")
    with offline.directory(settings) as directory, show.declined(BadEntry):
        report = importing.take(
            directory, text, offline.now(), form=form or "", domain=domain, replace=replace, dry=dry_run
        )
    show.either(as_json, report, lambda: click.echo("\n".join(importing.lines(report))))
    return 1 if report.problems else 0

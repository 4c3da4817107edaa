"""hatoba queue ls, show, summary, hold, release, retry, drop: asks a running hatoba, else the shards themselves.

Never leaves a shard half-ordered: each worker (or shard at rest) carries an order out by itself and tells its counts.
On a server all nodes are asked; exit status 1 where a shard did not answer, which is named on standard error.
"""

import asyncio
import getpass
import os
import time
from collections.abc import Callable
from typing import Any, cast

import click

from hatoba.app import config as settings_file
from hatoba.app import live, offline, orders
from hatoba.app.cli import show
from hatoba.app.settings import Settings
from hatoba.doors.control import call
from hatoba.kit import ids, units
from hatoba.store.trouble import StoreTrouble

_GONE = "{0} is not in the queue (any more). Its story: hatoba trace {0}"


@click.group()
def queue() -> None:
    """The queue: what waits, why, and what to do about it."""


def choosing(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that choose letters."""
    options = (
        click.argument("letter", required=False),
        click.option("--site", default="", metavar="LANE", help="The lane, as `hatoba queue summary` names it."),
        click.option("--domain", default="", help="Recipients in this domain."),
        click.option("--sender", default="", help='Letters of this sender; "<>" for bounces.'),
        click.option("--recipient", default="", help="This recipient."),
        click.option("--status", default="", metavar="CODE", help="Last status, or its beginning: 4.4, 5.7.1."),
        click.option("--older", default="", metavar="TIME", help="Accepted longer ago than this: 2h, 3d."),
        click.option("--all", "everything", is_flag=True, help="Everything in the queue."),
    )
    for option in reversed(options):
        command = option(command)
    return plain(command)


def plain(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every verb here."""
    wait = click.option(
        "--wait",
        default="10s",
        show_default=True,
        metavar="TIME",
        help="With PostgreSQL: how long the workers of all nodes may take to begin.",
    )
    return wait(show.json_option(click.pass_obj(command)))


def _choice(words: dict[str, Any]) -> dict[str, Any]:
    """The Choice of the options given, as JSON types."""
    chosen = {key: words[key] for key in ("site", "domain", "sender", "recipient", "status") if words.get(key)}
    letter = words.get("letter")
    if letter:
        try:
            chosen["letter"] = ids.number(letter)
        except ValueError as error:
            show.fail(f"{error}. Ids stand in `hatoba queue ls`, in the 250 reply and in `hatoba trace`.")
    if words.get("older"):
        try:
            chosen["older"] = offline.now() - int(units.seconds(words["older"]) * 1000)
        except ValueError as error:
            show.fail(str(error))
    if words.get("everything"):
        chosen["everything"] = True
    return chosen


def by() -> str:
    """Who orders, for the journal."""
    return f"cli:{os.environ.get('SUDO_USER') or getpass.getuser()}"


async def _at_rest(settings: Settings, verb: str, arguments: dict[str, Any]) -> list[Any]:
    answers: list[Any] = []
    async with offline.admins(settings) as admins:
        for admin in admins:
            answer = await orders.perform(admin, verb, arguments)
            answers += answer if isinstance(answer, list) else [answer]
    return answers


def ask(
    options: dict[str, str | None], verb: str, arguments: dict[str, Any], wait: str
) -> tuple[list[Any], dict[int, str]]:
    """The answers of every shard, from the workers or from the shards themselves; and who did not answer, by shard."""
    settings = settings_file.load(options["config"]).settings
    places = offline.places(settings)
    try:
        if settings.database.url:
            return asyncio.run(_everywhere(settings, verb, arguments, max(0.1, units.seconds(wait))))
        if live.running(places):
            return [part for answer in live.ask(places, verb, arguments) for part in answer], {}  # a worker: its shards
        return asyncio.run(_at_rest(settings, verb, arguments)), {}
    except (call.Failed, StoreTrouble, ValueError) as error:
        show.fail(str(error))


async def _everywhere(
    settings: Settings, verb: str, arguments: dict[str, Any], wait: float
) -> tuple[list[Any], dict[int, str]]:
    from hatoba.app import asking  # psycopg is loaded only where a server is named
    from hatoba.store.server import Server

    letter = arguments.get("choice", {}).get("letter")
    only = None if letter is None or arguments.get("lane") or arguments.get("filter") else ids.part(letter)
    gathered = await asking.ask(settings, cast("Server", offline.home(settings)), verb, arguments, wait, only)
    if gathered.missing and not gathered.results and len(reasons := {*gathered.missing.values()}) == 1:
        raise ValueError(reasons.pop())  # all say the same: the order makes no sense, or nobody is there
    parts: list[Any] = []
    for result in gathered.results.values():
        parts += result if isinstance(result, list) else [result]
    return parts, gathered.missing


def _complete(missing: dict[int, str]) -> None:
    """Exit status 1 when it is not, with what is known of each shard."""
    if missing:
        shards = "\n".join(f"  shard {number}: {why}" for number, why in sorted(missing.items()))
        show.fail(f"{show.count(len(missing), 'shard')} did not answer; `hatoba cluster status` shows them.\n{shards}")


def _order(options: dict[str, str | None], verb: str, word: str, words: dict[str, Any], **more: Any) -> None:
    arguments = {"choice": _choice(words), "by": by(), **{key: value for key, value in more.items() if value}}
    answers, missing = ask(options, verb, arguments, words["wait"])
    done = {key: sum(answer[key] for answer in answers) for key in ("changed", "under_way")}
    tail = f", {done['under_way']} under way follow when their attempt ends" if done["under_way"] else ""
    show.either(words["as_json"], done, lambda: click.echo(f"{show.count(done['changed'], 'recipient')} {word}{tail}."))
    _complete(missing)
    letter = words.get("letter")
    if letter and not done["changed"] and not done["under_way"]:
        there, _ = ask(options, "queue.show", {"choice": _choice({"letter": letter})}, words["wait"])
        if not there:
            show.fail(_GONE.format(letter))


@queue.command()
@choosing
@click.option("--reason", default="", help="Why; stands in the journal and in `hatoba trace`.")
@click.option("--lane", default="", metavar="LANE", help="Hold the whole lane, and what comes for it later.")
@click.option("--filter", "name", default="", metavar="NAME", help="Hold what matches, now and later, until released.")
def hold(options: dict[str, str | None], reason: str, lane: str, name: str, **words: Any) -> None:
    """Hold recipients: they stay until released."""
    _order(options, "queue.hold", "held", words, reason=reason, lane=lane, filter=name)


@queue.command()
@choosing
@click.option("--lane", default="", metavar="LANE", help="Release a held lane.")
@click.option("--filter", "name", default="", metavar="NAME", help="End a standing filter.")
def release(options: dict[str, str | None], lane: str, name: str, **words: Any) -> None:
    """Release held or quarantined recipients: they are due now."""
    _order(options, "queue.release", "released", words, lane=lane, filter=name)


@queue.command()
@choosing
def retry(options: dict[str, str | None], **words: Any) -> None:
    """Try waiting recipients now, and lift the suspension of their sites."""
    _order(options, "queue.retry", "due now", words)


@queue.command()
@choosing
@click.option("--reason", default="", help="Why; stands in the journal.")
@click.option("--bounce", is_flag=True, help="Tell the senders with a failure notification.")
def drop(options: dict[str, str | None], reason: str, bounce: bool, **words: Any) -> None:
    """Remove recipients from the queue for good."""
    _order(options, "queue.drop", "dropped", words, reason=reason, tell=bounce)


def _ago(milliseconds: int) -> str:
    return units.show_seconds(max(0, round(time.time() - milliseconds / 1000))) if milliseconds else ""


def _in(milliseconds: int) -> str:
    left = round(milliseconds / 1000 - time.time())
    return "now" if left <= 0 else f"in {units.show_seconds(left)}"


@queue.command("ls")
@choosing
@click.option("--limit", default=100, show_default=True, help="Most recipients listed.")
@click.option("--held", is_flag=True, help="Only what is held: by a person, a rule or a check (quarantine).")
def ls(options: dict[str, str | None], limit: int, held: bool, **words: Any) -> None:
    """List recipients in the queue; without a choice, all up to --limit."""
    choice = _choice(words) or {"everything": True}
    items, missing = ask(options, "queue.ls", {"choice": choice, "limit": limit, "held": held}, words["wait"])
    rows = sorted((item for item in items), key=lambda item: (item["id"], item["n"]))[:limit]
    cells = [
        (
            row["id"],
            row["sender"] or "<>",
            row["recipient"],
            row["site"],
            row["state"],
            row["attempts"],
            _in(row["next_at"]) if row["state"] == "ready" else "",
            _ago(row["accepted"]),
            f"{row['status']} {row['reply']}".strip(),
        )
        for row in rows
    ]
    columns = ("id", "from", "to", "lane", "state", "tries#", "next", "age#", "last")
    empty = "The queue is empty." if not missing else "Nothing in the shards that answered."
    show.either(words["as_json"], rows, lambda: show.table("Queue", columns, cells, empty=empty))
    _complete(missing)


@queue.command("show")
@click.argument("letter")
@plain
def show_(options: dict[str, str | None], letter: str, as_json: bool, wait: str) -> None:
    """Show the recipients of one letter that are still in the queue, and what binds each."""
    rows, missing = ask(options, "queue.show", {"choice": _choice({"letter": letter})}, wait)
    cells = [
        (
            row["n"],
            row["address"],
            row["site"],
            row["state"],
            row["attempts"],
            _in(row["next_at"]) if row["state"] == "ready" else "",
            row["binds"],
            f"{row['last'].get('code', '')} {row['last'].get('reply', '')}".strip(),
        )
        for row in rows
    ]
    columns = ("n#", "to", "lane", "state", "tries#", "next", "binds now", "last")
    empty = _GONE.format(letter)
    show.either(as_json, rows, lambda: show.table(f"Letter {letter}", columns, cells, empty=empty))
    _complete(missing)


def _merged(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lanes of the same name from several shards as one; `lanes` holds what each worker has in memory."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["site"], []).append(row)
    return [
        {
            "site": site,
            **{key: sum(row[key] for row in group) for key in ("ready", "active", "held", "quarantined")},
            **{key: min((row[key] for row in group if row[key]), default=0) for key in ("next_due", "oldest")},
            "hold": next((row["hold"] for row in group if row["hold"] is not None), None),
            "lanes": [row["lane"] for row in group if row["lane"]],
        }
        for site, group in sorted(found.items())
    ]


@queue.command()
@plain
def summary(options: dict[str, str | None], as_json: bool, wait: str) -> None:
    """Summarise the queue lane by lane: counts, oldest, next try, what binds."""
    answers, missing = ask(options, "queue.summary", {}, wait)
    rows = _merged(answers)
    cells = [
        (
            row["site"] or "(not routed yet)",
            row["ready"],
            row["active"],
            row["held"],
            row["quarantined"],
            _ago(row["oldest"]),
            _in(row["next_due"]) if row["next_due"] else "",
            sum(lane["channel"]["connections"] for lane in row["lanes"] if lane["channel"]),
            "; ".join(dict.fromkeys(lane["binds"] for lane in row["lanes"] if lane["binds"])) or (row["hold"] or ""),
        )
        for row in rows
    ]
    columns = ("lane", "ready#", "active#", "held#", "quarantined#", "oldest#", "next", "conns#", "binds now")
    empty = "The queue is empty." if not missing else "Nothing in the shards that answered."
    show.either(as_json, rows, lambda: show.table("Queue by lane", columns, cells, empty=empty))
    _complete(missing)

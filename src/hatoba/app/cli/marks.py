"""Which verbs only read, and the one place where every other one is written into the admin log.

Called by the command line's group when it loads a verb.
Never lets a verb through unlogged because somebody forgot it: what stands in neither table is logged, and a test fails
until it stands in one.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any
from weakref import WeakSet

import click

from hatoba.app import admin_log
from hatoba.app import config as settings_file
from hatoba.app.problems import BadSettings

Parameters = dict[str, Any]

# A verb a line: it changes nothing and takes nothing out that the journal would have to answer for.
READS = frozenset({
    "account list",
    "account show",
    "alias list",
    "alias show",
    "alias test",
    "app-password list",
    "audit head",
    "audit log",
    "client-settings",
    "cluster status",
    "completion",
    "config check",
    "config show",
    "dkim list",
    "dkim show",
    "dns",
    "domain list",
    "explain",
    "filter",
    "list allow show",
    "list deny show",
    "ports",
    "queue ls",
    "queue show",
    "queue summary",
    "report list",
    "report show",
    "report summary",
    "run",  # changes nothing by itself; settings taken over while it runs are logged by the supervisor
    "search",
    "send",  # a letter: the journal has it
    "srs reverse",
    "srs show",
    "tls",
    "trace",
    "version",
})  # fmt: skip


def _always(parameters: Parameters) -> bool:
    return True


def _mends(parameters: Parameters) -> bool:
    return bool(parameters.get("reindex") or parameters.get("tidy"))


def _wet(parameters: Parameters) -> bool:
    return not parameters.get("dry_run")


# A verb a line: it is logged, always or where its options say so. Taking everything out counts, too.
LOGGED: dict[str, Callable[[Parameters], bool]] = {
    "account add": _always,
    "account allow": _always,
    "account deny": _always,
    "account disable": _always,
    "account enable": _always,
    "account passwd": _always,
    "account quota": _always,
    "account remove": _always,
    "alias add": _always,
    "alias import": _always,
    "alias join": _always,
    "alias pause": _always,
    "alias remove": _always,
    "alias resume": _always,
    "app-password add": _always,
    "app-password revoke": _always,
    "audit content": _always,
    "backup": _always,
    "dkim export": _always,
    "dkim import": _always,
    "dkim new": _always,
    "dkim remove": _always,
    "dkim reseal": _always,
    "dkim retire": _always,
    "dkim rotate": _always,
    "dkim start": _always,
    "domain add": _always,
    "domain remove": _always,
    "export": _always,
    "import": _always,
    "list allow add": _always,
    "list allow remove": _always,
    "list deny add": _always,
    "list deny remove": _always,
    "mailbox export": _always,
    "mailbox import": _always,
    "migrate imap": _wet,
    "queue drop": _always,
    "queue hold": _always,
    "queue release": _always,
    "queue retry": _always,
    "quickstart": _always,
    "report address": _always,
    "report import": _always,
    "report send": _always,
    "restart": _always,
    "restore": _always,
    "srs rotate": _always,
    "upgrade": _always,
    "verify": _mends,
}

_marked: WeakSet[click.Command] = WeakSet()


def leaves(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """(verb, command) of everything below a command that does something by itself."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from leaves(inner, f"{path} {name}".strip())
        if not command.invoke_without_command:
            return
    yield path, command


def mark(command: click.Command, path: str) -> click.Command:
    """The command, with every verb below it logged unless it is marked as reading."""
    for verb, leaf in leaves(command, path):
        if verb not in READS and leaf not in _marked and leaf.callback is not None:
            leaf.callback = _logging(verb, leaf.callback)
            _marked.add(leaf)
    return command


def _logging(verb: str, callback: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(callback)
    def run(*args: Any, **kwargs: Any) -> Any:
        context = click.get_current_context()
        outcome = "failed"
        try:
            result = callback(*args, **kwargs)
            outcome = f"exit status {result}" if isinstance(result, int) and result else "done"
        except click.ClickException as error:
            outcome = f"refused: {error.message}"
            raise
        except BaseException as error:
            outcome = f"failed: {type(error).__name__}"
            raise
        finally:
            if LOGGED.get(verb, _always)(context.params):
                _log(context, verb, outcome)
        return result

    return run


def _log(context: click.Context, verb: str, outcome: str) -> None:
    """Says so where it cannot be logged: the work is done."""
    try:
        settings = settings_file.load((context.obj or {}).get("config")).settings
    except BadSettings:
        return  # nothing was done either
    facts = admin_log.Facts(admin_log.text(outcome), admin_log.arguments(context.params), admin_log.origin())
    failed = admin_log.record(settings, admin_log.who(), verb, facts)
    if failed:
        click.echo(f"hatoba: `{verb}` is not in the admin log: {failed}", err=True)

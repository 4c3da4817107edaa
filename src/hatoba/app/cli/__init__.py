"""The command line: `hatoba VERB`. A file per family of verbs, imported when it is called.

Called by people and scripts. Exit status: 0 done, 1 refused or failed (the reason on standard error), 2 wrong usage.
Never decides about mail: it reads the store or asks a running worker.
"""

import importlib
import sys
from typing import Any

import click

from hatoba.app.cli import marks

VERBS = {
    "run": "run:run",
    "restart": "restart:restart",
    "quickstart": "quickstart:quickstart",
    "config": "config:config",
    "account": "account:account",
    "app-password": "app_password:app_password",
    "client-settings": "client_settings:client_settings",
    "domain": "domain:domain",
    "list": "lists:list_",
    "filter": "filters:filter_",
    "explain": "explain:explain",
    "alias": "alias:alias",
    "srs": "srs:srs",
    "dkim": "dkim:dkim",
    "dns": "dns:dns",
    "queue": "queue:queue",
    "trace": "trace:trace",
    "search": "search:search",
    "audit": "audit:audit",
    "report": "report:report",
    "cluster": "cluster:cluster",
    "send": "send:send",
    "backup": "backup:backup",
    "restore": "backup:restore",
    "verify": "verify:verify",
    "export": "transfer:export",
    "import": "transfer:import_",
    "migrate": "migrate:migrate",
    "mailbox": "mailbox:mailbox",
    "upgrade": "upgrade:upgrade",
    "ports": "ports:ports",
    "tls": "tls:tls",
    "version": "about:version",
    "completion": "about:completion",
}


class LazyGroup(click.Group):
    """A group that imports a verb's module only when that verb is asked for: `hatoba run` starts without rich."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = VERBS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command = getattr(importlib.import_module(f"hatoba.app.cli.{module}"), name)
        assert isinstance(command, click.Command)  # noqa: S101  a wrong row in VERBS is our own mistake
        return marks.mark(command, cmd_name)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--config", "config", metavar="FILE", help="Settings file (or $HATOBA_CONFIG).")
@click.pass_context
def cli(ctx: click.Context, config: str | None) -> None:
    """hatoba, an all-in-one mail platform: takes letters in, queues, delivers, and says where each one is."""
    ctx.obj = {"config": config}


def main(arguments: list[str] | None = None) -> None:
    """The console script."""
    from hatoba.app.problems import BadSettings

    try:
        result: Any = cli.main(args=arguments, prog_name="hatoba", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BadSettings as error:
        for problem in error.problems:
            click.echo(f"hatoba: {problem}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(0)  # `hatoba … | head` is no failure
    sys.exit(result if isinstance(result, int) else 0)

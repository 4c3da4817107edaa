"""hatoba version, hatoba completion. Called by people; never touches data or network."""

import platform
import ssl

import click

import hatoba
from hatoba.app.cli import show


@click.command()
@show.json_option
def version(as_json: bool) -> None:
    """Print the version and what it runs on."""
    facts = {
        "hatoba": hatoba.__version__,
        "python": platform.python_version(),
        "openssl": ssl.OPENSSL_VERSION.split()[1],
        "system": f"{platform.system()} {platform.release()}",
    }
    show.either(as_json, facts, lambda: click.echo("  ".join(f"{name} {value}" for name, value in facts.items())))


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print shell completion; for bash: eval "$(hatoba completion bash)"."""
    from click.shell_completion import get_completion_class

    from hatoba.app.cli import cli

    kind = get_completion_class(shell)
    if kind is None:
        show.fail(f"no completion for {shell}")
    click.echo(kind(cli, {}, "hatoba", "_HATOBA_COMPLETE").source())

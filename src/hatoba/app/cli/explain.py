"""hatoba explain: what every check says of a letter, and what becomes of it. Called by people; delivers nothing.

Asks a running hatoba, whose counts and services are those in force; without one it runs the checks itself.
"""

import asyncio
import os
import re
import secrets
from collections.abc import Callable
from typing import Any

import click
import msgspec
import structlog

from hatoba.app import certificate, explaining, offline
from hatoba.app import config as settings_file
from hatoba.app.cli import show
from hatoba.app.filtering import Filtering
from hatoba.app.places import Places
from hatoba.app.settings import Settings
from hatoba.doors.control import call
from hatoba.kit import networks
from hatoba.model.address import Address, BadAddress
from hatoba.net import asking, dns, limits
from hatoba.store.trouble import StoreTrouble

_TIMEOUT = 300.0  # seconds: every stage has its patience


def _checked(question: explaining.Question) -> explaining.Question:
    for written in filter(None, (question.sender, *question.recipients)):
        try:
            Address.parse(written)
        except BadAddress as error:
            show.fail(f"{written!r} is no mail address: {error}")
    if networks.address(question.ip) is None:
        show.fail(f"{question.ip!r} is no IP address")
    return question


def _asked(places: Places, question: explaining.Question, content: bytes) -> explaining.Told | None:
    """What a running hatoba tells; None where none runs. The letter goes through a file of its own folder."""
    controls = places.controls()
    if not controls:
        return None
    path = places.run / f"explain-{secrets.token_hex(8)}.eml"
    owner = places.run.stat()
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            if os.geteuid() == 0:
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            file.write(content)
        arguments = {"question": msgspec.to_builtins(question), "file": path.name}
        for control in controls:
            try:
                answer = call.call(control, "explain", arguments, timeout=_TIMEOUT)
            except call.Unreachable:
                continue
            return msgspec.convert(answer, explaining.Told)
        return None
    finally:
        path.unlink(missing_ok=True)


async def _alone(settings: Settings, question: explaining.Question, content: bytes) -> explaining.Told:
    """Without a running hatoba."""
    hostname = certificate.hostname(settings.hostname)
    counters = limits.SharedCounters.create(1)
    with offline.directory(settings) as directory:
        filtering = Filtering(settings, hostname, counters, offline.home(settings).register)
        resolver = dns.Resolver(settings.dns)
        try:
            house = explaining.House(
                settings.intake, settings.rewrite, directory, hostname, filtering.filters(settings, counting=False),
                asking.Asker(
                    resolver, filtering.services(counting=False), log=structlog.get_logger("explain").bind(),
                    patience=settings.filter.patience,
                ),
                offline.now,
            )  # fmt: skip
            return await explaining.explain(house, question, content)
        finally:
            await resolver.close()
            await filtering.close()
            os.close(counters.fd)
            counters.close()


def _print(told: explaining.Told) -> None:
    columns = ("stage", "check", "says", "score#", "why", "ms#")
    cells = [
        (
            each.stage + (f" {each.about}" if each.about else ""),
            each.check,
            (each.action or "-") if each.reached else f"({each.action or '-'})",
            f"{each.score:+g}" if each.score else "",
            each.reason,
            f"{each.seconds * 1000:.1f}",
        )
        for each in told.heard
    ]
    show.table("Checks", columns, cells, empty="No check is asked about such a letter.")
    if any(not each.reached for each in told.heard):
        click.echo("(In brackets: what would have been said, had the letter come so far.)")
    for recipient, status in told.recipients:
        click.echo(f"RCPT {recipient}: {status}")
    levels = ", ".join(f"{word} at {value:g}" for word, value in told.thresholds.items() if value) or "no thresholds"
    click.echo(f"Score {told.score:g} ({levels})")
    why = f", by {told.decisive}" + (f": {told.reason}" if told.reason else "") if told.decisive else ""
    click.echo(f"Ruling: {told.action} ({told.status}){why}")
    for what, before, after in told.rewrites:
        click.echo(f"{what}: {f'{before} → {after}' if before and after else before or after}")
    for recipient, reverse in told.goes:
        click.echo(f"Goes to {recipient}, with the reverse-path <{reverse}>")
    if told.top:
        click.echo("On top of the letter:\n" + "".join(f"  {line}\n" for line in told.top.splitlines()), nl=False)
    if not told.live:
        click.echo("hatoba is not running: nobody has counted towards the rates.")


def _read(file: Any) -> bytes:
    content: bytes = file.read()
    return re.sub(rb"\r?\n", b"\r\n", content)


def _envelope(command: Callable[..., Any]) -> Callable[..., Any]:
    options = (
        click.argument("file", type=click.File("rb")),
        click.option("--from", "sender", required=True, metavar="ADDRESS", help='The sender; "<>" for a bounce.'),
        click.option("--to", "to", required=True, multiple=True, metavar="ADDRESS", help="Recipient; may be repeated."),
        click.option("--ip", required=True, help="The client's address."),
        click.option("--helo", default="", help="The name in its greeting; without it, its address in brackets."),
        click.option("--account", default="", help="As a submission of this account."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@_envelope
@show.json_option
@click.pass_obj
def explain(
    options: dict[str, str | None], file: Any, sender: str, to: tuple[str, ...], ip: str, helo: str, account: str,
    as_json: bool,
) -> None:  # fmt: skip
    """Run the letter in FILE (- for standard input) through all checks: what each says, and what becomes of it.

    Nothing is delivered, counted or remembered.
    """
    settings = settings_file.load(options["config"]).settings
    null = sender.strip() in ("<>", "")
    question = _checked(explaining.Question(None if null else sender, to, ip, helo, account))
    content = _read(file)
    with show.declined(StoreTrouble, ValueError, call.Failed):
        told = _asked(offline.places(settings), question, content) or asyncio.run(_alone(settings, question, content))
    show.either(as_json, told, lambda: _print(told))

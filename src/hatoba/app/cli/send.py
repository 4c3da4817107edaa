"""hatoba send: submits a letter from the command line, on 587, else 2525, else 465. Called by people and scripts."""

import mimetypes
import os
import re
import ssl
import sys
from email import policy
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import BinaryIO

import click

from hatoba.app import config as settings_file
from hatoba.app import listeners, sending
from hatoba.app.cli import show
from hatoba.model.address import Address, BadAddress


def _message(sender: str, to: tuple[str, ...], subject: str, text: str, attachments: tuple[Path, ...]) -> EmailMessage:
    message = EmailMessage(policy=policy.SMTP)
    message["From"], message["To"], message["Subject"] = sender, ", ".join(to), subject
    message["Date"] = formatdate(localtime=True)
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2] or None)
    message.set_content(text)
    for path in attachments:
        kind, _, subtype = (mimetypes.guess_type(path)[0] or "application/octet-stream").partition("/")
        message.add_attachment(path.read_bytes(), maintype=kind, subtype=subtype, filename=path.name)
    return message


def _ports(written: str, host: str | None, config: str | None) -> list[tuple[int, bool]]:
    """The ports to try: those given, else our own listeners' for our own host, else the well-known ones."""
    if written:
        pairs = [part.strip() for part in written.split(",") if part.strip()]
        for pair in pairs:
            if not pair.removesuffix("s").isdecimal() or not 0 < int(pair.removesuffix("s")) < 65536:
                raise click.BadParameter(f"{pair!r} is no port; write 587,2525,465s", param_hint="--port")
        return [(int(pair.removesuffix("s")), pair.endswith("s") or pair == "465") for pair in pairs]
    if host is None:
        return listeners.submission_ports(settings_file.load(config).settings)
    return list(sending.ORDER)


def _address(context: click.Context, parameter: click.Parameter, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
    """Nothing that is no address goes into a header or a command."""
    for written in (value,) if isinstance(value, str) else value:
        try:
            Address.parse(written)
        except BadAddress as error:
            raise click.BadParameter(f"{written!r} is no mail address: {error}") from None
    return value


def _one_line(context: click.Context, parameter: click.Parameter, value: str) -> str:
    if len(value.splitlines()) > 1 or value.strip("\r\n") != value:
        raise click.BadParameter("it has one line")
    return value


def _report(tries: list[sending.Try]) -> None:
    """What each port said, a line each, and the next step where it was not enough."""
    for tried in tries:
        state = "sent" if tried.ok else f"failed at {tried.stage}"
        how = f"{tried.tls or 'no TLS'}, {tried.seconds:.2f} s"
        click.echo(f"port {tried.port}: {state} ({how}) {tried.reply or tried.detail}")
    last = tries[-1]
    if last.ok and last.detail:
        click.echo(f"Refused: {last.detail}", err=True)
    if not last.ok:
        click.echo("Not sent. `hatoba ports HOST` shows which ports answer.", err=True)
        if any("CERTIFICATE_VERIFY_FAILED" in tried.detail for tried in tries):
            click.echo("The certificate is not trusted; --insecure sends all the same.", err=True)


_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option(
    "--from", "sender", required=True, callback=_address, metavar="ADDRESS", help="Sender, in envelope and header."
)
@click.option(
    "--to", "to", required=True, multiple=True, callback=_address, metavar="ADDRESS", help="Recipient; may be repeated."
)
@click.option("--subject", default="", callback=_one_line, help="Subject.")
@click.option("--text", default=None, help="Body text; without it, standard input.")
@click.option("--attach", multiple=True, type=_FILE, help="A file to attach; may be repeated.")
@click.option("--eml", type=click.File("rb"), default=None, help="Send this message file as it is.")
@click.option("--host", default=None, help="The server; without it, hatoba here at the ports of its settings.")
@click.option("--port", "ports", default="", metavar="LIST", help="Ports in order, s for implicit TLS: 587,2525,465s.")
@click.option("--user", default=None, help="Account; its password comes from $HATOBA_SEND_PASSWORD or is asked.")
@click.option("--insecure", is_flag=True, help="Accept any certificate (a self-signed one of a first run).")
@show.json_option
@click.pass_obj
def send(
    options: dict[str, str | None],
    sender: str,
    to: tuple[str, ...],
    subject: str,
    text: str | None,
    attach: tuple[Path, ...],
    eml: BinaryIO | None,
    host: str | None,
    ports: str,
    user: str | None,
    insecure: bool,
    as_json: bool,
) -> int:
    """Send a letter over 587, else 2525, else 465, and say what each port answered.

    The exit status is 0 only when every recipient was taken.
    """
    message: EmailMessage | bytes
    if eml is not None:
        message = re.sub(rb"\r?\n", b"\r\n", eml.read())  # nothing but line ends: a signature stays good
    else:
        message = _message(sender, to, subject, sys.stdin.read() if text is None else text, attach)
    login = None
    if user:
        password = os.environ.get("HATOBA_SEND_PASSWORD") or click.prompt("Password", hide_input=True, err=True)
        login = sending.Login(user, password)
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    to_try = _ports(ports, host, options["config"])
    tries = sending.send(host or "localhost", message, sender, to, login=login, ports=to_try, context=context)
    if as_json:
        show.as_json(tries)
    else:
        _report(tries)
    return 0 if tries[-1].ok and not tries[-1].detail else 1

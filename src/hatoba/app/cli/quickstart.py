"""hatoba quickstart: a first run that proves itself: starts everything, sends itself a letter, shows where it went.

Called by `make run` and by people. Listens on loopback at unprivileged ports unless the settings say otherwise.
Never touches accounts of yours: it uses one of its own, whose password is made anew at each run and shown.
"""

import secrets
import shutil
import ssl
import sys
import threading
import time
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path

import click
import msgspec

from hatoba.app import config as settings_file
from hatoba.app import keyring, listeners, offline, sending, stories
from hatoba.app.cli.run import say_ports
from hatoba.app.settings import Settings
from hatoba.app.supervisor import Supervisor, Unstartable
from hatoba.directory import changes, passwords
from hatoba.directory.directory import Directory
from hatoba.directory.entries import LOCAL
from hatoba.kit import ids
from hatoba.store.trouble import StoreTrouble

DOMAIN = "hatoba.test"  # RFC 2606 §2: never a real one
ADDRESS = f"first@{DOMAIN}"
LOOPBACK = ("127.0.0.1", "::1")
PATIENCE = 30.0  # seconds for the first letter to arrive


def _account(settings: Settings, directory: Directory) -> str:
    """The quickstart's own account with a fresh password, which is returned."""
    password = passwords.generate_password(secrets.token_bytes(32))
    salt, now = secrets.token_bytes(16), offline.now()
    if directory.domain(DOMAIN) is None:
        changes.add_domain(directory, DOMAIN, LOCAL, now)
    if settings.dkim.sign and DOMAIN not in directory.snapshot().dkim:
        keyring.new(settings, directory, DOMAIN, signs=now)  # at once: a name of tests is published nowhere
    if directory.login(ADDRESS) is None:
        changes.add_account(directory, ADDRESS, password, salt, now, generated=True)
    else:
        changes.passwd(directory, ADDRESS, password, salt, now, generated=True)
    return password


def _letter() -> EmailMessage:
    message = EmailMessage()
    message["From"] = message["To"] = ADDRESS
    message["Subject"] = "はじめての一通 / A first letter"
    message["Date"] = formatdate(localtime=True)
    message["Message-ID"] = make_msgid(domain=DOMAIN)
    message.set_content("この手紙は hatoba が自分に送りました。\nhatoba sent this letter to itself.\n")
    return message


def command() -> str:
    """How this very program is called from a shell."""
    own = Path(sys.argv[0]).resolve()
    found = shutil.which("hatoba")
    return "hatoba" if found and Path(found).resolve() == own else str(own)


class FirstLetter:
    """Sends the letter and waits for its end; `done` is set when there is nothing more to wait for."""

    def __init__(self, node: Supervisor, password: str) -> None:
        self.node, self.password = node, password
        self.done = threading.Event()
        self.failed = ""

    def start(self) -> None:
        say_ports(self.node)
        threading.Thread(target=self._run, name="first letter", daemon=True).start()

    def _run(self) -> None:
        try:
            self._send_and_tell()
        except Exception as error:  # noqa: BLE001  a thread of a first run: whatever it is, the user must read it
            self.failed = f"{type(error).__name__}: {error}"
            click.echo(f"The first letter failed: {self.failed}. The log above says more.", err=True)
        finally:
            self.done.set()

    def _send_and_tell(self) -> None:
        settings = self.node.settings
        context = ssl.create_default_context(cafile=settings.tls.certificate)
        tries = sending.send(
            "localhost", _letter(), ADDRESS, [ADDRESS], login=sending.Login(ADDRESS, self.password),
            ports=listeners.submission_ports(settings), context=context,
        )  # fmt: skip
        for tried in tries:
            click.echo(f"\nSubmitted on port {tried.port} ({tried.tls}, AUTH): {tried.reply or tried.detail}")
        if not tries[-1].ok:
            raise RuntimeError(tries[-1].detail)
        self._tell(ids.number(tries[-1].reply.rsplit(maxsplit=1)[-1]))

    def _tell(self, number: int) -> None:
        """Waits until the letter has left the queue, then prints its story."""
        moment, deadline = stories.Moment(), time.monotonic() + PATIENCE
        with offline.readers(self.node.settings) as opened:
            readers = list(opened.values())
            told = stories.tell(readers, self.node.places, number)
            while (told is None or told.story.queued) and time.monotonic() < deadline:
                time.sleep(0.05)
                told = stories.tell(readers, self.node.places, number)
        if told is None:
            raise RuntimeError("the letter left no trace")
        click.echo("\nWhere it went (hatoba trace):")
        for line in stories.heading(told.story):
            click.echo(f"  {line}")
        for entry in told.story.entries:
            for line in stories.lines_of(entry, moment):
                click.echo(f"  {line}")
        for line in stories.standing(told.story, moment):
            click.echo(f"  {line}")
        if told.story.queued:
            raise RuntimeError("it is still in the queue")

    def next_steps(self) -> None:
        data, hatoba = self.node.places.data, command()
        starttls = next(port for port, implicit in listeners.submission_ports(self.node.settings) if not implicit)
        imaps = next((one.port for one in self.node.settings.listener if one.kind == "imaps"), 0)
        certificate = self.node.settings.tls.certificate
        read = f"curl --cacert {certificate} -u {ADDRESS} 'imaps://localhost:{imaps}/INBOX;MAILINDEX=1'"
        click.echo(
            f"""
Account of this trial: {ADDRESS}  password: {self.password}
The certificate is self-signed unless you set one: {certificate}

Next, in another terminal (the password is asked):
  export HATOBA_DATA={data}
  {hatoba} send --host localhost --port {starttls} --insecure --user {ADDRESS} --from {ADDRESS} --to {ADDRESS} --text Hi
  {read if imaps else f"{hatoba} client-settings {ADDRESS}"}   read it
  {hatoba} trace {ADDRESS}   where is my letter, and why
  {hatoba} queue summary   what waits, lane by lane
  {hatoba} domain add your.domain && {hatoba} account add you@your.domain
  {hatoba} dns your.domain   what to publish: MX, SPF, DKIM, DMARC and more
  {hatoba} config show   every setting and its source
Ctrl-C stops; nothing that was accepted is lost."""
        )


@click.command()
@click.option("--once", is_flag=True, help="Stop after the first letter has arrived (for scripts and tests).")
@click.pass_obj
def quickstart(options: dict[str, str | None], once: bool) -> int:
    """Start hatoba, send it a first letter over submission with STARTTLS and AUTH, show where it went, stay up."""
    loaded = settings_file.load(options["config"])
    if not loaded.settings.listener:
        own = listeners.standard(listeners.UNPRIVILEGED, LOOPBACK)
        loaded = msgspec.structs.replace(loaded, settings=msgspec.structs.replace(loaded.settings, listener=own))
    if "log.level" not in loaded.sources:
        log = msgspec.structs.replace(loaded.settings.log, level="warning")
        loaded = msgspec.structs.replace(loaded, settings=msgspec.structs.replace(loaded.settings, log=log))
    with offline.directory(loaded.settings) as directory:
        password = _account(loaded.settings, directory)
    node = Supervisor(loaded, options["config"])
    try:
        node.start(progress=lambda text: click.echo(f"hatoba: {text}"))
    except (Unstartable, StoreTrouble, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"hatoba runs as {node.settings.hostname}, data in {node.places.data}:")
    first = FirstLetter(node, password)
    told = False

    def tick() -> bool:
        nonlocal told
        if first.done.is_set() and not told:
            told = True
            if not first.failed:
                first.next_steps()
            if once:
                return False
        return True

    node.run(ready=first.start, tick=tick)
    return 1 if first.failed else 0

"""Submits one message to a server, trying the submission ports in order, and tells what each one said.

Called by `hatoba send` and by quickstart. Blocking, with deadlines.
Never says a password before TLS, and never goes on to the next port once a server has answered about the letter itself:
a refused recipient is refused on every port.
"""

import smtplib
import ssl
import time
from collections.abc import Sequence
from email.message import EmailMessage

import msgspec

ORDER = ((587, False), (2525, False), (465, True))  # (port, implicit TLS)


class Try(msgspec.Struct):
    """One port tried. `reply` is the server's last word about the letter, "" when it never came to that."""

    port: int
    ok: bool
    stage: str
    detail: str
    seconds: float
    tls: str = ""
    reply: str = ""


class Login(msgspec.Struct, frozen=True):
    user: str
    password: str


class _Keeping(smtplib.SMTP):
    """Remembers the reply to the content: smtplib throws it away, and it carries the letter's id."""

    last: tuple[int, bytes] = (0, b"")

    def data(self, msg: bytes | str) -> tuple[int, bytes]:  # type: ignore[override]  # typeshed: ReadableBuffer
        self.last = super().data(msg)
        return self.last


class _KeepingTls(smtplib.SMTP_SSL):
    last: tuple[int, bytes] = (0, b"")

    def data(self, msg: bytes | str) -> tuple[int, bytes]:  # type: ignore[override]  # typeshed: ReadableBuffer
        self.last = super().data(msg)
        return self.last


def _submit(
    client: _Keeping | _KeepingTls,
    tried: Try,
    message: EmailMessage,
    envelope: tuple[str, Sequence[str]],
    login: Login | None,
    context: ssl.SSLContext,
) -> None:
    tried.stage = "EHLO"
    client.ehlo_or_helo_if_needed()
    if isinstance(client, _Keeping):
        tried.stage = "STARTTLS"
        client.starttls(context=context)
        client.ehlo()
    if isinstance(client.sock, ssl.SSLSocket):
        tried.tls = client.sock.version() or ""
    if login is not None:
        tried.stage = "AUTH"
        client.login(login.user, login.password)
    tried.stage = "MAIL"
    refused = client.send_message(message, envelope[0], list(envelope[1]))
    code, text = client.last
    tried.stage, tried.ok, tried.reply = "sent", True, f"{code} {text.decode('utf-8', 'replace')}"
    if refused:
        tried.detail = "; ".join(f"{address}: {code} {word.decode()}" for address, (code, word) in refused.items())


def _one(
    host: str,
    port: int,
    implicit: bool,
    message: EmailMessage,
    envelope: tuple[str, Sequence[str]],
    login: Login | None,
    context: ssl.SSLContext,
    timeout: float,
) -> Try:
    tried = Try(port, ok=False, stage="connect", detail="", seconds=0.0)
    started = time.monotonic()
    try:
        client: _Keeping | _KeepingTls
        if implicit:
            client = _KeepingTls(host, port, timeout=timeout, context=context)
        else:
            client = _Keeping(host, port, timeout=timeout)
        with client:
            _submit(client, tried, message, envelope, login, context)
    except smtplib.SMTPRecipientsRefused as error:
        tried.detail = "; ".join(f"{who}: {code} {text.decode()}" for who, (code, text) in error.recipients.items())
        tried.reply = tried.detail
    except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError, smtplib.SMTPAuthenticationError) as error:
        text = error.smtp_error if isinstance(error.smtp_error, str) else error.smtp_error.decode("utf-8", "replace")
        tried.detail = tried.reply = f"{error.smtp_code} {text}"
    except (OSError, smtplib.SMTPException) as error:
        tried.detail = str(error) or type(error).__name__
    tried.seconds = time.monotonic() - started
    return tried


def send(
    host: str,
    message: EmailMessage,
    sender: str,
    recipients: Sequence[str],
    *,
    login: Login | None = None,
    ports: Sequence[tuple[int, bool]] = ORDER,
    context: ssl.SSLContext | None = None,
    timeout: float = 30.0,
) -> list[Try]:
    """Tries each (port, implicit) until one takes the letter; the last Try says how it ended."""
    context = context or ssl.create_default_context()
    tries: list[Try] = []
    for port, implicit in ports:
        tries.append(_one(host, port, implicit, message, (sender, recipients), login, context, timeout))
        if tries[-1].ok or tries[-1].reply:
            break
    return tries

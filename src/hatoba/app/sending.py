"""Submits one message to a server, trying the submission ports in order, and tells what each one said.

Called by `hatoba send` and by quickstart. Blocking, with deadlines.
Never says a password before TLS, and never goes on to the next port once a server has answered about the letter itself
(a refused recipient is refused on every port) or may have taken it.
"""

import base64
import smtplib
import ssl
import time
from collections.abc import Sequence
from email.message import EmailMessage

import msgspec

ORDER = ((587, False), (2525, False), (465, True))  # (port, implicit TLS)
_ANSWERS = (  # the server spoke about this letter or this account
    smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError, smtplib.SMTPAuthenticationError,
)  # fmt: skip


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
    """Remembers the reply to the content: smtplib throws it away, and it carries the letter's id.

    `begun` tells that the content was on its way: what ends without a reply then may have been taken.
    """

    last: tuple[int, bytes] = (0, b"")
    begun = False

    def data(self, msg: bytes | str) -> tuple[int, bytes]:  # type: ignore[override]  # typeshed: ReadableBuffer
        self.begun = True
        self.last = super().data(msg)
        return self.last


class _KeepingTls(_Keeping, smtplib.SMTP_SSL):
    pass


def words(error: OSError | smtplib.SMTPException) -> str:
    """What smtplib raised, for a person; the server's own words where it spoke."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return _refused(error.recipients)
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        return f"{error.smtp_code} {text if isinstance(text, str) else text.decode('utf-8', 'replace')}"
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__


def _refused(recipients: dict[str, tuple[int, bytes]]) -> str:
    return "; ".join(f"{who}: {code} {text.decode('utf-8', 'replace')}" for who, (code, text) in recipients.items())


def _options(content: bytes, envelope: tuple[str, Sequence[str]]) -> list[str]:
    """MAIL's parameters for content that goes as it is. # RFC 6152 §2, RFC 6531 §3.4"""
    beyond = not "".join((envelope[0], *envelope[1])).isascii()
    return (["SMTPUTF8"] if beyond else []) + (["BODY=8BITMIME"] if not content.isascii() else [])


def _log_in(client: smtplib.SMTP, login: Login) -> None:
    """AUTH PLAIN in UTF-8, which smtplib cannot say; any other mechanism is smtplib's. # RFC 4616 §2"""
    if "PLAIN" not in client.esmtp_features.get("auth", "").upper().split():
        client.login(login.user, login.password)
        return
    claim = base64.b64encode(f"\0{login.user}\0{login.password}".encode()).decode()
    code, text = client.docmd("AUTH", f"PLAIN {claim}")
    if code != 235:
        raise smtplib.SMTPAuthenticationError(code, text)


def _submit(
    client: _Keeping,
    tried: Try,
    message: EmailMessage | bytes,
    envelope: tuple[str, Sequence[str]],
    login: Login | None,
    context: ssl.SSLContext,
) -> None:
    tried.stage = "EHLO"
    client.ehlo_or_helo_if_needed()
    if not isinstance(client, _KeepingTls):
        tried.stage = "STARTTLS"
        client.starttls(context=context)
        client.ehlo()
    if isinstance(client.sock, ssl.SSLSocket):
        tried.tls = client.sock.version() or ""
    if login is not None:
        tried.stage = "AUTH"
        _log_in(client, login)
    tried.stage = "MAIL"
    if isinstance(message, bytes):
        refused = client.sendmail(envelope[0], list(envelope[1]), message, _options(message, envelope))
    else:
        refused = client.send_message(message, envelope[0], list(envelope[1]))
    code, text = client.last
    tried.stage, tried.ok, tried.reply = "sent", True, f"{code} {text.decode('utf-8', 'replace')}"
    tried.detail = _refused(refused)


def _one(
    host: str,
    port: int,
    implicit: bool,
    message: EmailMessage | bytes,
    envelope: tuple[str, Sequence[str]],
    login: Login | None,
    context: ssl.SSLContext,
    timeout: float,
) -> Try:
    tried = Try(port, ok=False, stage="connect", detail="", seconds=0.0)
    started = time.monotonic()
    client: _Keeping | None = None
    try:
        if implicit:
            client = _KeepingTls(host, port, timeout=timeout, context=context)
        else:
            client = _Keeping(host, port, timeout=timeout)
        with client:
            _submit(client, tried, message, envelope, login, context)
    except _ANSWERS as error:
        tried.detail = tried.reply = words(error)
    except (OSError, smtplib.SMTPException) as error:
        if not tried.ok:  # else it was QUIT that failed
            tried.detail = words(error)
            if client is not None and client.begun:
                tried.stage = "DATA"
                tried.detail += ": the letter may have been taken; look before you send it again"
    tried.seconds = time.monotonic() - started
    return tried


def send(
    host: str,
    message: EmailMessage | bytes,
    sender: str,
    recipients: Sequence[str],
    *,
    login: Login | None = None,
    ports: Sequence[tuple[int, bool]] = ORDER,
    context: ssl.SSLContext | None = None,
    timeout: float = 30.0,
) -> list[Try]:
    """Tries each (port, implicit) until one takes the letter; the last Try says how it ended.

    `message` as bytes goes as it is (lines in CRLF); an EmailMessage is written out by the standard library.
    """
    context = context or ssl.create_default_context()
    tries: list[Try] = []
    for port, implicit in ports:
        tries.append(_one(host, port, implicit, message, (sender, recipients), login, context, timeout))
        if tries[-1].ok or tries[-1].reply or tries[-1].stage == "DATA":
            break
    return tries

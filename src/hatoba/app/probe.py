"""Asks a host which of the SMTP ports answer, with which TLS and AUTH, and says which one to use and why.

Called by `hatoba ports`. Blocking, one thread a port, every step with a deadline.
Never logs in and never sends mail: it says EHLO, STARTTLS, EHLO, QUIT.
A port that fails tells at which stage and with which words.
"""

import datetime
import smtplib
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor

import msgspec
from cryptography import x509

from hatoba.app import sending

IMPLICIT = 465
USES = {
    25: "server to server",
    465: "submission, implicit TLS",
    587: "submission, STARTTLS",
    2525: "as 587, where 587 is blocked",
}


class Certificate(msgspec.Struct, frozen=True):
    """`trusted` is empty when the chain and the name were verified, else the reason they were not."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    expires: str  # ISO 8601, UTC
    problem: str


class Port(msgspec.Struct):
    """What one port answered. `role` is the well-known port it stands for."""

    port: int
    role: int
    open: bool = False
    seconds: float = 0.0
    banner: str = ""
    tls: str = ""
    starttls: bool = False
    auth: tuple[str, ...] = ()
    auth_before_tls: bool = False
    certificate: Certificate | None = None
    failure: str = ""

    @property
    def submits(self) -> bool:
        """Fit for a program that sends with a password: TLS and AUTH are both there."""
        return self.open and bool(self.tls) and bool(self.auth) and not self.failure


def _context(verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _open(host: str, row: Port, timeout: float, context: ssl.SSLContext) -> smtplib.SMTP:
    if row.role == IMPLICIT:
        return smtplib.SMTP_SSL(host, row.port, timeout=timeout, context=context)
    return smtplib.SMTP(host, row.port, timeout=timeout)


def _mechanisms(client: smtplib.SMTP) -> tuple[str, ...]:
    return tuple(client.esmtp_features.get("auth", "").split())


def _read_certificate(sock: ssl.SSLSocket, problem: str) -> Certificate | None:
    raw = sock.getpeercert(binary_form=True)
    if raw is None:
        return None
    found = x509.load_der_x509_certificate(raw)
    try:
        extension = found.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = tuple(str(name.value) for name in extension.value)
    except x509.ExtensionNotFound:
        names = ()
    expires = found.not_valid_after_utc.astimezone(datetime.UTC).isoformat()
    return Certificate(found.subject.rfc4514_string(), found.issuer.rfc4514_string(), names, expires, problem)


def _converse(host: str, row: Port, timeout: float, context: ssl.SSLContext, problem: str) -> None:
    """One connection: fills `row`. Raises what smtplib and ssl raise."""
    started = time.monotonic()
    with _open(host, row, timeout, context) as client:
        row.open = True
        row.seconds = time.monotonic() - started
        client.ehlo()
        row.banner = (client.ehlo_resp or b"").decode("utf-8", "replace").split("\n", 1)[0]
        row.auth = _mechanisms(client)
        row.starttls = client.has_extn("starttls")
        if row.role != IMPLICIT and row.starttls:
            row.auth_before_tls = bool(row.auth)
            client.starttls(context=context)
            client.ehlo()
            row.auth = _mechanisms(client)
        if isinstance(client.sock, ssl.SSLSocket):
            row.tls = client.sock.version() or ""
            row.certificate = _read_certificate(client.sock, problem)


def ask(host: str, role: int, port: int, timeout: float) -> Port:
    """Everything about one port; never raises for what the peer or the network does."""
    row = Port(port, role)
    try:
        try:
            _converse(host, row, timeout, _context(verify=True), "")
        except ssl.SSLCertVerificationError as error:
            _converse(host, row, timeout, _context(verify=False), error.verify_message)
    except (OSError, smtplib.SMTPException) as error:
        stage = "after connecting" if row.open else "connecting"
        row.failure = f"{stage}: {_words(error)}"
    return row


def _words(error: OSError | smtplib.SMTPException) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, socket.gaierror):
        return f"the name does not resolve ({error.strerror})"
    return sending.words(error)


def ask_all(host: str, ports: dict[int, int], timeout: float = 10.0) -> list[Port]:
    """`ports` maps the well-known port to the one to try: {587: 587, 465: 8465}. In the order given."""
    with ThreadPoolExecutor(max_workers=len(ports)) as pool:
        return list(pool.map(lambda pair: ask(host, pair[0], pair[1], timeout), ports.items()))


_REASONS = {
    587: (
        "587 answers with STARTTLS and AUTH: the port made for programs that send (RFC 6409).",
        "587番は STARTTLS と AUTH に応えました。送信プログラムのための標準のポートです (RFC 6409)。",
    ),
    2525: (
        "587 does not serve here, 2525 does the same and is seldom blocked by providers.",
        "587番は使えませんが、2525番が同じ働きをします。プロバイダーに塞がれることの少ないポートです。",
    ),
    465: (
        "587 and 2525 do not serve here; 465 speaks TLS from the first byte (RFC 8314) and offers AUTH.",
        "587番と2525番は使えません。465番は最初から TLS で話し (RFC 8314)、AUTH に応えます。",
    ),
    25: (
        "Only 25 answers. It is for mail between servers: not for programs that send, and many networks block it.",
        "応えたのは25番だけです。25番はサーバー間の配送用で、プログラムからの送信には向かず、多くの網で塞がれています。",
    ),
    0: (
        "No port serves submission here: check the host name, the firewall, and that the server runs.",
        "送信に使えるポートがありません。ホスト名、ファイアウォール、サーバーの起動を確かめてください。",
    ),
}


def recommend(rows: list[Port], language: str) -> tuple[int, str]:
    """(port to use or 0, the reason in one sentence) in "ja" or "en"."""
    by_role = {row.role: row for row in rows}
    role = next((role for role in (587, 2525, 465) if role in by_role and by_role[role].submits), 0)
    if not role and 25 in by_role and by_role[25].open:
        return 0, _REASONS[25][language == "ja"]
    return by_role[role].port if role else 0, _REASONS[role][language == "ja"]

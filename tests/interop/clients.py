"""Four mail clients behind one call: swaks, msmtp, curl and Python's smtplib hand in a letter, and say what they heard.

Used by test_submission. Every client verifies the server's certificate against the CA file it is given.
Never interprets a reply: the transcript goes back as the client showed it.
A client that is not installed skips the test (conftest.need).
"""

import smtplib
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
from tests.interop.conftest import need

HOST = "127.0.0.1"


class Errand(msgspec.Struct, frozen=True):
    """What is asked of a client. `tls` is "", "starttls" or "implicit"; `user` is "" for no AUTH."""

    port: int
    letter: bytes  # lines end in CRLF
    sender: str
    to: str
    ca: Path
    tls: str = "starttls"
    user: str = ""
    password: str = ""
    mechanism: str = "PLAIN"


class Said(msgspec.Struct, frozen=True):
    """How it went, and everything the client showed of it."""

    ok: bool
    transcript: str


def _run(command: list[str], octets: bytes = b"") -> Said:
    done = subprocess.run(command, input=octets, capture_output=True, timeout=120, check=False)
    return Said(done.returncode == 0, (done.stdout + done.stderr).decode("utf-8", "replace"))


def _lines(errand: Errand) -> bytes:
    """The letter as a local program takes it."""
    return errand.letter.replace(b"\r\n", b"\n")


def swaks(errand: Errand, folder: Path) -> Said:
    letter = folder / "letter.eml"
    letter.write_bytes(_lines(errand).removesuffix(b"\n"))  # it adds the last line end itself
    command = [need("swaks"), "--server", HOST, "--port", str(errand.port), "--helo", "client.test"]
    command += ["--from", errand.sender, "--to", errand.to, "--data", f"@{letter}"]
    if errand.tls:
        command += ["--tls-on-connect" if errand.tls == "implicit" else "--tls", "--tls-verify"]
        command += ["--tls-ca-path", str(errand.ca)]
    if errand.user:
        command += ["--auth", errand.mechanism, "--auth-user", errand.user, "--auth-password", errand.password]
    return _run(command)


def msmtp(errand: Errand, folder: Path) -> Said:
    on = {True: "on", False: "off"}
    lines = [
        f"account default\nhost {HOST}\nport {errand.port}\nfrom {errand.sender}\ndomain client.test",
        f"tls {on[errand.tls != '']}\ntls_starttls {on[errand.tls == 'starttls']}",
    ]
    if errand.tls:
        lines.append(f"tls_trust_file {errand.ca}")
    if errand.user:
        lines.append(f"auth {errand.mechanism.lower()}\nuser {errand.user}\npassword {errand.password}")
    else:
        lines.append("auth off")
    config = folder / "msmtprc"
    config.write_text("\n".join(lines) + "\n")
    config.chmod(0o600)
    return _run([need("msmtp"), "--debug", f"--file={config}", errand.to], _lines(errand))


def curl(errand: Errand, folder: Path) -> Said:
    letter = folder / "letter.eml"
    letter.write_bytes(errand.letter)
    scheme = "smtps" if errand.tls == "implicit" else "smtp"
    command = [need("curl"), "--verbose", "--silent", "--show-error", f"{scheme}://{HOST}:{errand.port}/client.test"]
    command += ["--mail-from", errand.sender, "--mail-rcpt", errand.to, "--upload-file", str(letter)]
    if errand.tls:
        command += ["--ssl-reqd", "--cacert", str(errand.ca)]
    if errand.user:
        command += ["--user", f"{errand.user}:{errand.password}", "--login-options", f"AUTH={errand.mechanism}"]
    return _run(command)


def python(errand: Errand, folder: Path) -> Said:
    context = ssl.create_default_context(cafile=str(errand.ca))
    heard: list[str] = []
    try:
        with _connected(errand, context) as client:
            if errand.tls == "starttls":
                client.starttls(context=context)
            if errand.user:
                client.ehlo()
                client.user, client.password = errand.user, errand.password
                method = {"PLAIN": client.auth_plain, "LOGIN": client.auth_login}[errand.mechanism]
                client.auth(errand.mechanism, method)
            client.sendmail(errand.sender, [errand.to], errand.letter)
    except (smtplib.SMTPException, OSError) as error:
        heard.append(repr(error))
    return Said(not heard, "\n".join(heard))


def _connected(errand: Errand, context: ssl.SSLContext) -> smtplib.SMTP:
    if errand.tls == "implicit":
        return smtplib.SMTP_SSL(HOST, errand.port, "client.test", context=context, timeout=60)
    return smtplib.SMTP(HOST, errand.port, "client.test", timeout=60)


Client = Callable[[Errand, Path], Said]
CLIENTS: dict[str, tuple[Client, tuple[str, ...]]] = {  # with the mechanisms they speak and we offer
    "swaks": (swaks, ("PLAIN", "LOGIN")),
    "msmtp": (msmtp, ("PLAIN", "LOGIN", "SCRAM-SHA-256")),
    "curl": (curl, ("PLAIN", "LOGIN")),
    "smtplib": (python, ("PLAIN", "LOGIN")),
}

"""What the kinds "-auth" and "-dkim" need: a signed letter, the DNS it is checked against, OpenDKIM for Postfix.

Called by bench/run.py. hatoba verifies SPF, DKIM and DMARC over a DNS server on loopback; Postfix has OpenDKIM alone
behind it as a milter, with the key in a file: it asks no DNS and checks no SPF, so the comparison favours it.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.support import postfix
from tests.support.dns_server import DnsServer

from hatoba.mailauth.dkim import keys, sign

DOMAIN = "sender.example"
SENDER = f"alice@{DOMAIN}"
SELECTOR = "r"
OPENDKIM = "/usr/sbin/opendkim"

_LINE = b"A line of a letter, with words of several lengths, that ends before column 78.\r\n"
_HEADER = (
    b"From: Alice <alice@sender.example>\r\nTo: Bob <bob@bench.test>\r\nSubject: a letter\r\n"
    b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@sender.example>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=us-ascii\r\n\r\n"
)
_VERIFYING = "Mode v\nTestPublicKeys {folder}/keys\n"
_SIGNING = """
Mode s
Domain {domain}
Selector {selector}
KeyFile {folder}/key
RequireSafeKeys no
OversignHeaders From
"""
_CONFIGURATION = """
Socket inet:{port}@127.0.0.1
PidFile {folder}/opendkim.pid
UserID opendkim
Background no
Syslog no
AuthservID postfix.test
AlwaysAddARHeader yes
InternalHosts {internal}
Canonicalization relaxed/relaxed
SignatureAlgorithm rsa-sha256
"""


class Scene:
    """One key, and everything that is made of it in a folder that the peers may enter."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = rsa.generate_private_key(65537, 2048)
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)

    def letter(self, size: int) -> Path:
        """A file for smtp-source -F: a signed letter of about so many octets, its lines ending in LF."""
        content = _HEADER + _LINE * max(1, size // len(_LINE))
        signed = sign.sign(content, [sign.Signer(DOMAIN, SELECTOR, self._key)], now=1_764_000_000) + content
        path = self.folder / f"letter-{size}"
        path.write_bytes(signed.replace(b"\r\n", b"\n"))
        return path

    def dns(self) -> DnsServer:
        """The sender's zone."""
        record = keys.record(self._key)
        cut = [record[at : at + 250] for at in range(0, len(record), 250)]
        return DnsServer(
            {
                DOMAIN: {"TXT": ['"v=spf1 ip4:127.0.0.1 -all"']},
                f"{SELECTOR}._domainkey.{DOMAIN}": {"TXT": [" ".join(f'"{part}"' for part in cut)]},
                f"_dmarc.{DOMAIN}": {"TXT": ['"v=DMARC1; p=reject"']},
                "1.0.0.127.in-addr.arpa": {"PTR": ["localhost."]},
                "localhost": {"A": ["127.0.0.1"]},
            }
        )

    @contextmanager
    def opendkim(self, *, signing: bool = False) -> Iterator["Milter"]:
        """OpenDKIM as a milter on a loopback port, verifying, or signing every letter with the key."""
        if not shutil.which(OPENDKIM):
            raise postfix.Missing("Debian's opendkim is not installed")
        port = postfix.free_port()
        (self.folder / "nobody").write_text("192.0.2.1\n")
        (self.folder / "keys").write_text(f"{SELECTOR}._domainkey.{DOMAIN} {keys.record(self._key)}\n")
        file = self.folder / "opendkim.conf"
        words = {"port": port, "folder": self.folder, "domain": DOMAIN, "selector": SELECTOR}
        words["internal"] = "127.0.0.1" if signing else self.folder / "nobody"
        file.write_text(((_SIGNING if signing else _VERIFYING) + _CONFIGURATION).format(**words))
        secret = self.folder / "key"
        secret.touch(0o600)
        form = serialization.PrivateFormat.TraditionalOpenSSL
        secret.write_bytes(self._key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
        for path in (self.folder, secret):
            shutil.chown(path, "opendkim")
        with (self.folder / "opendkim.log").open("wb") as log:
            process = subprocess.Popen([OPENDKIM, "-f", "-x", str(file)], stdout=log, stderr=log)
        try:
            postfix.wait_for_port(port)
            yield Milter(port, process.pid)
        finally:
            process.terminate()
            process.wait(30)


class Milter:
    """`socket` is how Postfix calls it."""

    def __init__(self, port: int, pid: int) -> None:
        self.socket, self.pid = f"inet:127.0.0.1:{port}", pid

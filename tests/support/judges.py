"""Other programs that sign and verify DKIM: dkimpy in this process, OpenDKIM's filter and tools as processes.

Used by story, interop and unit tests.
Never asks a DNS server: each judge gets the records it may see.
Fails with subprocess.CalledProcessError where OpenDKIM does.
"""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import dkim as dkimpy

_SIGNATURE = re.compile(rb"(?im)^dkim-signature:")
_RESULT = re.compile(r"dkim=(\w+)(?:[^;]*?header\.s=(\S+))?")


def dkimpy_verdicts(content: bytes, records: Mapping[str, str]) -> list[bool]:
    """dkimpy's verdict on each signature, top to bottom. `records`: "selector._domainkey.domain" → TXT."""

    def dns(name: bytes, timeout: int = 5) -> bytes:
        return records.get(name.decode().rstrip("."), "").encode()

    def verdict(place: int) -> bool:
        try:
            return bool(dkimpy.DKIM(content).verify(idx=place, dnsfunc=dns))
        except dkimpy.ValidationError:
            return False

    return [verdict(place) for place in range(len(_SIGNATURE.findall(content.partition(b"\r\n\r\n")[0])))]


def opendkim() -> str:
    """The filter's path, "" where it is not installed."""
    return shutil.which("opendkim", path="/usr/sbin:/usr/bin") or ""


def opendkim_verdicts(content: bytes, records: Mapping[str, str], folder: Path) -> dict[str, str]:
    """OpenDKIM's result for each selector, as its filter writes them into Authentication-Results."""
    zone, letter = folder / "dns", folder / "letter.eml"
    zone.write_text("".join(f"{name} {text}\n" for name, text in records.items()), encoding="ascii")
    letter.write_bytes(content)
    out = _filter(folder, f"Mode v\nTestDNSData {zone}\n", letter)
    field = out.partition("Authentication-Results")[2].partition("###")[0]
    return {selector: result for result, selector in _RESULT.findall(field) if selector}


def opendkim_signed(content: bytes, domain: str, selector: str, key: bytes, folder: Path, algorithm: str) -> bytes:
    """The letter with the signature of OpenDKIM's filter on top. `algorithm`: "rsa-sha256", "ed25519-sha256"."""
    pem, letter = folder / "key.pem", folder / "letter.eml"
    pem.write_bytes(key)
    pem.chmod(0o600)
    letter.write_bytes(content)
    said = f"Mode s\nDomain {domain}\nSelector {selector}\nKeyFile {pem}\nSignatureAlgorithm {algorithm}\n"
    out = _filter(folder, said + "Canonicalization relaxed/relaxed\n", letter)
    found = re.search(r"hname='DKIM-Signature' hvalue='(.*?)'\n", out, re.DOTALL)
    if found is None:
        raise AssertionError(f"OpenDKIM did not sign:\n{out}")
    value = found[1].replace("\r\n", "\n").replace("\n", "\r\n").encode()
    return b"DKIM-Signature: " + value + b"\r\n" + content


def _filter(folder: Path, settings: str, letter: Path) -> str:
    """What the filter says of a letter in its test mode: the same callbacks as behind a mail server."""
    conf = folder / "opendkim.conf"
    conf.write_text(settings + "Socket inet:9@127.0.0.1\nRequireSafeKeys no\n", encoding="ascii")
    command = [opendkim(), "-x", str(conf), "-vvv", "-t", str(letter)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout + done.stderr

"""TLS contexts: ours for servers (reloaded when the files change), ours for clients, and a self-signed certificate.

Called by app (certificates at start), doors.smtp (each handshake takes the current context) and delivery.
Never decides whether a peer's certificate matters: the caller asks for `verify` or not.
Fails with OSError or ssl.SSLError on unreadable files at start; a failed reload keeps the old context.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DER = 2  # _ssl.ENCODING_DER
VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


class ServerContext(ssl.SSLContext):
    """`end_point`: the channel binding of its certificate, b"" where that has none."""

    end_point: bytes = b""


def server_context(cert: str | Path, key: str | Path, *, minimum: str = "TLSv1.2") -> ServerContext:
    """The context of a server with the PEM chain `cert` and its `key`. # RFC 8996, RFC 9325"""
    context = ServerContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = VERSIONS[minimum]
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.load_cert_chain(cert, key)
    context.end_point = end_point(x509.load_pem_x509_certificates(Path(cert).read_bytes())[0])
    return context


@lru_cache(maxsize=32)
def client_context(
    *, verify: bool = False, name: bool = True, ca_file: str = "", minimum: str = "TLSv1.2"
) -> ssl.SSLContext:
    """The context of a client, made once for each set of arguments (loading the CAs costs milliseconds).

    Not `verify`: any certificate will do, for opportunistic TLS. # RFC 7435
    Not `name`: it must be valid, but whose it is the caller looks at.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = VERSIONS[minimum]
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    context.check_hostname = name
    if ca_file:
        context.load_verify_locations(ca_file)
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    return context


def describe(secured: Any) -> str:
    """ "TLSv1.3 TLS_AES_256_GCM_SHA384" of an ssl.SSLObject or SSLSocket; "" for None."""
    if secured is None:
        return ""
    cipher = secured.cipher()
    return f"{secured.version()} {cipher[0] if cipher else '?'}"


def chain(secured: Any) -> tuple[bytes, ...]:
    """The certificates a server sent (DER, its own first), valid or not, of an ssl.SSLObject or SSLSocket; () for None.

    Python 3.13 has a method for it; 3.10 to 3.12 have it on the object below, whose certificates are to be encoded.
    Should a Python have neither, the server's own certificate is better than none.
    """
    if secured is None:
        return ()
    give = getattr(secured, "get_unverified_chain", None)
    if give is None:
        give = getattr(getattr(secured, "_sslobj", None), "get_unverified_chain", None)
    found = (give() if give is not None else None) or ()
    ders = tuple(each if isinstance(each, bytes) else each.public_bytes(_DER) for each in found)
    if ders:
        return ders
    leaf = secured.getpeercert(binary_form=True)
    return (leaf,) if leaf else ()


def end_point(certificate: x509.Certificate) -> bytes:
    """The tls-server-end-point binding of a connection to who shows this certificate; b"" where none is defined.

    The hash is that of the certificate's signature, MD5 and SHA-1 replaced; a signature without a hash of its own
    (Ed25519) or with several has no binding. # RFC 5929 §4.1
    """
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return b""
    if algorithm is None:
        return b""
    chosen = hashes.SHA256() if isinstance(algorithm, hashes.MD5 | hashes.SHA1) else algorithm
    return certificate.fingerprint(chosen)


def bindings(secured: Any) -> dict[str, bytes]:
    """What SCRAM may bind to this connection of ours, by type; of a server's ssl.SSLObject, {} for None.

    tls-exporter (RFC 9266) where this Python gives it; none of 3.11 to 3.14 does. tls-unique is not for TLS 1.3.
    """
    if secured is None:
        return {}
    found = {"tls-server-end-point": getattr(secured.context, "end_point", b"")}
    if "tls-exporter" in ssl.CHANNEL_BINDING_TYPES:
        found["tls-exporter"] = secured.get_channel_binding("tls-exporter") or b""
    return {kind: data for kind, data in found.items() if data}


class ServerTls:
    """The server context of two files, made anew when either file changed. `problem` says why a reload failed."""

    def __init__(self, cert: str | Path, key: str | Path, *, minimum: str = "TLSv1.2") -> None:
        self._cert, self._key, self._minimum = Path(cert), Path(key), minimum
        self._stamp = self._stamps()
        self._context = server_context(cert, key, minimum=minimum)
        self.problem = ""

    @property
    def context(self) -> ssl.SSLContext:
        """The current context; cheap."""
        return self._context

    def reload(self) -> bool:
        """Looks at the files (two stats); True when a new context was made. Never raises."""
        try:
            stamp = self._stamps()
            if stamp == self._stamp:
                return False
            self._context = server_context(self._cert, self._key, minimum=self._minimum)
        except (OSError, ValueError) as error:  # SSLError is an OSError; half-written files mend themselves
            self.problem = f"{self._cert}: {error}"
            return False
        self._stamp, self.problem = stamp, ""
        return True

    def _stamps(self) -> tuple[int, ...]:
        found = [path.stat() for path in (self._cert, self._key)]
        return tuple(part for stat in found for part in (stat.st_mtime_ns, stat.st_size, stat.st_ino))


def self_signed(folder: str | Path, names: list[str], *, days: int = 825) -> tuple[Path, Path]:
    """Writes folder/self-signed.pem and folder/self-signed.key (mode 0600) for DNS names or IPs; (cert, key).

    ECDSA P-256. Existing files are replaced whole (write, then rename). ValueError without a name.
    """
    if not names:
        raise ValueError("a certificate needs at least one name")
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    start = datetime.now(UTC) - timedelta(hours=1)  # noqa: TID251 # net may read the clock: a certificate has dates
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    certificate = builder.sign(private, hashes.SHA256())
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    cert, key = folder / "self-signed.pem", folder / "self-signed.key"
    pkcs8 = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write(key, pkcs8, 0o600)
    _write(cert, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    return cert, key


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        return x509.DNSName(name)


def _write(path: Path, data: bytes, mode: int) -> None:
    fresh = path.with_suffix(path.suffix + ".new")
    fresh.unlink(missing_ok=True)
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        os.write(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)
    fresh.replace(path)

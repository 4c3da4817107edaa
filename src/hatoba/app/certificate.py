"""The TLS certificate of this node: the files of the settings, or a self-signed one made at first start.

Called by supervisor before it binds, and again on SIGHUP.
Never overwrites a file of the operator; a self-signed certificate is made anew near its end or for another host name.
Fails with OSError where the directory cannot be written.
"""

import datetime
import socket
from pathlib import Path
from typing import Annotated

import msgspec
from cryptography import x509
from msgspec import Meta

from hatoba.app.places import Places
from hatoba.net import tls

RENEW_BEFORE = datetime.timedelta(days=30)
_LOCAL = ("localhost", "127.0.0.1", "::1")


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    certificate: Annotated[
        str,
        Meta(
            description="PEM file with the certificate chain; empty: a self-signed one is made at first start.",
            extra={"reloads": True},
        ),
    ] = ""
    key: Annotated[str, Meta(description="PEM file with the private key.", extra={"reloads": True})] = ""
    minimum: Annotated[
        str, Meta(description='Oldest TLS spoken: "TLSv1.2" or "TLSv1.3".', pattern="^TLSv1[.][23]$")
    ] = "TLSv1.2"


class Pair(msgspec.Struct, frozen=True):
    """The two PEM files. `own` says that we made them: clients must be told to trust them."""

    certificate: str
    key: str
    own: bool


def hostname(configured: str) -> str:
    """`hostname` of the settings, else this machine's full name, else "localhost"."""
    return configured or socket.getfqdn() or "localhost"


def _stands(path: Path, name: str) -> bool:
    """Whether the self-signed certificate there is for `name` and not near its end."""
    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    left = found.not_valid_after_utc - datetime.datetime.now(datetime.UTC)  # noqa: TID251  app may read the clock
    return left > RENEW_BEFORE and name in {str(one.value) for one in names}


def ensure(settings: Settings, name: str, places: Places) -> Pair:
    """The certificate to serve with; a self-signed one for `name` is made if none is configured."""
    if settings.certificate:
        return Pair(settings.certificate, settings.key or settings.certificate, own=False)
    certificate, key = places.tls / "self-signed.pem", places.tls / "self-signed.key"
    if not (key.is_file() and _stands(certificate, name)):
        certificate, key = tls.self_signed(places.tls, list(dict.fromkeys((name, *_LOCAL))))
    return Pair(str(certificate), str(key), own=True)

"""The TLS certificate of this node: the files of the settings, or a self-signed one made at first start.

Called by supervisor before it binds, and again on SIGHUP.
Never overwrites a file; a self-signed certificate is renewed when it has expired or the host name has changed.
Fails with Unreadable, which names the file and the fix.
"""

from typing import Annotated

import msgspec
from msgspec import Meta


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    certificate: Annotated[
        str,
        Meta(
            description="PEM file with the certificate chain; empty: a self-signed one is made at first start.",
            extra={"reloads": True},
        ),
    ] = ""
    key: Annotated[str, Meta(description="PEM file with the private key.", extra={"reloads": True})] = ""

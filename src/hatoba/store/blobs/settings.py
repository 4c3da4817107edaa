"""The settings of large bodies: where they go, and how an object store is spoken to.

Read by depot and objects; filled by app from the settings file.
Never reads a file or the environment itself (the object store's client reads AWS_* and its like).
Fails with msgspec.ValidationError on values out of range; `place` with ValueError on a URL that cannot work.
"""

from typing import Annotated
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from hatoba.kit.units import Bytes, Seconds

SCHEMES = ("s3", "gs", "az")
_SECRETS = ("secret", "token", "password", "account_key", "access_key", "sas")  # no query may carry them: it is shown


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[blobs] in hatoba.toml."""

    url: Annotated[
        str,
        msgspec.Meta(
            description="Where bodies larger than store.inline go: file:///folder, s3://bucket/prefix, gs://… or "
            "az://…; empty: files in the data directory. Options may follow: ?endpoint=…&region=…. "
            "One installation per prefix."
        ),
    ] = ""
    former: Annotated[
        tuple[str, ...],
        msgspec.Meta(
            description="URLs used before: bodies that lie there are still read and, when done with, removed."
        ),
    ] = ()
    endpoint: Annotated[
        str, msgspec.Meta(description="URL of an S3-compatible server; empty: Amazon's, or AWS_ENDPOINT_URL.")
    ] = ""
    region: Annotated[str, msgspec.Meta(description="Region of the bucket; empty: from the environment.")] = ""
    access_key: Annotated[
        str,
        msgspec.Meta(
            description="Access key id (s3) or account name (az); empty: from the environment or the machine's role."
        ),
    ] = ""
    secret_key: Annotated[
        str,
        msgspec.Meta(
            description="The secret that belongs to access_key; better in the environment.", extra={"secret": True}
        ),
    ] = ""
    timeout: Annotated[
        Seconds,
        msgspec.Meta(
            ge=0.1,
            le=300,
            description="How long the object store may stay silent, and how long one request is retried.",
        ),
    ] = 20.0
    connect_timeout: Annotated[
        Seconds, msgspec.Meta(ge=0.1, le=60, description="How long a connection to the object store may take.")
    ] = 5.0
    retries: Annotated[
        int,
        msgspec.Meta(ge=0, le=20, description="How often a request is tried again before the mail is answered 451."),
    ] = 3
    patience: Annotated[
        Seconds,
        msgspec.Meta(
            ge=1,
            le=400,
            description="A body that came in whole waits this long for its turn to be sent; then it is answered 451. "
            "Clients wait ten minutes.",
        ),
    ] = 120.0  # RFC 5321 §4.5.3.2.6: 10 minutes for the answer to the final dot
    part: Annotated[
        Bytes,
        msgspec.Meta(
            ge=5 * 1024 * 1024,
            le=256 * 1024 * 1024,
            description="A body longer than this is sent in parts of this size while it still comes in.",
        ),
    ] = 5 * 1024 * 1024  # S3 takes no smaller part but the last
    threads: Annotated[
        int,
        msgspec.Meta(
            ge=1, le=64, description="Transfers at a time, of each shard; each may hold three parts in memory."
        ),
    ] = 4
    grace: Annotated[
        Seconds,
        msgspec.Meta(
            ge=3600,
            description="Objects that no letter names are removed when older than this; longer than any upload takes.",
        ),
    ] = 86400.0
    sweep: Annotated[
        Seconds,
        msgspec.Meta(ge=1, description="How often the object store is searched for objects that no letter names."),
    ] = 3600.0


class Place(msgspec.Struct, frozen=True):
    """A URL taken apart. `folder` for file:, else `bare` is the URL without its options."""

    shown: str
    folder: str = ""
    bare: str = ""
    scheme: str = ""
    options: dict[str, str] = {}


def place(url: str) -> Place:
    """ValueError with the fix when the URL is of no use."""
    parts = urlsplit(url)
    bare = f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
    if parts.username or parts.password:
        raise ValueError(f"{bare}: name and password do not belong into the URL: use blobs.access_key and secret_key")
    if parts.scheme == "file":
        if parts.netloc or not parts.path.startswith("/") or parts.query:
            raise ValueError(f"{bare}: a folder is written file:///absolute/path")
        return Place(bare, folder=unquote(parts.path))
    if parts.scheme not in SCHEMES or not parts.netloc:
        raise ValueError(
            f"{bare}: write file:///folder, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix"
        )
    options = {key.lower(): value for key, value in parse_qsl(parts.query, keep_blank_values=True)}
    for key in options:
        if any(word in key for word in _SECRETS):
            raise ValueError(f"{bare}: {key} does not belong into the URL: use blobs.access_key and secret_key")
    return Place(bare, bare=bare.rstrip("/"), scheme=parts.scheme, options=options)

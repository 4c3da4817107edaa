"""Objects: one prefix of one object store (S3, GCS, Azure) in the few verbs that bodies need, errors as StoreTrouble.

Made by depot from a URL; used by upload, bucket and sweep, in threads. Every call ends within the settings' bounds.
Never relies on conditional requests, and never tells a secret: what servers answer is cut before it is shown.
Fails with Missing where there is no such object, StoreTrouble otherwise.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from hatoba.store import trouble
from hatoba.store.blobs import settings as settings_

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_CODE = re.compile(r"<Code>([A-Za-z0-9.]{1,64})</Code>")
_WHOLE = 5  # a request with its body may take so many timeouts
_CONCURRENT = 2  # parts of one body under way


class Missing(trouble.StoreTrouble):
    """There is no such object (or no such bucket: servers say the same of both)."""


class Entry(NamedTuple):
    """An object as it is listed; `modified` in seconds since 1970 by the server's clock."""

    key: str
    size: int
    modified: float


class Sink(Protocol):
    """An object being written; what leaves `with` by an exception is never seen by anybody."""

    def write(self, buffer: bytes, /) -> int: ...


class Objects:
    """`name` is for people and logs: the URL without options."""

    def __init__(self, where: settings_.Place, settings: settings_.Settings) -> None:
        self.name = where.shown
        self._secrets = [settings.secret_key] if settings.secret_key else []
        self._settings = settings
        self._store = self._opened(where)

    def _opened(self, where: settings_.Place) -> ObjectStore:
        import obstore.store  # 80 ms that only those with an object store pay

        s = self._settings
        config: dict[str, Any] = {**_given(where, s), **where.options}
        client: dict[str, Any] = {
            "connect_timeout": timedelta(seconds=s.connect_timeout),
            "read_timeout": timedelta(seconds=s.timeout),
            "timeout": timedelta(seconds=s.timeout * _WHOLE),
        }
        if str(config.get("endpoint", "")).startswith("http://"):  # who writes it so means it
            client["allow_http"] = True
        with self.told("opening"):
            return obstore.store.from_url(  # type: ignore[call-overload,no-any-return]  # overloads by kind of store
                where.bare,
                config=config,
                client_options=client,
                retry_config={
                    "max_retries": s.retries,
                    "retry_timeout": timedelta(seconds=s.timeout),
                    "backoff": {"init_backoff": timedelta(seconds=0.1), "max_backoff": timedelta(seconds=2), "base": 2},
                },
            )

    def put(self, key: str, data: bytes) -> None:
        """One small object, whole or not at all."""
        import obstore

        with self.told(f"writing {key}"):
            obstore.put(self._store, key, data, use_multipart=False)

    def sink(self, key: str) -> AbstractContextManager[Sink]:
        """Writes a large object in parts; it appears when the `with` ends well."""
        import obstore

        return obstore.open_writer(self._store, key, buffer_size=self._settings.part, max_concurrency=_CONCURRENT)

    def copy(self, source: str, target: str) -> None:
        """Within the server."""
        import obstore

        with self.told(f"copying {source}"):
            obstore.copy(self._store, source, target)

    def delete(self, keys: list[str]) -> None:
        """Those that are gone already are no trouble."""
        import obstore

        with self.told(f"removing {keys[0]}"), contextlib.suppress(FileNotFoundError):
            obstore.delete(self._store, keys)

    def head(self, key: str) -> Entry:
        """Size and time of an object."""
        import obstore

        with self.told(f"asking for {key}"):
            found = obstore.head(self._store, key)
        return Entry(key, found["size"], found["last_modified"].timestamp())

    def chunks(self, key: str, size: int) -> Iterator[bytes]:
        """An object from its beginning, `size` octets at a time or somewhat more."""
        import obstore

        with self.told(f"reading {key}"):
            for chunk in obstore.get(self._store, key).stream(min_chunk_size=size):
                yield bytes(chunk)

    def list(self, folder: str) -> Iterator[Entry]:
        """Everything in a folder, a page of the server's at a time."""
        import obstore

        with self.told(f"listing {folder}"):
            for page in obstore.list(self._store, folder, chunk_size=1000):
                for found in page:
                    yield Entry(found["path"], found["size"], found["last_modified"].timestamp())

    @contextlib.contextmanager
    def told(self, doing: str) -> Iterator[None]:
        """Inside, what the client raises becomes StoreTrouble."""
        try:
            yield
        except trouble.StoreTrouble:
            raise
        except Exception as error:  # noqa: BLE001  # the client's own classes, OSError, ValueError, by version
            raise self._trouble(error, doing) from None

    def _trouble(self, error: BaseException, doing: str) -> trouble.StoreTrouble:
        """Errors of the client quote the server's whole answer and the URL with its query: only the gist is kept."""
        text = str(error).strip().partition("\n")[0]
        code = _CODE.search(str(error))
        text = re.split(r"[:\s]*<\?xml|[:\s]*<[A-Za-z]", text)[0]
        text = re.sub(r"\?\S*", "", text)[:300]
        for secret in self._secrets:
            text = text.replace(secret, "***")
        kind = Missing if isinstance(error, FileNotFoundError) else trouble.StoreTrouble
        said = f" ({code[1]})" if code else ""
        return kind(f"{doing} at {self.name}: {text or type(error).__name__}{said}", trouble.IO)


def _given(where: settings_.Place, s: settings_.Settings) -> dict[str, str]:
    """The settings under the names of this kind of store; what is not given is sought in the environment."""
    names = {
        "s3": ("endpoint", "region", "access_key_id", "secret_access_key"),
        "az": ("endpoint", "", "account_name", "account_key"),
        "gs": ("", "", "", "service_account_key"),
    }[where.scheme]
    values = (s.endpoint, s.region, s.access_key, s.secret_key)
    return {name: value for name, value in zip(names, values, strict=True) if name and value}

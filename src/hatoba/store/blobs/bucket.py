"""Bucket: the large bodies of one shard in one object store.

Made by depot, one for each URL. Keys are NNNN/<letter id>.<SHA-256 of the body>: one letter, one object, so that an
object has one reference ever, a repeated upload writes the same octets, and its removal can take nothing from another.
Never tells Missing of an object while the place itself may be the wrong one. Fails with Damaged, StoreTrouble.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections import deque
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path

import structlog

from hatoba.kit import ids
from hatoba.store import trouble
from hatoba.store.blobs import folder
from hatoba.store.blobs.copies import Copies
from hatoba.store.blobs.objects import Missing, Objects
from hatoba.store.blobs.settings import Settings
from hatoba.store.blobs.upload import Upload

OWNER = "owner"  # the object that says which installation a prefix belongs to
_INCOMING = "incoming"  # stands in a key for the hash that is not known yet
_PIECE = 1 << 20
_BULK = 1000  # keys that one request may remove
_log = structlog.get_logger("hatoba.store")


class Damaged(Exception):
    """The body is not what was written: missing, too short, too long, or other octets."""


class Draft(folder.Draft):
    """A body on its way to the bucket; its local file is the copy that the first delivery reads."""

    __slots__ = ("_bucket", "_handed", "_hash", "_upload")

    def __init__(self, bucket: Bucket, number: int) -> None:
        self._hash = hashlib.sha256()
        self._handed = False  # a commit may name it: from here on only the sweep may remove the object
        self._bucket = bucket
        self._upload: Upload | None = None
        super().__init__(bucket.copies.path, number)
        bucket.know(number, "")

    @property
    def name(self) -> str:
        """The id and the hash of what was appended so far."""
        return f"{folder.name(self.number)}.{self._hash.hexdigest()}"

    def append(self, data: bytes) -> None:
        """To the local file; what makes a part is sent from there. StoreTrouble on a full disk: then discard()."""
        super().append(data)
        self._hash.update(data)
        if self._upload is None:
            if self.size < self._bucket.part:
                return
            self._upload = self._bucket.upload(self)
        self._upload.grown(self.size)

    def finish(self) -> Future[None]:
        """The body is complete; the future is done when the object store has it. Never blocks."""
        if self._upload is None:
            self._upload = self._bucket.upload(self)
            self._upload.grown(self.size)
        self._handed = True
        self._upload.finish(self._bucket.key(self.name))
        return self._upload.done

    def sync(self) -> None:
        """Waits until the object store has it."""
        self.finish().result()

    def publish(self) -> None:
        """The local file becomes the copy that deliveries read. Writer's thread, once or more."""
        self._bucket.know(self.number, self.name)
        with contextlib.suppress(trouble.StoreTrouble):  # without a copy it is fetched
            super().publish()

    def discard(self) -> None:
        """Removes the local file, and the object unless a commit that failed in an unknown way may name it."""
        super().discard()
        self._bucket.forget(self.number)
        if self._upload is not None and not self._handed:
            self._upload.abandon()


class Bucket:
    """`live` is the set that the writer asks whether a letter that goes has a body (it belongs to depot)."""

    def __init__(
        self, objects: Objects, number: int, copies: Copies, live: set[int], pool: Executor, settings: Settings
    ) -> None:
        self.objects = objects
        self.folder = f"{number:04d}"
        self.copies = copies
        self.part = settings.part
        self._patience = settings.patience
        self._live = live
        self._names: dict[int, str] = {}  # letter → its body's name, "" while that is not known: none is swept
        self._pool = pool
        self._doomed: deque[str] = deque()
        self._removing = ThreadPoolExecutor(1, thread_name_prefix=f"unblob-{self.folder}")

    def key(self, name: str) -> str:
        return f"{self.folder}/{name}"

    # in

    def draft(self, number: int) -> Draft:
        return Draft(self, number)

    def upload(self, draft: Draft) -> Upload:
        incoming = self.key(f"{folder.name(draft.number)}.{_INCOMING}")
        return Upload(self.objects, self._pool, draft.path, incoming, self.part, self._patience)

    def know(self, number: int, name: str) -> None:
        """A row names it, or will: it is not swept, and when the letter goes, so does the object."""
        self._names[number] = name
        if name:
            self._live.add(number)

    def named(self, number: int) -> str | None:
        """The name that a row has or may soon have; "" while it is not known, None when none will."""
        return self._names.get(number)

    def forget(self, number: int) -> None:
        """No row will name it."""
        self._names.pop(number, None)

    # out

    def fetch(self, name: str, octets: int) -> Path:
        """A file with the body, its length and hash checked; one more try when they are wrong: it may be the line."""
        target = self.copies.fresh(name)
        try:
            wrong = self._download(name, octets, target) and self._download(name, octets, target)
            if wrong:
                raise Damaged(wrong)
        except BaseException as error:
            target.unlink(missing_ok=True)
            if isinstance(error, Missing):
                self._sure(name)
                raise Damaged(f"its body is missing: {error}") from None
            if isinstance(error, OSError):
                raise trouble.of(error, f"keeping a copy of {name}") from error
            raise
        self.know(ids.number(name.partition(".")[0]), name)
        return target

    def _download(self, name: str, octets: int, target: Path) -> str:
        """Writes the object to a file; what is wrong with it, "" when nothing is."""
        digest, size = hashlib.sha256(), 0
        with target.open("wb") as file:
            target.chmod(0o600)
            for chunk in self.objects.chunks(self.key(name), _PIECE):
                size += len(chunk)
                if size > octets:
                    break
                digest.update(chunk)
                file.write(chunk)
        if size != octets:
            return f"its body {name} has {f'{size} octets' if size < octets else 'more'} instead of {octets}"
        return "" if name.endswith("." + digest.hexdigest()) else f"its body {name} has other octets than were written"

    def _sure(self, name: str) -> None:
        """Missing means the object only where the place itself answers: a wrong URL must set no letter aside."""
        try:
            self.objects.head(OWNER)
        except trouble.StoreTrouble as error:
            raise trouble.StoreTrouble(f"reading {name}: the place is not there: {error}", trouble.IO) from None

    # away

    def remove(self, number: int) -> None:
        """Removes the object of a letter that is gone, in a thread; what fails is the sweep's."""
        name = self._names.pop(number, "")
        if name:
            self._doomed.append(self.key(name))
            with contextlib.suppress(RuntimeError):
                self._removing.submit(self._remove)

    def _remove(self) -> None:
        """All that wait, in as few requests as they need."""
        while self._doomed:
            keys = [self._doomed.popleft() for _ in range(min(_BULK, len(self._doomed)))]
            try:
                self.objects.delete(keys)
            except trouble.StoreTrouble as error:
                _log.warning("store.left for the sweep", objects=len(keys), first=keys[0], error=str(error))

    def close(self, grace: float) -> None:
        """Lets removals end for `grace` seconds; what is left is the sweep's."""
        done = threading.Event()
        self._removing.submit(done.set)
        done.wait(grace)
        self._removing.shutdown(wait=False, cancel_futures=True)

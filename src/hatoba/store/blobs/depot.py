"""Depot: where the large bodies of one shard are: this machine's folders and object stores, told apart by their names.

Held by shard as `shard.blobs`; asked by spool (read), queue (hold, bring), writer (draft, finish, numbers, remove).
A name without a dot is a file in a folder, one with a dot an object (id.hash): letters sealed before blobs.url changed
are read where they lie. Never blocks an event loop. Fails with Damaged for one body, StoreTrouble for a place.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from hatoba.store import trouble
from hatoba.store.blobs import bucket as bucket_
from hatoba.store.blobs import copies as copies_
from hatoba.store.blobs import folder
from hatoba.store.blobs import settings as settings_
from hatoba.store.blobs import sweep as sweep_
from hatoba.store.blobs.bucket import Bucket, Damaged
from hatoba.store.blobs.copies import Copies
from hatoba.store.blobs.folder import Draft, Folder
from hatoba.store.blobs.objects import Objects

_LAST = 5.0  # seconds that removals may take at the end


class Depot:
    """`remote`: new bodies go to an object store. `path` is the folder of new files, or of the copies of objects.

    `home` names the installation, so that two of them on one prefix do not sweep each other's mail; "": a file of the
    data folder keeps a name drawn once.
    """

    def __init__(self, data: Path, number: int, settings: settings_.Settings | None = None, home: str = "") -> None:
        settings = settings or settings_.Settings()
        shard = f"{number:04d}"
        places = _places(settings)
        here = data / "blobs" / shard
        self.folders = [Folder(path) for path in local(data, number, settings)]
        self.buckets: list[Bucket] = []
        self.path = self.folders[0].path
        self.remote = bool(settings.url) and not places[0].folder
        self.draft = self.folders[0].draft  # starts the body of a letter, by its id
        self._shard = shard
        self._settings = settings
        self._sweeper: sweep_.Sweeper | None = None
        self._live: set[int] = set()  # letters known to have a body
        remote = [place for place in places if not place.folder]
        if remote:
            self._home = home or _home(data / "blobs" / "installation")
            self._pool = ThreadPoolExecutor(settings.threads, thread_name_prefix=f"blobs-{shard}")
            self._copies = Copies(here.with_name(shard + ".copies"))
            for place in remote:
                objects = Objects(place, settings)
                self.buckets.append(Bucket(objects, number, self._copies, self._live, self._pool, settings))
        if self.remote:
            self.path = self._copies.path
            self.draft = self.buckets[0].draft

    # in

    def finish(self, draft: Draft) -> Future[None]:
        """The body is complete; the future is done when the draft may be handed to a commit. Never blocks."""
        if isinstance(draft, bucket_.Draft):
            return draft.finish()
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def sync(self) -> None:
        """New names are on the disk."""
        if not self.remote:
            self.folders[0].sync()

    def numbers(self) -> set[int]:
        """The letters that have a body; with object stores this very set grows as more become known."""
        local: set[int] = set().union(*(each.numbers() for each in self.folders))
        if not self.buckets:
            return local
        self._live |= local
        return self._live

    # out

    def read(self, name: str, octets: int, piece: int) -> Iterator[bytes]:
        """A body, `piece` octets at a time. Damaged before the first one when it is not what was written."""
        if "." in name:
            if self.buckets and (pieces := self._copies.pieces(name, piece)) is not None:
                return pieces
            copy = self._fetch(name, octets)
            try:
                return copies_.read(copy.open("rb"), piece)
            except OSError as error:
                raise trouble.of(error, f"reading the copy of {name}") from error
            finally:
                copy.unlink(missing_ok=True)
        place = self._folder(name)
        found = place.size(name)
        if found != octets:
            raise Damaged(f"its body {name} has {found} octets instead of {octets}")
        return place.chunks(name, piece)

    def hold(self, name: str) -> bool:
        """It can be read without waiting for another machine, until `let_go`; else False: then `bring` it."""
        return "." not in name or (bool(self.buckets) and self._copies.hold(name))

    def let_go(self, name: str, held: bool) -> None:
        """A job needs the body no more; `held`: it did hold it."""
        if "." in name and self.buckets and not self._copies.let_go(name, held):
            with contextlib.suppress(RuntimeError):  # closed: the next opening clears them
                self._pool.submit(self._copies.drop, name)

    def bring(self, name: str, octets: int) -> Future[None]:
        """Fetches a body and holds it; the future has StoreTrouble or Damaged when that cannot be."""
        if not self.buckets:
            raise _unknown(name)
        try:
            return self._pool.submit(self._bring, name, octets)
        except RuntimeError:
            raise trouble.StoreTrouble("the object store is closed", trouble.CLOSED) from None

    def _bring(self, name: str, octets: int) -> None:
        if not self._copies.hold(name):
            self._copies.keep(name, self._fetch(name, octets))

    def _fetch(self, name: str, octets: int) -> Path:
        """From the first place that has it whole. Trouble of one place outweighs what the others lack: temporary."""
        _off_the_loop(name)
        if not self.buckets:
            raise _unknown(name)
        wrong: Damaged | trouble.StoreTrouble | None = None
        for place in self.buckets:
            try:
                return place.fetch(name, octets)
            except Damaged as error:
                wrong = wrong or error
            except trouble.StoreTrouble as error:
                wrong = error
        assert wrong is not None  # noqa: S101 # there is a place, and it raised
        raise wrong

    def _folder(self, name: str) -> Folder:
        """The folder that has the file; the first one when none has."""
        return next((each for each in self.folders if each.size(name) >= 0), self.folders[0])

    # away

    def sweep(self) -> int:
        """At opening: removes drafts that nobody finished and copies of a former run. How many drafts."""
        if self.buckets:
            self._copies.clear()
        return sum(each.sweep() for each in self.folders)

    def watch(self, rows: sweep_.Rows) -> None:
        """From now on a thread looks for objects without a row. `rows` is asked there."""
        if self.buckets:
            s = self._settings
            self._sweeper = sweep_.Sweeper(self.buckets, rows, self._home, s.grace, s.sweep, f"sweep-{self._shard}")

    @property
    def sweeps(self) -> int:
        """Rounds that thread has made."""
        return 0 if self._sweeper is None else self._sweeper.rounds

    def remove(self, number: int) -> None:
        """Removes a body whose row is gone; if that fails, a sweep does it."""
        for each in self.folders:
            each.remove(number)
        for bucket in self.buckets:
            bucket.remove(number)

    def close(self) -> None:
        """Ends the threads: transfers under way end by their time-outs. Blocks for seconds at most."""
        if self._sweeper is not None:
            self._sweeper.close()
        for bucket in self.buckets:
            bucket.close(_LAST)
        if self.buckets:
            self._pool.shutdown(wait=False, cancel_futures=True)


def _places(settings: settings_.Settings) -> list[settings_.Place]:
    return [settings_.place(url) for url in (settings.url, *settings.former) if url]


def local(data: Path, number: int, settings: settings_.Settings) -> list[Path]:
    """The folders in which bodies of a shard may lie, that of new ones first; they need not exist yet."""
    places = _places(settings)
    here = data / "blobs" / f"{number:04d}"
    there = [Path(place.folder) / f"{number:04d}" for place in places if place.folder]
    return list(dict.fromkeys([*there, here] if settings.url and places[0].folder else [here, *there]))


def _off_the_loop(name: str) -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise trouble.StoreTrouble(f"the body {name} is not at hand: it must be brought first")


def _unknown(name: str) -> trouble.StoreTrouble:
    text = f"the body {name} lies in an object store, and none is named: put its URL into blobs.former"
    return trouble.StoreTrouble(text, trouble.IO)


def _home(path: Path) -> str:
    """The name of this installation, drawn at its first use; workers that start together agree on one."""
    try:
        with contextlib.suppress(FileNotFoundError):
            return path.read_text(encoding="ascii")
        folder.make_folder(path.parent)
        own = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
        descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, secrets.token_hex(8).encode("ascii"))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(own)
        own.unlink()
        folder.sync_folder(path.parent)
        return path.read_text(encoding="ascii")
    except OSError as error:
        raise trouble.of(error, f"naming the installation in {path}") from error

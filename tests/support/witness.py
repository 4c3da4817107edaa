"""Who sent what, and who has it now: letters with contents of their own, and the account of every one of them.

Used by the fault tests: `Sender` hands letters to a node and notes every 250; `Account` reads a data folder that no
node holds any more (an image, or a stopped node's) and says where each letter is.
Never trusts a row: a queued letter counts when its whole content can be read, one delivered when a mailbox has it.
"""

import random
import re
import smtplib
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support import post
from tests.support.node import Audit, Node
from tests.support.wait import until

from hatoba import store
from hatoba.directory import changes
from hatoba.directory.directory import Directory
from hatoba.directory.settings import Settings as DirectorySettings
from hatoba.kit import ids
from hatoba.store import directory as rows
from hatoba.store import shard, spool, trouble
from hatoba.store.settings import Settings

INLINE = 4096
SINK, AWAY, HOME = "bob@sink.test", "carol@away.test", "alice@home.test"
SIZES = (200, 2_000, 20_000)  # octets: in the row, in the row with overflow, in a file

SETTINGS = """
[log]
level = "warning"

[intake]
relay_networks = ["127.0.0.0/8"]

[headroom]
min_disk = 0

[store]
inline = "4KiB"
checkpoint = "1MiB"

[queue]
first = "1s"
factor = 1.0
most = "1s"
site_first = "1s"
site_most = "1s"
poll = "0.2s"

[smtp]
connections_per_ip = 1000

[[listener]]
kind = "mx"
address = ["127.0.0.1"]
port = {mx}

[[route]]
match = "sink.test"
via = "smarthost"
host = "127.0.0.1"
port = {sink}
tls = "none"

[[route]]
match = "away.test"
via = "smarthost"
host = "127.0.0.1"
port = 9
tls = "none"
"""

_ID = re.compile(rb"\bid ([0-9A-HJKMNP-TV-Z]{13})\b")


def made(chance: random.Random, number: int) -> bytes:
    """A letter nobody else sends: its number, and octets of its own."""
    size = chance.choice(SIZES)
    lines = [chance.randbytes(33).hex() for _ in range(size // 68)]
    head = f"From: <carol@example.org>\r\nSubject: number {number}\r\nMessage-ID: <{number}@example.org>\r\n\r\n"
    return (head + "".join(f"{line}\r\n" for line in lines)).encode()


def settle(node: Node, shards: int = 1) -> None:
    """HOME's domain and account, and shards, without a command's start for each."""
    for folder in (node.data, node.data / "mail"):
        folder.mkdir(mode=0o700)
    store.prepare(node.data, shards)
    register = rows.attach(node.data, Settings())
    try:
        directory = Directory(register, DirectorySettings(), bytes(16))
        changes.add_domain(directory, HOME.partition("@")[2], "local", 1)
        changes.add_account(directory, HOME, post.PASSWORD, bytes(16), 2)
    finally:
        register.close()


class Sender:
    """Threads that hand letters in until `stop` or until `most` have their 250. A failure is no acknowledgement."""

    def __init__(
        self, port: int, chance: random.Random, *, threads: int = 3, most: int = 1 << 30, away: int = 1
    ) -> None:
        self.acknowledged: dict[str, bytes] = {}  # by id: the content as it was sent
        self.tried = self.refused = 0
        self.codes: dict[int, int] = {}  # of the refusals: how often
        self._port, self._most, self._chance = port, most, chance
        self._people = (SINK, SINK, HOME, *[AWAY] * away)  # AWAY's letters stay in the queue
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]

    def _next(self) -> tuple[str, bytes] | None:
        with self._lock:
            if self._stop.is_set() or len(self.acknowledged) >= self._most:
                return None
            self.tried += 1
            return self._chance.choice(self._people), made(self._chance, self.tried)

    def _run(self) -> None:
        while not self._stop.is_set() and self.count() < self._most:
            try:
                with post.dial(self._port) as client:
                    while letter := self._next():
                        self._send(client, *letter)
            except (OSError, smtplib.SMTPServerDisconnected, smtplib.SMTPConnectError):
                self._stop.wait(0.02)

    def _send(self, client: smtplib.SMTP, to: str, content: bytes) -> None:
        try:
            number = post.hand_in(client, "carol@example.org", [to], content)
        except smtplib.SMTPResponseException as error:
            with self._lock:
                self.refused += 1
                self.codes[error.smtp_code] = self.codes.get(error.smtp_code, 0) + 1
            client.docmd("RSET")
        else:
            with self._lock:
                self.acknowledged[number] = content

    def count(self) -> int:
        with self._lock:
            return len(self.acknowledged)

    def taken(self, more: int) -> None:
        """Until so many more were acknowledged."""
        least = self.count() + more
        until(lambda: self.count() >= least, f"{more} more letters")

    def turned_away(self, more: int) -> None:
        """Until so many more were refused."""
        least = self.refused + more
        until(lambda: self.refused >= least, f"{more} more refusals")

    def wait(self, seconds: float = 120) -> None:
        """Until all are acknowledged."""
        for thread in self._threads:
            thread.join(seconds)
            assert not thread.is_alive(), "the senders did not come to an end"

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stop.set()
        self.wait(30)


class Account:
    """A data folder's letters: `queued` and `here` (in the mailbox) by id with their contents, `ended` by id.

    `faults` names what must not be: rows without a body, bodies without a row, databases that are not whole.
    """

    def __init__(self, data: Path, shards: int = 1) -> None:
        self.faults: list[str] = []
        self.queued: dict[str, bytes] = {}
        self.here: dict[str, bytes] = {}
        store.prepare(data, shards)
        for number in shard.numbers(data):
            self._shard(data, number)
        audit = Audit(data)
        self.faults += audit.faults
        self.ended = {ids.text(number) for number in audit.ended}
        files = {path.name: path.read_bytes().replace(b"\n", b"\r\n") for path in (data / "mail").glob("*/*/new/*")}
        boxes = {f"UID {uid}": content for uid, content in post.kept(data, HOME).items()}
        for name, content in (files | boxes).items():
            found = _ID.search(content)
            if found is None:
                self.faults.append(f"{name} in a mailbox is no letter")
            else:
                self.here[found[1].decode()] = content

    def _shard(self, data: Path, number: int) -> None:
        with shard.Shard.open(data, number, Settings(inline=INLINE)) as opened, opened.reader() as reader:
            known = [row[0] for row in reader.rows("SELECT id FROM letter")]
            letters, troubles = spool.load_many(reader, known)
            self.faults += [str(one) for one in troubles]
            named = set()
            for letter in letters.values():
                named.add(letter.blob)
                try:
                    self.queued[ids.text(letter.id)] = spool.content(opened.blobs, letter)
                except trouble.StoreTrouble as error:
                    self.faults.append(str(error))
            files = {path.name for path in opened.blobs.path.iterdir()}
            self.faults += [f"body {name} without a row" for name in files - named]

    def missing(self, acknowledged: Mapping[str, bytes], delivered: Callable[[str], bool]) -> list[str]:
        """What was acknowledged and is neither queued whole, nor here whole, nor `delivered`: each with a reason."""
        return [f"{name}: {why}" for name, sent in acknowledged.items() if (why := self._why(name, sent, delivered))]

    def _why(self, name: str, sent: bytes, delivered: Callable[[str], bool]) -> str:
        if name in self.queued:
            return "" if self.queued[name].endswith(sent) else "queued, but not what was sent"
        if name not in self.ended:
            return "nowhere"
        if name in self.here:
            return "" if self.here[name].endswith(sent) else "in the mailbox, but not what was sent"
        return "" if delivered(name) else "ended, but nobody has it"

    def torn(self, sent: Mapping[str, bytes]) -> Iterable[str]:
        """Files in mailboxes that are not what was sent: a reader would have seen them."""
        return (name for name, content in self.here.items() if name in sent and not content.endswith(sent[name]))

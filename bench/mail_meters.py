"""What bench/mailboxes.py measures of a mail server, a function a thing; each says what it saw and whether it counts.

Called with a fresh peer. A rate (letters or logins a second) is better when higher, a time or a size when lower.
"""

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from bench import mail_lines
from bench.mail_lines import Imap, Lmtp, Pop3
from bench.mail_peers import Peer

SIZE, SMALL = 4096, 2048  # octets of a letter; of one in the large box
BATCH = 100  # letters of one APPEND where a box is filled
PARALLEL = 10
HEADERS = b"BODY.PEEK[HEADER.FIELDS (From To Cc Subject Date Message-ID)]"


class Scale(NamedTuple):
    """How much of each."""

    letters: int = 1000  # delivered, appended by one connection; three times as many by ten
    box: int = 10_000
    large: int = 100_000
    idle: int = 1000
    logins: int = 500


class Seen(NamedTuple):
    """One figure. `unit`: "/s" is better when higher, "ms" and "KiB" when lower."""

    what: str
    value: float
    unit: str
    cpu: float = 0.0  # ms of the server's CPU for each of what was counted


class Unfit(Exception):
    """The server did not do what it was asked: its figure does not count."""


Meter = Callable[[Peer, Scale], Iterator[Seen]]


class _Stopwatch:
    seconds = 0.0
    cpu = 0.0


@contextmanager
def _timed(peer: Peer) -> Iterator[_Stopwatch]:
    watch = _Stopwatch()
    before, started = peer.cpu(), time.perf_counter()
    yield watch
    watch.seconds = time.perf_counter() - started
    watch.cpu = peer.cpu() - before


def _rate(what: str, count: int, watch: _Stopwatch) -> Seen:
    return Seen(what, count / watch.seconds, "/s", 1000 * watch.cpu / count)


def _together(work: Callable[[int], None], count: int = PARALLEL) -> None:
    """`work` in threads; the first error of any of them."""
    errors: list[Exception] = []

    def one(number: int) -> None:
        try:
            work(number)
        except Exception as error:  # noqa: BLE001  # told by the thread that waits
            errors.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def _session(peer: Peer, number: int = 0) -> Imap:
    return Imap(peer.ports["imap"], peer.user(number), peer.password)


def _messages(client: Imap, box: str) -> int:
    said = client.do(b"STATUS " + box.encode() + b" (MESSAGES)")
    return int(said.rpartition(b"MESSAGES ")[2].partition(b")")[0])


def _held(peer: Peer, box: str, wanted: int, users: int) -> None:
    """Unfit unless the accounts' boxes hold that many letters in all: none accepted is missing."""
    deadline = time.monotonic() + 60
    while True:
        found = 0
        for number in range(users) if users > 1 else (0,):
            client = _session(peer, number + 1 if users > 1 else 0)
            found += _messages(client, box)
            client.close()
        if found == wanted:
            return
        if found > wanted or time.monotonic() > deadline:
            raise Unfit(f"{peer.name}: {found} letters in {box}, {wanted} were accepted")


# ---- delivered and logged in


def lmtp(peer: Peer, scale: Scale) -> Iterator[Seen]:
    """One connection, then ten; each letter to one of a hundred accounts."""
    letters = [mail_lines.letter(number, SIZE) for number in range(200)]

    def deliver(worker: int, count: int) -> None:
        line = Lmtp(peer.ports["lmtp"])
        for number in range(count):
            line.deliver([peer.user(1 + worker * 7 + number)], letters[number % len(letters)])
        line.close()

    deliver(0, 50)
    with _timed(peer) as watch:
        deliver(0, scale.letters)
    yield _rate("LMTP, 1 connection", scale.letters, watch)
    each = 3 * scale.letters // PARALLEL
    with _timed(peer) as watch:
        _together(lambda worker: deliver(worker, each))
    yield _rate("LMTP, 10 connections", each * PARALLEL, watch)
    _held(peer, "INBOX", 50 + scale.letters + each * PARALLEL, 100)


def login(peer: Peer, scale: Scale) -> Iterator[Seen]:
    """Connections that log in and leave; every account's password was heard before (minutes ago, in life)."""

    def work(worker: int, count: int) -> None:
        for number in range(count):
            client = _session(peer, 1 + worker * 10 + number)
            client.do(b"LOGOUT")
            client.close()

    work(0, 400)  # every worker has heard every password
    with _timed(peer) as watch:
        work(0, scale.logins)
    yield _rate("LOGIN, 1 client", scale.logins, watch)
    with _timed(peer) as watch:
        _together(lambda worker: work(worker, scale.logins // PARALLEL))
    yield _rate("LOGIN, 10 clients", scale.logins // PARALLEL * PARALLEL, watch)


def append(peer: Peer, scale: Scale) -> Iterator[Seen]:
    """Letter by letter, each answered before the next."""
    letters = [mail_lines.letter(number, SIZE) for number in range(200)]

    def work(number: int, count: int) -> None:
        client = _session(peer, number)
        client.do(b"CREATE appended")
        for at in range(count):
            client.do(b"APPEND appended", letters[at % len(letters)])
        client.close()

    with _timed(peer) as watch:
        work(0, scale.letters)
    yield _rate("APPEND, 1 client", scale.letters, watch)
    each = 3 * scale.letters // PARALLEL
    with _timed(peer) as watch:
        _together(lambda worker: work(worker + 1, each))
    yield _rate("APPEND, 10 clients", each * PARALLEL, watch)
    _held(peer, "appended", scale.letters, 1)


# ---- read


def _fill(client: Imap, box: str, count: int, size: int) -> None:
    if box != "INBOX":
        client.do(b"CREATE " + box.encode())
    for at in range(0, count, BATCH):
        letters = [mail_lines.letter(number, size) for number in range(at, min(at + BATCH, count))]
        client.do(b"APPEND " + box.encode(), *letters)


def fetch(peer: Peer, scale: Scale) -> Iterator[Seen]:
    """A box of ten thousand: what a mail program asks for at its first look, the second time."""
    client = _session(peer)
    with _timed(peer) as watch:
        _fill(client, "box", scale.box, SIZE)
    yield _rate("fill by MULTIAPPEND", scale.box, watch)
    client.close()
    items = {
        "FETCH FLAGS": b"(UID FLAGS)",
        "FETCH headers": b"(UID FLAGS RFC822.SIZE INTERNALDATE " + HEADERS + b")",
        "FETCH ENVELOPE BODYSTRUCTURE": b"(UID FLAGS RFC822.SIZE INTERNALDATE ENVELOPE BODYSTRUCTURE)",
        "FETCH bodies": b"(UID BODY.PEEK[])",
    }
    for what, asked in items.items():
        times = []
        for _ in range(3):  # the first is the cold one
            reader = _session(peer)
            reader.do(b"EXAMINE box")
            with _timed(peer) as watch:
                said = reader.do(b"FETCH 1:* " + asked)
            times.append(watch.seconds)
            reader.close()
        if said.count(b"\r\n* ") + 1 < scale.box:
            raise Unfit(f"{peer.name}: {what} answered {said.count(b' FETCH (')} of {scale.box}")
        if what != "FETCH FLAGS":
            yield Seen(f"{what}, cold", 1000 * times[0], "ms")
        yield Seen(what, 1000 * statistics.median(times[1:]), "ms", 1000 * watch.cpu / scale.box)


def pop3(peer: Peer, scale: Scale) -> Iterator[Seen]:
    """Every letter of an INBOX, one by one."""
    client = _session(peer)
    before = _messages(client, "INBOX")
    _fill(client, "INBOX", 2 * scale.letters, SIZE)
    client.close()
    with _timed(peer) as watch:
        reader = Pop3(peer.ports["pop3"], peer.user(), peer.password)
        octets = sum(reader.retrieve(number) for number in range(1, reader.count + 1))
        reader.ask(b"QUIT")
    if reader.count != before + 2 * scale.letters or octets < reader.count * SIZE // 2:
        raise Unfit(f"{peer.name}: POP3 gave {octets} octets of {reader.count} letters")
    yield _rate("POP3 RETR", reader.count, watch)


def search(peer: Peer, scale: Scale) -> Iterator[Seen]:
    """A box of a hundred thousand; hits have to be those that a plain scan of the letters finds."""
    client = _session(peer)
    with _timed(peer) as watch:
        _fill(client, "large", scale.large, SMALL)
    yield _rate("fill of the large box", scale.large, watch)
    client.do(b"EXAMINE large")
    hits = len(range(0, scale.large, mail_lines.RARE_IN))
    asked = {
        "SEARCH TEXT, a word": (b"TEXT " + mail_lines.RARE.encode(), hits),
        "SEARCH TEXT, 2 Japanese characters": (b"CHARSET UTF-8 TEXT", hits),
        "SEARCH TEXT, nowhere": (b"TEXT zzqqxxyy", 0),
        "SEARCH SUBJECT": (b"SUBJECT " + mail_lines.RARE.encode(), hits),
    }
    for what, (keys, wanted) in asked.items():
        literal = [mail_lines.RARE_JAPANESE.encode()] if b"CHARSET" in keys else []
        times: list[float] = []
        deadline = time.monotonic() + 300
        # an index that is still behind answers slowly, and rightly: until two answers take as long as each other
        while len(times) < 3 or (max(times[-2:]) > 1.25 * min(times[-2:]) and time.monotonic() < deadline):
            with _timed(peer) as watch:
                said = client.do(b"SEARCH " + keys, *literal)
            times.append(watch.seconds)
            found = len(said.rpartition(b"* SEARCH")[2].split(b"\r\n")[0].split())
            if found != wanted:
                raise Unfit(f"{peer.name}: {what} found {found}, a plain scan {wanted}")
        yield Seen(what, 1000 * min(times[-2:]), "ms", 1000 * watch.cpu)
    client.close()


def idle(peer: Peer, scale: Scale) -> Iterator[Seen]:
    """Many sessions in IDLE: what each costs, and how soon it hears of a letter once LMTP has said 250."""
    for number in range(100):
        _session(peer, number + 1).close()
    before = peer.memory()
    sessions: list[Imap] = []
    for number in range(scale.idle):
        client = _session(peer, number + 1)
        client.do(b"SELECT INBOX")
        client.idle()
        sessions.append(client)
    yield Seen(f"{scale.idle} in IDLE: PSS of each", (peer.memory() - before) / 1024 / scale.idle, "KiB")
    line = Lmtp(peer.ports["lmtp"])
    waits: list[float] = []
    for number in range(20):
        listening = sessions[number::100]
        line.deliver([peer.user(number + 1)], mail_lines.letter(number, SIZE))
        started = time.perf_counter()
        for client in listening:
            client.told()
            waits.append(time.perf_counter() - started)
    waits.sort()
    yield Seen("IDLE notice, median", 1000 * statistics.median(waits), "ms")
    yield Seen("IDLE notice, 99 %", 1000 * waits[int(0.99 * (len(waits) - 1))], "ms")
    line.close()
    for client in sessions:
        client.close()


METERS: dict[str, Meter] = {
    "login": login, "lmtp": lmtp, "append": append, "pop3": pop3, "fetch": fetch, "search": search, "idle": idle,
}  # fmt: skip

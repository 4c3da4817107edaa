"""A stretch of wire between us and PostgreSQL that can be cut at a chosen moment: before a request, or its answer.

Called by tests of the store; it looks like the server itself, a socket in a folder of its own.
Never changes an octet.
Ends with the `with` block; its threads end with their connections.
"""

import contextlib
import shutil
import socket
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

from tests.support import pg

NAME = ".s.PGSQL.5432"
COMMITTED = b"COMMIT\0"  # the tag of CommandComplete


class Proxy:
    """`cuts` says what happens next, once: see `arm`. While `away`, nobody gets a connection; while not `flows`,
    connections stand and nothing comes through."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hatoba-px-"))
        self.away = False
        self.flows = threading.Event()
        self.flows.set()
        self._cuts = ""
        self._skip = 0
        self._late: tuple[socket.socket, bytes] | None = None
        self.done = threading.Event()  # the cut was made
        pg.url()
        self._target = str(Path(pg._servers[0]) / NAME)
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(self.folder / NAME))
        self._listening.listen()
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.flows.set()
        self.cut()
        shutil.rmtree(self.folder)

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={quote(str(self.folder), safe='')}"

    def arm(self, cuts: str, skip: int = 0) -> None:
        """After `skip` commits were answered: "request": what is sent next is lost with the connection; "late":
        the same, but the server has them when `release` is called; "answer": the commit happens, its answer is lost."""
        self.done.clear()
        self._skip, self._cuts = skip, cuts

    def release(self) -> None:
        """What was late arrives, if the server still listens."""
        assert self._late is not None
        server, data = self._late
        with contextlib.suppress(OSError):
            server.sendall(data)
            server.settimeout(2)
            while server.recv(65536):
                pass
        server.close()

    def cut(self) -> None:
        """Every connection ends."""
        for one in self._open:
            _end(one)
        self._open.clear()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                if self.away:
                    client.close()
                    continue
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._target)
                self._open += [client, server]
                threading.Thread(target=self._forth, args=(client, server), daemon=True).start()
                threading.Thread(target=self._back, args=(client, server), daemon=True).start()

    def _forth(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(1 << 20):
                if self._cuts in ("request", "late") and not self._skip:
                    data += _rest(client)
                    if self._cuts == "late":
                        self._late = (server, data)
                    self._made(client)
                    break
                self.flows.wait()
                server.sendall(data)
        if self._late is None or self._late[0] is not server:
            _end(server)

    def _back(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(1 << 20):
                if self._cuts and COMMITTED in data:
                    if self._skip:
                        self._skip -= 1
                    elif self._cuts == "answer":
                        self._made(client)
                        break
                self.flows.wait()
                client.sendall(data)
        _end(client)

    def _made(self, client: socket.socket) -> None:
        self._cuts = ""
        self.done.set()
        _end(client)


def _rest(client: socket.socket) -> bytes:
    """What follows until nothing comes for a while: a commit is sent in several pieces."""
    pieces = []
    client.settimeout(0.3)
    with contextlib.suppress(TimeoutError):
        while piece := client.recv(1 << 20):
            pieces.append(piece)
    return b"".join(pieces)


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()

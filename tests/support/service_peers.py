"""Programs a mail server asks about letters, played in threads: clamd, a milter, rspamd, a hook; well or ill behaved.

Used by unit and story tests of the services. Each listens on a port of its own, or on a Unix socket.
Never checks what it is told: it keeps it, in `told`.
`mode` says what it does with the next letters: "well", "hang", "cut" (half an answer, then the end), "rubbish".
"""

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
RUBBISH = b"\xff\xfe\x00rubbish" * 50
MODES = ("hang", "cut", "rubbish", "down")


class Peer:
    """One program. `talk(peer, line)` holds a connection's dialogue; it ends when the other side closes."""

    def __init__(self, talk: Callable[["Peer", "Wire"], None], *, path: Path | None = None) -> None:
        self.mode = "well"
        self.told: list[Any] = []
        self.connections = 0
        self._talk = talk
        self._path = path
        self._lines: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.port = 0
        self._listener = self._listen()

    @property
    def address(self) -> str:
        return f"unix:{self._path}" if self._path else f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"unix:{self._path}" if self._path else f"http://127.0.0.1:{self.port}"

    def become(self, mode: str) -> None:
        """From now on it behaves so; "down" listens no more."""
        was, self.mode = self.mode, mode
        if mode == "down":
            self.close()
        elif was == "down":
            self._listener = self._listen()

    def play(self, talk: Callable[["Peer", "Wire"], None]) -> None:
        """Another dialogue for new connections; those that stand end."""
        self._talk = talk
        self.told = []
        self.drop()

    def close(self) -> None:
        """Ends the listener and every connection."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop()
        if self._path:
            self._path.unlink(missing_ok=True)

    def drop(self) -> None:
        """Ends every connection, as a restart of the program would."""
        with self._lock:
            lines, self._lines = self._lines, set()
        for line in lines:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _listen(self) -> socket.socket:
        if self._path:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(self._path))
        else:
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", self.port))
            self.port = listener.getsockname()[1]
        listener.listen(64)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = listener.accept()
                self.connections += 1
                with self._lock:
                    self._lines.add(line)
                threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError), line:
            self._talk(self, Wire(self, line))
        with self._lock:
            self._lines.discard(line)


class Wire:
    """One connection, as a program sees it."""

    def __init__(self, peer: Peer, line: socket.socket) -> None:
        self._peer = peer
        self._line = line
        self._buffer = b""

    def exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._more()
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            self._more()
        taken, _, self._buffer = self._buffer.partition(mark)
        return taken

    def _more(self) -> None:
        data = self._line.recv(1 << 16)
        if not data:
            raise EOFError
        self._buffer += data

    def say(self, octets: bytes) -> None:
        """Sends an answer, as the mode of the program has it."""
        mode = self._peer.mode
        if mode == "hang":
            while self._line.recv(1 << 16):
                continue
            raise EOFError
        if mode == "rubbish":
            octets = RUBBISH
        elif mode == "cut":
            octets = octets[: max(1, len(octets) // 2)]
        self._line.sendall(octets)
        if mode != "well":
            raise EOFError

    def reset(self) -> None:
        """Leaves with a RST instead of a FIN."""
        self._line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._line.close()


def clamd(peer: Peer, wire: Wire) -> None:
    """INSTREAM: finds EICAR."""
    if wire.until(b"\0") != b"zINSTREAM":
        wire.say(b"UNKNOWN COMMAND. ERROR\0")
        return
    content = b""
    while size := int.from_bytes(wire.exactly(4), "big"):
        content += wire.exactly(size)
    peer.told.append(content)
    wire.say(b"stream: Test-Eicar FOUND\0" if EICAR in content else b"stream: OK\0")


def http(answer: Callable[[dict[str, list[str]], bytes], tuple[int, bytes]]) -> Callable[[Peer, Wire], None]:
    """HTTP with kept connections; `answer` makes status and body from the headers (names in lower case) and body."""

    def talk(peer: Peer, wire: Wire) -> None:
        while True:
            first, *lines = wire.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
            headers: dict[str, list[str]] = {":request": [first]}
            for line in lines:
                name, _, value = line.partition(":")
                headers.setdefault(name.lower(), []).append(value.strip())
            body = wire.exactly(int(headers["content-length"][0]))
            peer.told.append((headers, body))
            status, said = answer(headers, body)
            wire.say(b"HTTP/1.1 %d Said\r\nContent-Length: %d\r\n\r\n" % (status, len(said)) + said)

    return talk


def answering(value: object, status: int = 200) -> Callable[[Peer, Wire], None]:
    """HTTP that says the same to all: JSON, or octets as they are."""
    said = value if isinstance(value, bytes) else json.dumps(value).encode()
    return http(lambda headers, body: (status, said))


CLEAN = {"action": "no action", "score": 0.5, "required_score": 15.0, "symbols": {"OK": {"name": "OK", "score": 0.5}}}


def packet(code: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data) + 1) + code + data


class Filter:
    """A milter that agrees to `steps` and `actions`, says Continue, and at the end what it is given.

    `at`: what it says to a command (by its letter) instead of Continue. `told` of the peer: (letter, data) in order.
    """

    def __init__(
        self,
        end: bytes = b"",
        *,
        steps: int = 0,
        actions: int = 0x1FF,
        version: int = 6,
        at: dict[bytes, bytes] | None = None,
    ) -> None:
        self.end = end or packet(b"c")
        self.at = at or {}
        self._agreed = struct.pack(">III", version, actions, steps)
        self._quiet = {
            letter
            for flag, letter in (
                (0x1000, b"C"), (0x2000, b"H"), (0x4000, b"M"), (0x8000, b"R"), (0x10000, b"T"),
                (0x80, b"L"), (0x40000, b"N"), (0x80000, b"B"),
            )
            if steps & flag
        }  # fmt: skip

    def __call__(self, peer: Peer, wire: Wire) -> None:
        while True:
            (length,) = struct.unpack(">I", wire.exactly(4))
            data = wire.exactly(length)
            code, data = data[:1], data[1:]
            peer.told.append((code, data))
            if code == b"Q":
                return
            if code == b"O":
                wire.say(packet(b"O", self._agreed))
            elif code in self.at:
                wire.say(self.at[code])
            elif code == b"E":
                wire.say(self.end)
            elif code not in b"DAK" and code not in self._quiet:
                wire.say(packet(b"c"))

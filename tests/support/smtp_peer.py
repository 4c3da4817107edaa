"""SmtpPeer: an SMTP or LMTP server on a real loopback socket that says whatever the test wrote, hangs or drops.

Called by tests of net, delivery and the stories; one thread per connection, so any loop or process may dial it.
Never stores beyond memory and never leaves loopback; what came in stands in `letters` and `connections`.
Fails (the test's assert) with TimeoutError when `wait_letters` or `wait_connections` is not met.

    with SmtpPeer() as peer: ...                                      # takes everything
    with SmtpPeer({"RCPT": ["450 4.2.0 later", "250 Ok"]}) as peer:   # first RCPT refused, later ones accepted
    with SmtpPeer({"RCPT": lambda line, c: "550 5.1.1 no" if "bob@" in line else "250 Ok"}) as peer: ...
    with SmtpPeer({"CONTENT": DROP}) / {"banner": HANG} / {"DATA": Drop("354 Go")} / {"MAIL": Delay(0.2, "250 Ok")}

Stages: banner EHLO HELO LHLO STARTTLS AUTH AUTHDATA MAIL RCPT DATA BDAT CONTENT RSET NOOP VRFY QUIT and "*" (unknown).
An answer is a text (lines parted by "\\n", sent with CRLF), HANG, DROP, Drop(text), Delay(seconds, answer), a list (one
for each use, the last one stays) or a callable (line, connection) -> answer. `stages` may be changed at run time.
"""

import contextlib
import socket
import ssl
import threading
import time
from types import TracebackType
from typing import Self

from tests.support.smtp_dialogue import DROP, HANG, Connection, Delay, Drop, Gone, Hang, Received

__all__ = ["DROP", "HANG", "Connection", "Delay", "Drop", "Hang", "Received", "SmtpPeer"]

TICK = 0.01

EXTENSIONS = ("PIPELINING", "SIZE 52428800", "8BITMIME", "ENHANCEDSTATUSCODES", "SMTPUTF8", "DSN", "CHUNKING")


class SmtpPeer:
    """`stages` overrides DEFAULT answers; `extensions` fill the EHLO reply; `context` (server side) enables TLS."""

    def __init__(
        self,
        stages: dict[str, object] | None = None,
        *,
        extensions: tuple[str, ...] = EXTENSIONS,
        context: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        lmtp: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
        name: str = "peer.test",
    ) -> None:
        self.context, self.implicit_tls, self.lmtp = context, implicit_tls, lmtp
        self.name, self.extensions = name, extensions
        self.stages: dict[str, object] = {**self.defaults(), **(stages or {})}
        self.letters: list[Received] = []
        self.connections: list[Connection] = []
        self.stopping = threading.Event()
        self._lock = threading.Condition()
        self._listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.host, self.port = host, int(self._listener.getsockname()[1])
        self._accepting = threading.Thread(target=self._accept, daemon=True)

    def defaults(self) -> dict[str, object]:
        offered = self.extensions
        if self.context is not None and not self.implicit_tls:
            offered = (*offered, "STARTTLS")
        return {
            "banner": f"220 {self.name} {'LMTP' if self.lmtp else 'ESMTP'} ready",
            "EHLO": lambda _line, c: self.hello(tuple(x for x in offered if x != "STARTTLS" or not c.tls)),
            "LHLO": lambda _line, c: self.hello(tuple(x for x in offered if x != "STARTTLS" or not c.tls)),
            "HELO": f"250 {self.name}",
            "STARTTLS": "220 2.0.0 Ready",
            "AUTH": "235 2.7.0 Accepted",
            "MAIL": "250 2.1.0 Ok",
            "RCPT": "250 2.1.5 Ok",
            "DATA": "354 Go ahead",
            "BDAT": "250 2.0.0 Ok",
            "CONTENT": "250 2.0.0 Ok: queued as PEER",
            "RSET": "250 2.0.0 Ok",
            "NOOP": "250 2.0.0 Ok",
            "QUIT": "221 2.0.0 Bye",
            "*": "500 5.5.1 Unknown command",
        }

    def hello(self, extensions: tuple[str, ...]) -> str:
        lines = (self.name, *extensions)
        return "\n".join(f"250{'-' if i < len(lines) - 1 else ' '}{line}" for i, line in enumerate(lines))

    def next_answer(self, stage: str) -> object:
        with self._lock:
            answer = self.stages.get(stage, self.stages["*"])
            if isinstance(answer, list):
                return answer.pop(0) if len(answer) > 1 else answer[0]
            return answer

    def arrived(self, letter: Received) -> None:
        with self._lock:
            self.letters.append(letter)
            self._lock.notify_all()

    def wait_letters(self, count: int, timeout: float = 10) -> list[Received]:
        """Blocks until `count` letters came in (use it through asyncio.to_thread inside a loop)."""
        with self._lock:
            if not self._lock.wait_for(lambda: len(self.letters) >= count, timeout):
                raise TimeoutError(f"{len(self.letters)} of {count} letters came")
            return list(self.letters)

    def wait_connections(self, count: int, timeout: float = 10) -> list[Connection]:
        with self._lock:
            if not self._lock.wait_for(lambda: len(self.connections) >= count, timeout):
                raise TimeoutError(f"{len(self.connections)} of {count} connections came")
            return list(self.connections)

    def wait_closed(self, timeout: float = 10) -> None:
        """Blocks until no connection is open."""
        end = time.monotonic() + timeout
        while any(c.open for c in self.connections):
            if time.monotonic() > end:
                raise TimeoutError("connections are still open")
            time.sleep(TICK)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                connection = Connection(self, sock, len(self.connections))
                self.connections.append(connection)
                self._lock.notify_all()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        try:
            connection.run()
        except Gone:
            pass
        finally:
            with contextlib.suppress(OSError):
                connection.sock.close()
            connection.open = False

    def start(self) -> Self:
        self._accepting.start()
        return self

    def stop(self) -> None:
        self.stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join(5)
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        self.wait_closed(5)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

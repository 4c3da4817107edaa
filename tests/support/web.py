"""WebHost: an HTTPS server on loopback that says what the test wrote for each Host, and keeps what it was asked.

Called by tests of MTA-STS and net.https; a thread for each connection, the handshake in it.
Never leaves 127.0.0.1. `pages` may be changed at run time; a page is (status, fields, body) or raw octets.
Fails with OSError when no port is free.
"""

import contextlib
import socketserver
import ssl
import threading
from types import TracebackType
from typing import Any, Self

Page = tuple[int, dict[str, str], bytes]

TEXT = {"Content-Type": "text/plain; charset=utf-8"}


def policy(*lines: str) -> Page:
    """A page with a policy of these lines."""
    return 200, TEXT, "".join(f"{line}\r\n" for line in ("version: STSv1", *lines)).encode()


class _Session(socketserver.StreamRequestHandler):
    timeout = 10

    def setup(self) -> None:
        web: WebHost = self.server.owner  # type: ignore[attr-defined] # set by WebHost
        if web.context is not None:
            self.request = web.context.wrap_socket(self.request, server_side=True)
        super().setup()

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()
        self.request.close()

    def handle(self) -> None:
        web: WebHost = self.server.owner  # type: ignore[attr-defined] # set by WebHost
        first = self.rfile.readline().decode("latin-1").split()
        host = ""
        while line := self.rfile.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"host":
                host = value.strip().decode("latin-1")
        if len(first) == 3:
            web.asked.append((host, first[1]))
            self.wfile.write(web.answer(host))


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that leave in the handshake are what is tested."""


class WebHost:
    """`context` None: no TLS. `silent`: hosts that are never answered."""

    def __init__(self, context: ssl.SSLContext | None, pages: dict[str, Page | bytes] | None = None) -> None:
        self.context = context
        self.pages = pages or {}
        self.asked: list[tuple[str, str]] = []  # (host, path)
        self.silent: set[str] = set()
        self._stopping = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Session)
        self._server.owner = self  # type: ignore[attr-defined] # for its sessions
        self.port = int(self._server.server_address[1])

    def answer(self, host: str) -> bytes:
        if host in self.silent:
            self._stopping.wait(30)
            return b""
        page = self.pages.get(host, (404, {}, b""))
        if isinstance(page, bytes):
            return page
        status, fields, body = page
        lines = [f"HTTP/1.1 {status} Word", *(f"{name}: {value}" for name, value in fields.items())]
        lines += [f"Content-Length: {len(body)}", "", ""]
        return "\r\n".join(lines).encode() + body

    def start(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

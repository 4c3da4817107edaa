"""A plain SMTP server on loopback that takes every letter and remembers which ones, by the id hatoba gave them.

Used by crash, story and interop tests as the next hop. It answers 250 only after it has noted the letter, so what it
has not noted was not delivered. A thread of its own; `delay` slows the answer to the final dot.
"""

import re
import socketserver
import threading
from collections import Counter
from typing import cast

_ID = re.compile(rb"\bid ([0-9A-HJKMNP-TV-Z]{13})\b")


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256  # a worker that comes back dials all its connections at once
    collector: "Collector"


class _Session(socketserver.StreamRequestHandler):
    """One connection: EHLO with PIPELINING, then whatever comes."""

    def handle(self) -> None:
        try:
            self._talk()
        except OSError:
            return  # the peer was killed: that is what these tests do

    def _say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")

    def _talk(self) -> None:
        self._say(b"220 collector.test ESMTP")
        recipients: list[bytes] = []
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                self._say(b"250-collector.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES")
            elif verb == b"DATA" and not recipients:
                self._say(b"554 5.5.1 no valid recipients")
            elif verb == b"DATA":
                self._say(b"354 go")
                self._take(recipients)
                recipients = []
            elif verb == b"RCPT" and b"<refused@" in line:
                self._say(b"550 5.1.1 nobody here")
            elif verb == b"RCPT":
                recipients.append(line)
                self._say(b"250 2.1.5 ok")
            elif verb == b"QUIT":
                self._say(b"221 2.0.0 bye")
                return
            else:
                self._say(b"250 2.0.0 ok")

    def _take(self, recipients: list[bytes]) -> None:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                return  # cut off in the middle: nothing was delivered
            lines.append(line)
        collector = cast(_Server, self.server).collector
        collector.note(b"".join(lines), len(recipients))
        self._say(b"250 2.0.0 noted")


class Collector:
    """`seen` counts by id; `letters` keeps the content by id."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.letters: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Session)
        self._server.collector = self
        self.port = int(self._server.server_address[1])

    def note(self, content: bytes, recipients: int) -> None:
        found = _ID.search(content)
        name = found[1].decode() if found else "?"
        with self._lock:
            self.seen[name] += 1
            self.letters[name] = content

    def ids(self) -> set[str]:
        """The ids taken so far."""
        with self._lock:
            return set(self.seen)

    def repeats(self) -> int:
        """Deliveries beyond the first of each letter."""
        with self._lock:
            return sum(self.seen.values()) - len(self.seen)

    def __enter__(self) -> "Collector":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

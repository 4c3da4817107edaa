"""One connection of SmtpPeer: reads commands off a socket, asks the script for each answer, says it, hangs or drops.

Called by smtp_peer, in a thread of its own for each connection.
Never decides what to answer: the script does; what came in is handed to the peer as `Received`.
Ends with Gone, which smtp_peer catches, when either side is through.
"""

import base64
import socket
import ssl
import threading
from typing import Protocol

import msgspec


class Hang(msgspec.Struct, frozen=True):
    """Says nothing until the peer goes away or the server stops."""


class Drop(msgspec.Struct, frozen=True):
    """Sends `text` as it is (CRLF is added when it is not empty and `whole`), then cuts the connection."""

    text: str = ""
    whole: bool = True
    reset: bool = False  # RST instead of FIN


class Delay(msgspec.Struct, frozen=True):
    seconds: float
    answer: object


HANG = Hang()
DROP = Drop()


class Received(msgspec.Struct):
    """One letter that came in, accepted or not; `content` is unstuffed, with its CRLFs."""

    connection: int
    helo: str
    tls: bool
    auth: list[str]
    mail: str  # the whole MAIL line
    rcpts: list[str]  # the whole lines of the accepted RCPTs
    content: bytes
    replies: list[str]

    @property
    def sender(self) -> str:
        return _path(self.mail)

    @property
    def recipients(self) -> list[str]:
        return [_path(line) for line in self.rcpts]

    @property
    def accepted(self) -> bool:
        return bool(self.replies) and all(reply[:1] == "2" for reply in self.replies)


def _path(line: str) -> str:
    return line[line.index("<") + 1 : line.rindex(">")]


class Gone(Exception):
    """The connection is over."""


class Peer(Protocol):
    """What a connection needs of the server that accepted it."""

    stages: dict[str, object]
    stopping: threading.Event
    implicit_tls: bool
    lmtp: bool
    context: ssl.SSLContext | None

    def next_answer(self, stage: str) -> object: ...
    def arrived(self, letter: Received) -> None: ...


class Connection:
    """One client's connection: its dialogue as "C: "/"S: " lines and its transaction."""

    def __init__(self, peer: Peer, sock: socket.socket, number: int) -> None:
        self.peer = peer
        self.sock = sock
        self.number = number
        self.source_ip = sock.getpeername()[0]
        self.dialogue: list[str] = []
        self.helo = ""
        self.tls = False
        self.auth: list[str] = []
        self.mail = ""
        self.rcpts: list[str] = []
        self.chunks = b""
        self.open = True
        self.injected = b""  # plaintext that came behind STARTTLS, before the handshake
        self._buffer = b""

    # ---- bytes
    def fill(self) -> None:
        try:
            data = self.sock.recv(65536)
        except OSError as error:
            raise Gone from error
        if not data:
            raise Gone
        self._buffer += data

    def line(self) -> str:
        while b"\n" not in self._buffer:
            self.fill()
        raw, _, self._buffer = self._buffer.partition(b"\n")
        text = raw.removesuffix(b"\r").decode("utf-8", "surrogateescape")
        self.dialogue.append("C: " + text)
        return text

    def take(self, count: int) -> bytes:
        gathered = bytearray(self._buffer)
        while len(gathered) < count:
            self._buffer = b""
            self.fill()
            gathered += self._buffer
        self._buffer = bytes(gathered[count:])
        return bytes(gathered[:count])

    def content(self) -> bytes:
        """Reads to CRLF.CRLF and undoes the stuffing. # RFC 5321 §4.5.2"""
        gathered, start = bytearray(b"\r\n" + self._buffer), 0
        while (end := gathered.find(b"\r\n.\r\n", start)) < 0:
            start, self._buffer = max(0, len(gathered) - 4), b""
            self.fill()
            gathered += self._buffer
        self._buffer = bytes(gathered[end + 5 :])
        data = bytes(gathered[:end])
        return (data + b"\r\n")[2:].replace(b"\r\n.", b"\r\n").removeprefix(b".")

    def write(self, text: str) -> None:
        for line in text.split("\n"):
            self.dialogue.append("S: " + line)
        try:
            self.sock.sendall(text.replace("\n", "\r\n").encode("utf-8", "surrogateescape") + b"\r\n")
        except OSError as error:
            raise Gone from error

    # ---- script
    def say(self, stage: str, line: str = "") -> str:
        """Answers for a stage; returns the text that was said."""
        answer = self.peer.next_answer(stage)
        while not isinstance(answer, str):
            if callable(answer):
                answer = answer(line, self)
            elif isinstance(answer, list):
                answer = answer.pop(0) if len(answer) > 1 else answer[0]
            elif isinstance(answer, Delay):
                self.peer.stopping.wait(answer.seconds)
                answer = answer.answer
            elif isinstance(answer, Drop):
                self.cut(answer)
            else:
                while not self.peer.stopping.is_set():  # HANG: until the client leaves
                    self.fill()
                raise Gone
        self.write(answer)
        return answer

    def cut(self, drop: Drop) -> None:
        if drop.text:
            if drop.whole:
                self.write(drop.text)
            else:
                self.sock.sendall(drop.text.encode())
        if drop.reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        raise Gone

    # ---- dialogue
    def run(self) -> None:
        if self.peer.implicit_tls:
            self.wrap()
        self.say("banner")
        while True:
            line = self.line()
            verb = line.split(" ")[0].split(":")[0].upper()
            step = getattr(self, "on_" + verb.lower(), None)
            if step is not None:
                step(line)
            elif verb in self.peer.stages:
                self.say(verb, line)
            else:
                self.say("*", line)

    def wrap(self) -> None:
        assert self.peer.context is not None, "TLS asked for, but the peer has no context"
        try:
            self.sock = self.peer.context.wrap_socket(self.sock, server_side=True)
        except (OSError, ssl.SSLError) as error:
            raise Gone from error
        self.tls = True

    def on_ehlo(self, line: str) -> None:
        self.helo, self.mail, self.rcpts = line.partition(" ")[2], "", []
        self.say(line[:4].upper(), line)

    on_helo = on_lhlo = on_ehlo

    def on_starttls(self, line: str) -> None:
        if self.say("STARTTLS", line).startswith("220"):
            self.injected, self._buffer = self._buffer, b""
            self.wrap()

    def on_auth(self, line: str) -> None:
        words = line.split(" ")
        self.auth.append(line)
        if "AUTHDATA" in self.peer.stages:  # the test leads the exchange itself
            said = self.say("AUTH", line)
            while said.startswith("334"):
                self.auth.append(self.line())
                said = self.say("AUTHDATA", self.auth[-1])
            return
        prompts = {"LOGIN": ["Username:", "Password:"], "PLAIN": [""]}.get(words[1].upper(), [])
        for prompt in prompts[len(words) - 2 :]:
            self.write("334 " + base64.b64encode(prompt.encode()).decode())
            self.auth.append(self.line())
        self.say("AUTH", line)

    def on_mail(self, line: str) -> None:
        if self.say("MAIL", line).startswith("2"):
            self.mail, self.rcpts, self.chunks = line, [], b""

    def on_rcpt(self, line: str) -> None:
        if self.say("RCPT", line).startswith("2"):
            self.rcpts.append(line)

    def on_data(self, line: str) -> None:
        if self.say("DATA", line).startswith("354"):
            self.ended(self.content())

    def on_bdat(self, line: str) -> None:
        words = line.split(" ")
        self.chunks += self.take(int(words[1]))
        if words[-1].upper() == "LAST":
            self.ended(self.chunks)
        else:
            self.say("BDAT", line)

    def ended(self, content: bytes) -> None:
        letter = Received(self.number, self.helo, self.tls, list(self.auth), self.mail, self.rcpts, content, [])
        try:
            for rcpt in self.rcpts if self.peer.lmtp else [""]:
                letter.replies.append(self.say("CONTENT", rcpt))
        finally:
            self.peer.arrived(letter)
        self.mail, self.rcpts, self.chunks = "", [], b""

    def on_rset(self, line: str) -> None:
        self.mail, self.rcpts, self.chunks = "", [], b""
        self.say("RSET", line)

    def on_quit(self, line: str) -> None:
        self.say("QUIT", line)
        raise Gone

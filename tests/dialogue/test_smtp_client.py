"""Dialogues of the SMTP and LMTP client as scripts, each run twice: against the bare engine and over a socket.

A script's lines: "C: " a command of ours, "C| " a line of content (as it is before stuffing, ended by "C: ."), "S: " a
line of the peer's, "= " what the engine gives out for it, "TLS" the handshake, "EOF" the end of the peer's stream,
"! " the words of the PeerError that must come of the line before.
"""

import base64
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hatoba.model.address import Address
from hatoba.model.status import PeerError
from hatoba.wire.engine import Signal
from hatoba.wire.smtp import client, commands

SCRIPTS = sorted((Path(__file__).parent / "smtp_client").glob("*.txt"))
_PATH = re.compile(r"<(.*)>(.*)\Z")


def _address(text: str) -> Address:
    local, _, domain = text.rpartition("@")
    return Address(local, domain)


def _mail(line: str) -> commands.Command:
    path, words = _PATH.search(line).groups()  # type: ignore[union-attr]  # a script without < > is a broken test
    return commands.MailFrom(_address(path) if path else None, words.split())


def _rcpt(line: str) -> commands.Command:
    path, words = _PATH.search(line).groups()  # type: ignore[union-attr]  # as above
    return commands.RcptTo(_address(path), words.split())


def _auth(line: str) -> commands.Command:
    _, mechanism, *initial = line.split()
    return commands.AuthCommand(mechanism, base64.b64decode(initial[0]) if initial else None)


_MAKE: dict[str, Callable[[str], commands.Command]] = {
    "EHLO": lambda line: commands.Ehlo(line[5:]),
    "LHLO": lambda line: commands.Lhlo(line[5:]),
    "HELO": lambda line: commands.Helo(line[5:]),
    "MAIL": _mail,
    "RCPT": _rcpt,
    "AUTH": _auth,
    "DATA": lambda _: commands.DataCommand(),
    "RSET": lambda _: commands.Rset(),
    "NOOP": lambda _: commands.Noop(),
    "QUIT": lambda _: commands.Quit(),
    "STARTTLS": lambda _: commands.StartTls(),
    "*": lambda _: commands.AuthResponse(None),
}


def _command(line: str) -> commands.Command:
    make = _MAKE.get(line.split(" ", maxsplit=1)[0])
    return make(line) if make else commands.AuthResponse(base64.b64decode(line))


class Bare:
    """The engine with nothing between."""

    def __init__(self) -> None:
        self.out = b""

    def write(self, octets: bytes) -> None:
        self.out += octets

    def written(self, count: int) -> bytes:
        taken, self.out = self.out[:count], self.out[count:]
        return taken

    def deliver(self, octets: bytes) -> Iterator[bytes]:
        yield octets


class Socket:
    """The engine at one end of a real connection, the script at the other."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        for end in (self.ours, self.theirs):
            end.settimeout(5)

    def write(self, octets: bytes) -> None:
        self.ours.sendall(octets)

    def written(self, count: int) -> bytes:
        taken = b""
        while len(taken) < count and (more := self.theirs.recv(count - len(taken))):
            taken += more
        return taken

    def deliver(self, octets: bytes) -> Iterator[bytes]:
        """In small pieces, as a slow network would."""
        if not octets:
            self.theirs.shutdown(socket.SHUT_WR)
            yield self.ours.recv(7)
            return
        self.theirs.sendall(octets)
        count = 0
        while count < len(octets):
            piece = self.ours.recv(7)
            count += len(piece)
            yield piece

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()


def _words(event: object) -> str:
    if isinstance(event, client.Answer):
        return f"{event.command} {event.reply}"
    if isinstance(event, client.Greeting | client.Unsolicited):
        return f"{type(event).__name__} {event.reply}"
    raise AssertionError(f"not an event: {event}")


class Play:
    """One script on one carrier."""

    def __init__(self, lines: list[str], carrier: Bare | Socket) -> None:
        self.carrier = carrier
        self.engine = client.ClientEngine(lmtp=any(line.startswith("C: LHLO") for line in lines))
        self.batch: list[commands.Command] = []
        self.wanted = b""
        self.content: list[str] = []
        self.events: list[str] = []
        for line, following in zip(lines, [*lines[1:], ""], strict=True):
            self.line(line, following)
        assert not self.events, "the script does not expect these"
        assert carrier.written(0) == b""

    def line(self, line: str, following: str) -> None:
        kind, rest = line[:3].strip(), line[3:]
        if kind in ("C:", "C|"):
            self.ours(kind, rest, following)
        elif kind == "S:":
            self.theirs(rest.encode() + b"\r\n", following)
        elif line == "EOF":
            self.theirs(b"", following)
        elif line == "TLS" and not following.startswith("!"):
            self.engine.tls_started()
        elif line == "TLS":
            with pytest.raises(PeerError, match=re.escape(following[2:])):
                self.engine.tls_started()
        elif kind.startswith("="):
            assert self.events.pop(0) == line[2:]
        else:
            assert kind.startswith("!"), f"what is this? {line}"

    def ours(self, kind: str, rest: str, following: str) -> None:
        if kind == "C|":
            self.content.append(rest)
            self.wanted += b"." * rest.startswith(".") + rest.encode() + b"\r\n"
            return
        if rest == ".":
            self.batch.append(commands.Content("".join(line + "\r\n" for line in self.content).encode()))
            self.content.clear()
        else:
            self.batch.append(_command(rest))
        self.wanted += rest.encode() + b"\r\n"
        if not following.startswith("C"):
            sent = self.engine.send(self.batch)
            self.carrier.write(sent if isinstance(sent, bytes) else b"".join(sent))
            assert self.carrier.written(len(self.wanted)) == self.wanted
            self.batch, self.wanted = [], b""

    def theirs(self, octets: bytes, following: str) -> None:
        if following.startswith("! "):
            with pytest.raises(PeerError, match=re.escape(following[2:])):
                self.take(octets)
        else:
            self.take(octets)

    def take(self, octets: bytes) -> None:
        for piece in self.carrier.deliver(octets):
            self.engine.receive(piece)
            while not isinstance(event := self.engine.next_event(), Signal):
                self.events.append(_words(event))
            if not octets:
                self.events.append(event.name)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("over", ["bare", "socket"])
def test_dialogue(script: Path, over: str) -> None:
    lines = [line for line in script.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    if over == "bare":
        Play(lines, Bare())
        return
    carrier = Socket()
    try:
        Play(lines, carrier)
    finally:
        carrier.close()


def test_there_are_scripts() -> None:
    assert len(SCRIPTS) >= 8

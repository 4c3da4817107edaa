"""Dialogue scripts: C:/S: text files to steps, to be played against the bare engine or over a socket.

Read by test_server_engine.py here and by the tests that play the same scripts over a socket.
Never opens a connection itself.
Fails with ValueError, naming file and line, when a script is malformed.

    # a comment
    ! tls, size=1000          what the server must be set up with, one or more words; `name=value` or `name`
    C: MAIL FROM:<a@b.example>     a line, sent with CRLF; lines in a row are sent in ONE write
    C~ body\\n.\\r\\n                 octets with Python's escapes, sent as they are
    S: 250 2.1.0              one whole reply: its code, and how the text of its last line begins
    S+ PIPELINING             the reply just read has a line that begins so
    S- STARTTLS               ... has none
    S: closed                 the server has closed the connection
"""

from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent / "smtp"
CLOSED = "closed"


@dataclass(frozen=True)
class Step:
    """`kind` is "send" (data), "reply" (text), "has" (text), "lacks" (text) or "closed"; `line` is for messages."""

    kind: str
    line: int
    data: bytes = b""
    text: str = ""


@dataclass(frozen=True)
class Script:
    name: str
    needs: dict[str, str]
    steps: tuple[Step, ...]


def paths() -> list[Path]:
    """All scripts, in order of their names."""
    return sorted(HERE.glob("*.txt"))


def read(path: Path) -> Script:
    """The script in a file."""
    needs: dict[str, str] = {}
    steps: list[Step] = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not text.strip() or text.startswith("#"):
            continue
        mark, rest = text[:2], text[3:]
        if mark.startswith("! "):
            for word in text[2:].split(","):
                name, _, value = word.strip().partition("=")
                needs[name] = value
        elif mark in ("C:", "C~"):
            data = rest.encode() + b"\r\n" if mark == "C:" else _octets(rest)
            if steps and steps[-1].kind == "send":
                data = steps.pop().data + data
            steps.append(Step("send", number, data))
        elif mark == "S:":
            steps.append(Step("closed", number) if rest == CLOSED else Step("reply", number, text=rest))
        elif mark in ("S+", "S-"):
            steps.append(Step("has" if mark == "S+" else "lacks", number, text=rest))
        else:
            raise ValueError(f"{path.name}:{number}: no step: {text!r}")
    return Script(path.stem, needs, tuple(steps))


def _octets(text: str) -> bytes:
    return text.encode("latin-1", "backslashreplace").decode("unicode_escape").encode("latin-1")


def take_reply(stream: bytes) -> tuple[list[str], bytes] | None:
    """(lines of the first reply, what stands behind it), None when it is not complete."""
    lines: list[str] = []
    while True:
        line, end, stream = stream.partition(b"\r\n")
        if not end:
            return None
        lines.append(line.decode())
        if line[3:4] != b"-":
            return lines, stream


def differs(step: Step, lines: list[str]) -> str:
    """What is wrong with a reply (its lines with codes) under a "reply", "has" or "lacks" step; "" for nothing."""
    if step.kind == "reply":
        right = lines[-1].startswith(step.text)
    else:
        right = any(line[4:].startswith(step.text) for line in lines) == (step.kind == "has")
    return "" if right else f"line {step.line}: {step.kind} {step.text!r}, got {lines}"

"""milter_changes: what a filter asks for at the end of a letter, gathered into Edits.

Called by milter with each reply that is no verdict.
Never carries anything out; holds a new body in memory, up to a bound.
Fails with PeerError on a body above the bound and on words that are no text.
"""

import re

from hatoba.model import edits
from hatoba.wire.milter import client, replies


class Changes:
    """What a filter asks for at the end, gathered."""

    def __init__(self, engine: client.MilterEngine, most: int) -> None:
        self.quarantine: str | None = None
        self._engine = engine
        self._most = most
        self._fields: list[edits.FieldEdit] = []
        self._body: list[bytes] | None = None
        self._octets = 0
        self._added: list[str] = []
        self._removed: list[str] = []
        self._sender: str | None = None

    def take(self, reply: replies.Reply) -> None:
        """One reply that is no verdict."""
        match reply:
            case replies.AddHeader(name, value):
                self._fields.append(edits.FieldEdit(edits.ADD, name, self._spaced(value)))
            case replies.InsertHeader(index, name, value):
                self._fields.append(edits.FieldEdit(edits.INSERT, name, self._spaced(value), index))
            case replies.ChangeHeader(index, name, value):
                spaced = self._spaced(value) if value else b""
                self._fields.append(edits.FieldEdit(edits.CHANGE, name, spaced, max(1, index)))
            case replies.ReplaceBody(data):
                self._replace(data)
            case replies.AddRecipient(path):
                self._added.append(_address(path))
            case replies.DeleteRecipient(path):
                self._removed.append(_address(path))
            case replies.ChangeSender(path):
                self._sender = _address(path)
            case replies.Quarantine(reason):
                self.quarantine = _text(reason)

    def _replace(self, data: bytes) -> None:
        """A piece of the new body."""
        self._octets += len(data)
        if self._octets > self._most:
            raise replies.wrong(f"a new body above {self._most} octets")
        if self._body is None:
            self._body = []
        self._body.append(data)

    def made(self) -> edits.Edits:
        """All of it; a new body's lines end in CRLF."""
        body = None if self._body is None else lines_ended(b"".join(self._body))
        return edits.Edits(tuple(self._fields), body, tuple(self._added), tuple(self._removed), self._sender)

    def _spaced(self, value: bytes) -> bytes:
        """All behind the colon: filters that did not ask for the leading space do not send it either."""
        return value if self._engine.leading else b" " + value


def _address(path: bytes) -> str:
    return _text(path.strip().removeprefix(b"<").removesuffix(b">"))


def _text(octets: bytes) -> str:
    text = octets.decode("utf-8", "replace")
    if not text.isprintable():
        raise replies.wrong("unprintable octets")
    return text


def lines_ended(body: bytes) -> bytes:
    """With CRLF at each line's end: a filter on Unix may send bare LF."""
    return _LONE.sub(b"\r\n", body)


_LONE = re.compile(rb"\r\n|\r|\n")

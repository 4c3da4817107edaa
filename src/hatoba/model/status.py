"""Status: what became of a thing, in the words of RFC 3463, and the exception that carries one.

Spoken by every room between the doors and the store; each door translates it to its protocol's words.
Never holds a protocol's own reply code. `Refusal` is how a room says no; `PeerError` is how an engine says
that the other side broke its grammar.
"""

import msgspec


class Status(msgspec.Struct, frozen=True, gc=False):
    """An enhanced status code and one line of text for a person. # RFC 3463 §2

    `code` is "class.subject.detail": class 2 success, 4 temporary, 5 permanent. `text` is English, shown to the
    peer: it holds no secret and no path of this machine.
    """

    code: str
    text: str = ""

    @property
    def ok(self) -> bool:
        return self.code[0] == "2"

    @property
    def temporary(self) -> bool:
        return self.code[0] == "4"

    @property
    def permanent(self) -> bool:
        return self.code[0] == "5"

    def __str__(self) -> str:
        return f"{self.code} {self.text}" if self.text else self.code


class Refusal(Exception):
    """We say no. `status` says what and for how long (class 4 or 5)."""

    def __init__(self, status: Status) -> None:
        super().__init__(str(status))
        self.status = status


class PeerError(Exception):
    """The peer broke the protocol. `status` is the hint for the reply; the text names what was wrong."""

    def __init__(self, status: Status) -> None:
        super().__init__(str(status))
        self.status = status

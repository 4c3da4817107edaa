"""The POP3 dialogue as one table: state → verb → the state after +OK.

Read by wire.pop3.server.
Never parses and never answers: a verb that is missing from its state's row is out of sequence.
`why` names the fault for it; the tables themselves cannot fail.  # RFC 1939 §3
"""

from typing import Final

from hatoba.wire.pop3 import faults
from hatoba.wire.pop3.events import Malformed

AUTHORIZATION: Final = "AUTHORIZATION"
NAMED: Final = "NAMED"  # USER was taken: PASS may follow
TRANSACTION: Final = "TRANSACTION"
OVER: Final = "OVER"

_LOGIN: Final = {
    "CAPA": AUTHORIZATION, "LANG": AUTHORIZATION, "UTF8": AUTHORIZATION, "USER": NAMED, "AUTH": TRANSACTION,
    "STLS": AUTHORIZATION, "QUIT": OVER,
}  # fmt: skip

NEXT: Final[dict[str, dict[str, str]]] = {
    AUTHORIZATION: _LOGIN,
    NAMED: _LOGIN | {"PASS": TRANSACTION, "CAPA": NAMED},
    TRANSACTION: dict.fromkeys(
        ("STAT", "LIST", "RETR", "DELE", "NOOP", "RSET", "TOP", "UIDL", "CAPA", "LANG"), TRANSACTION
    )
    | {"QUIT": OVER},
}
VERBS: Final = frozenset(verb for row in NEXT.values() for verb in row)


def why(state: str, verb: str) -> Malformed:
    """The fault of a verb that has no place in this state."""
    if state == TRANSACTION:
        return faults.LOGGED_IN
    return faults.NEED_USER if verb == "PASS" else faults.LOG_IN


class Dialogue:
    """Where one dialogue stands."""

    __slots__ = ("name", "state", "utf8")

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """As at the greeting."""
        self.state = AUTHORIZATION
        self.name = ""  # of USER
        self.utf8 = False

    def move(self, verb: str, ok: bool) -> None:
        """`verb` was answered."""
        if ok:
            self.state = NEXT[self.state][verb]
            self.utf8 = self.utf8 or verb == "UTF8"
        elif self.state == NAMED:  # PASS stands right behind a USER that was taken  # RFC 1939 §7
            self.state = AUTHORIZATION

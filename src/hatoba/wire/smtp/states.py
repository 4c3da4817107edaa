"""The SMTP dialogue as one table: state → verb → the state after a positive answer.

Read by wire.smtp.server.
Never parses and never answers: a verb that is missing from its state's row is out of sequence.
`why` names the reply for it; the tables themselves cannot fail.  # RFC 5321 §4.1.4
"""

from collections.abc import Callable
from typing import Final

from hatoba.wire.smtp.events import Mail
from hatoba.wire.smtp.reply import Reply

GREET: Final = "GREET"  # before EHLO, HELO or LHLO
READY: Final = "READY"  # no transaction
MAIL: Final = "MAIL"  # a sender, no recipient
RCPT: Final = "RCPT"  # at least one recipient
CHUNKS: Final = "CHUNKS"  # between two BDAT chunks  # RFC 3030 §2

NEGATIVE: Final = 400  # the least code that refuses
AUTHENTICATED: Final = 235

ANYTIME: Final = ("NOOP", "HELP", "VRFY", "EXPN", "QUIT")
HELLOS: Final = ("EHLO", "HELO", "LHLO")


def _row(state: str, reset: str, **moves: str) -> dict[str, str]:
    """What is allowed everywhere, a greeting, RSET, and this state's own moves."""
    return dict.fromkeys(ANYTIME, state) | dict.fromkeys(HELLOS, READY) | {"RSET": reset} | moves


NEXT: Final[dict[str, dict[str, str]]] = {
    GREET: _row(GREET, GREET),
    READY: _row(READY, READY, MAIL=MAIL, AUTH=READY, STARTTLS=GREET, XCLIENT=GREET),
    MAIL: _row(MAIL, READY, RCPT=RCPT),
    RCPT: _row(RCPT, READY, RCPT=RCPT, DATA=RCPT, BDAT=CHUNKS),
    CHUNKS: _row(CHUNKS, READY, BDAT=CHUNKS),
}

VERBS: Final = frozenset(verb for row in NEXT.values() for verb in row)
SAY_HELLO = Reply(503, "5.5.1", "Send EHLO or HELO first")
NEED_MAIL = Reply(503, "5.5.1", "Need MAIL before this command")
NEED_RCPT = Reply(503, "5.5.1", "Need RCPT before this command")
NESTED = Reply(503, "5.5.1", "A transaction is open: finish it or send RSET")
IN_CHUNKS = Reply(503, "5.5.1", "BDAT has begun: go on with BDAT or send RSET")


def why(state: str, verb: str) -> Reply:
    """The reply to a verb that has no place in this state."""
    if state == GREET:
        return SAY_HELLO
    if state == CHUNKS:
        return IN_CHUNKS
    if state == READY:
        return NEED_MAIL
    return NEED_RCPT if verb in ("DATA", "BDAT") else NESTED


class Dialogue:
    """Where one dialogue stands: its state, what the greeting allowed, and the open transaction."""

    __slots__ = ("accepted", "authenticated", "extended", "mail", "refused", "state")

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """As before the greeting."""
        self.state = GREET
        self.extended = False  # by EHLO or LHLO: the offer is in force
        self.authenticated = False
        self.reset()

    def reset(self) -> None:
        """No transaction."""
        self.mail: Mail | None = None
        self.accepted = 0  # recipients
        self.refused = 0

    @property
    def binary(self) -> bool:
        """The open transaction's content is BINARYMIME.  # RFC 3030 §3"""
        return self.mail is not None and self.mail.body == "BINARYMIME"

    def move(self, verb: str, code: int) -> None:
        """`verb` was answered with `code`. "." is the end of content, whose transaction is over either way."""
        if verb == ".":
            self.state = READY
            self.reset()
        elif code < NEGATIVE:
            self.state = NEXT[self.state][verb]
            if verb in _DONE:
                _DONE[verb](self)
            self.authenticated = self.authenticated or code == AUTHENTICATED
        elif verb == "RCPT":
            self.refused += 1
        elif verb == "MAIL":
            self.mail = None
        elif verb == "BDAT":  # RFC 3030 §4.2: the transaction failed
            self.state = READY
            self.reset()

    def _greet(self) -> None:
        self.reset()
        self.extended = True

    def _greet_plainly(self) -> None:
        self.reset()
        self.extended = False

    def _count(self) -> None:
        self.accepted += 1


_DONE: Final[dict[str, Callable[[Dialogue], None]]] = {
    "RCPT": Dialogue._count,
    "RSET": Dialogue.reset,
    "EHLO": Dialogue._greet,
    "LHLO": Dialogue._greet,
    "HELO": Dialogue._greet_plainly,
    "XCLIENT": Dialogue.begin,  # RSET would forget the transaction only: the client greets anew
}

"""The SMTP dialogue as one table: state → verb → the state after a positive answer.

Read by wire.smtp.server.
Never parses and never answers: a verb that is missing from its state's row is out of sequence.
`why` names the reply for it; the tables themselves cannot fail.  # RFC 5321 §4.1.4
"""

from typing import Final

from hatoba.wire.smtp.reply import Reply

GREET: Final = "GREET"  # before EHLO, HELO or LHLO
READY: Final = "READY"  # no transaction
MAIL: Final = "MAIL"  # a sender, no recipient
RCPT: Final = "RCPT"  # at least one recipient
CHUNKS: Final = "CHUNKS"  # between two BDAT chunks  # RFC 3030 §2

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
# Known, not implemented: 502, where 500 is for what no RFC knows.  # RFC 5321 §4.2.4
ABSENT: Final = frozenset(("ATRN", "BURL", "ETRN", "SAML", "SEND", "SOML", "TURN"))
# Not SMTP at all: a browser, a proxy or a TLS hello that was lead here.
FOREIGN: Final = frozenset(("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"))

SAY_HELLO = Reply(503, "5.5.1", "Send EHLO or HELO first")
NEED_EHLO = Reply(503, "5.5.1", "Send EHLO first, and use what it offers")
NEED_MAIL = Reply(503, "5.5.1", "Need MAIL before this command")
NEED_RCPT = Reply(503, "5.5.1", "Need RCPT before this command")
NO_RCPT = Reply(554, "5.5.1", "No valid recipients")
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

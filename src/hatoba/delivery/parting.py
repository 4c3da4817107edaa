"""Parting: what becomes of the letters a line carried when the peer turns it away or the connection is gone.

Called by exchange (a host that refuses as a whole) and by session (the connection is closed).
Never says a word to the peer. # RFC 5321 §4.2.5, RFC 2920 §3.1
Fails in nothing: each errand is told, given back, or sent elsewhere, once.
"""

from hatoba.delivery import verdict
from hatoba.delivery.errand import Errand
from hatoba.delivery.guard import Refused
from hatoba.delivery.line import Line
from hatoba.model.status import Status
from hatoba.wire.smtp.peer import PeerReply

_DUPLICATE = "the letter may have been taken, so the next attempt may make a second copy"


def turned_away(line: Line, errand: Errand, reply: PeerReply) -> None:
    """The host as a whole refuses. A 421 on a used connection only says that this one is at its end."""
    line.retiring = True
    if reply.code == 421 and line.served and errand.untouched and not reply.enhanced.startswith("4.7."):
        line.owner.back(line, errand)
    else:
        text, status = verdict.told(reply)
        line.owner.elsewhere(line, errand, Refused(status, text), reply)


def abandon(line: Line, why: Status) -> None:
    """The connection is gone: settles what it carried."""
    t, ahead = line.cur, line.ahead
    line.cur = line.ahead = None
    if ahead is not None and (t is None or ahead.errand is not t.errand):
        _unsaid(line, ahead.errand, why)
    if t is None:
        return
    errand = t.errand
    errand.said.append(f"{t.shown()}\n* {why.text}")
    if t.refused is not None:
        turned_away(line, errand, t.refused)
    elif line.faulty or not why.temporary:
        errand.refuse(why, verdict.LETTER)
        line.owner.done(line, errand)
    elif t.sent and not t.void:
        errand.refuse(Status("4.4.2", f"{why.text}; {_DUPLICATE}"), verdict.LETTER)
        line.owner.done(line, errand)
    elif line.served and line.lost is None and errand.untouched:
        line.owner.back(line, errand)
    else:
        line.owner.elsewhere(line, errand, Refused(why), None)


def _unsaid(line: Line, errand: Errand, why: Status) -> None:
    """The errand was announced behind a dot that was never answered."""
    if errand.untouched:
        line.owner.back(line, errand)
    else:
        errand.refuse(why, verdict.LETTER)
        line.owner.done(line, errand)

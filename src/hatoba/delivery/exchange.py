"""Exchange: letters over an open line: MAIL, RCPT, DATA, content, and the next letter's envelope behind the dot.

Functions on a Line, called by session for each answer; channel begins the first letter. The hot path of delivery.
Never loses an errand: it is in line.cur or line.ahead until the owner is told what became of it.
Fails by Outcomes; a dead connection is settled by `parting`.
"""

import secrets
from collections.abc import Callable

from hatoba.delivery import opening, parting, plan, streaming, verdict
from hatoba.delivery.errand import Errand, Transaction
from hatoba.delivery.line import BUSY, RESTING, Line
from hatoba.model.outcome import DELIVERED, Outcome
from hatoba.model.status import Status
from hatoba.net import session as sessions
from hatoba.wire.smtp import commands
from hatoba.wire.smtp.peer import PeerReply

_RSET = commands.Rset()
_DOT = commands.Dot()


def begin(line: Line, errand: Errand | None) -> opening.Say:
    """The first commands of the errand, or of the next one that can go; None when the line comes to rest."""
    while errand is not None:
        transaction = _plan(line, errand)
        if transaction is not None:
            line.cur = transaction
            line.state = BUSY
            t = line.timeouts
            if line.pipelining:
                line.wait(max(t.mail, t.rcpt, t.data))
                return [_RSET, *transaction.commands] if _cleaned(line) else transaction.commands
            line.wait(t.mail)
            return [_RSET] if _cleaned(line) else transaction.commands[:1]
        line.owner.done(line, errand)
        errand = line.owner.next(line)
    if line.retiring:
        return opening.leave(line)
    line.state = RESTING
    line.wait(line.options.idle)
    line.owner.rests(line)
    return None


def _cleaned(line: Line) -> bool:
    """Whether a RSET is due."""
    dirty, line.dirty = line.dirty, False
    return dirty


def _plan(line: Line, errand: Errand) -> Transaction | None:
    """A transaction for what is to do; a bug met here is logged and defers this errand alone."""
    extensions = line.engine.extensions
    options = line.options
    most = line.limits.recipients
    if 0 < extensions.rcptmax < most:  # RFC 9422
        most = extensions.rcptmax
    try:
        return plan.transaction(
            errand,
            extensions,
            most,
            eightbit_anyway=options.send_eightbit_anyway,
            secure=errand.need is not None and line.fit.get(errand.need) is not None,
            now=line.owner.clock(),
        )
    except Exception as bug:  # law 6: any bug is logged whole; it costs this letter a delay only
        error_id = secrets.token_hex(6)
        line.log.error("fault", error_id=error_id, letter=errand.job.letter.id, exc_info=bug)
        errand.refuse(Status("4.3.0", f"internal error {error_id}"), verdict.LETTER)
        errand.todo = ()
        return None


def rset(line: Line, _reply: PeerReply) -> opening.Say:
    """Before the next MAIL, where the last transaction was left open."""
    if not line.pipelining and line.cur is not None:
        return line.cur.commands[:1]
    return None


def mail(line: Line, reply: PeerReply) -> opening.Say:
    t = line.cur
    assert t is not None  # noqa: S101 # answers only come to what was sent
    t.replies.append(reply)
    if reply.code >= 300:
        t.refused = reply
    if line.pipelining:
        return None
    if t.refused is not None:
        return _finish(line, t)
    line.wait(line.timeouts.rcpt)
    return t.commands[1:2]


def rcpt(line: Line, reply: PeerReply) -> opening.Say:
    t = line.cur
    assert t is not None  # noqa: S101 # as above
    t.replies.append(reply)
    n = t.indexes[t.heard]
    t.heard += 1
    if reply.code < 300:
        t.accepted.append(n)
    elif t.refused is None:
        if reply.code == 421:
            t.refused = reply
        elif reply.code == 452 and t.accepted:  # RFC 5321 §4.5.3.1.10: too many recipients, so far
            t.later.append(n)
        else:
            t.errand.outcomes[n] = verdict.outcome(n, reply)
    if line.pipelining and not t.binary:
        return None
    return _stepped(line, t)


def _stepped(line: Line, t: Transaction) -> opening.Say:
    """Without PIPELINING, and before BDAT: what follows one RCPT's answer."""
    if t.heard < len(t.indexes) and t.refused is None:
        return None if line.pipelining else t.commands[1 + t.heard : 2 + t.heard]
    if t.heard < len(t.indexes) and line.pipelining:
        return None  # the answers to the rest are still to come
    if not t.accepted or t.refused is not None:
        line.dirty = True
        return _finish(line, t)
    if t.binary:
        return _content(line, t)
    line.wait(line.timeouts.data)
    return t.commands[-1:]


def data(line: Line, reply: PeerReply) -> opening.Say:
    t = line.cur
    assert t is not None  # noqa: S101 # as above
    t.replies.append(reply)
    if reply.code == 354:
        if t.accepted and t.refused is None:
            return _content(line, t)
        t.void = t.sent = True  # RFC 2920 §3.1: the server took DATA without a recipient
        line.wait(line.timeouts.end)
        return [_DOT]
    if t.refused is None:
        if reply.code == 421:
            t.refused = reply
        else:
            scope = verdict.LETTER
            for n in t.accepted:
                t.errand.outcomes[n] = verdict.outcome(n, reply, scope)
    line.dirty = True
    return _finish(line, t)


def _content(line: Line, t: Transaction) -> opening.Say:
    """The content, and behind it the envelope of whatever goes next."""
    errand = t.errand
    letter = errand.job.letter
    content = letter.content
    errand.mixed = True
    t.content = f"{letter.size + len(t.way.top)} octets of content"
    line.wait(line.timeouts.end)
    if content is None:
        streaming.start(line, t)
        return None
    if t.way.top:
        content = t.way.top + content
    t.sent = True
    if t.binary:
        return [commands.Bdat(content, last=True, vouched=True)]
    # What was not vouched for was checked by plan; it is stuffed whatever the letter says of itself.
    batch: list[commands.Command] = [commands.Content(content, letter.dotted, vouched=plan.vouched(letter))]
    if line.pipelining:
        following = _following(line, t)
        if following is not None:
            line.ahead = following
            batch += following.commands
    return batch


def _following(line: Line, t: Transaction) -> Transaction | None:
    """What is announced behind the dot: the rest of this errand, else the next one."""
    errand: Errand | None = t.errand
    if t.later or t.errand.todo:
        t.errand.todo = [*t.later, *t.errand.todo]
        t.later = []
        return _plan(line, t.errand)
    while (errand := line.owner.next(line)) is not None:
        following = _plan(line, errand)
        if following is not None and not following.binary:
            return following
        if following is not None:  # BDAT wants the answers to RCPT first: it goes when this letter is done
            errand.todo = [*following.indexes, *errand.todo]
            line.owner.back(line, errand)
            return None
        line.owner.done(line, errand)
    return None


def bdat(line: Line, reply: PeerReply) -> opening.Say:
    """A chunk but the last: what a refusal means, the last chunk's answer says. # RFC 3030 §2"""
    if not reply.ok and line.cur is not None:
        line.cur.errand.said.append(f"S: {verdict.told(reply)[0]}")
    return None


def dot(line: Line, reply: PeerReply) -> opening.Say:
    """The answer to the content: for all accepted recipients, or in LMTP for the next one. # RFC 2033 §4.2"""
    t = line.cur
    assert t is not None  # noqa: S101 # as above
    t.replies.append(reply)
    if not t.void:
        outcomes = t.errand.outcomes
        if line.engine.lmtp:
            n = t.accepted[t.answered]
            t.answered += 1
            outcomes[n] = _final(line, n, reply, verdict.RECIPIENT)
            if t.answered < len(t.accepted):
                return None
        else:
            for n in t.accepted:
                outcomes[n] = _final(line, n, reply, verdict.LETTER)
    return _finish(line, t)


def _final(line: Line, n: int, reply: PeerReply, scope: str) -> Outcome:
    if reply.code < 300:
        text, status = verdict.told(reply)
        return Outcome(n, DELIVERED, status, text, verdict.RECIPIENT, not line.engine.extensions.dsn)
    return verdict.outcome(n, reply, verdict.SITE if reply.code == 421 else scope)


def _finish(line: Line, t: Transaction) -> opening.Say:
    """The transaction is over: tell, and go on with what was announced or with the next."""
    errand = t.errand
    errand.said.append(t.shown())
    if t.refused is not None:
        return _refused(line, t, t.refused)
    line.served += 1
    if t.later:
        errand.todo = [*t.later, *errand.todo]
    line.cur = following = line.ahead
    line.ahead = None
    if following is None:
        if errand.todo:
            return begin(line, errand)
        line.owner.done(line, errand)
        return begin(line, line.owner.next(line))
    if following.errand is not errand:
        line.owner.done(line, errand)
    return None


def _refused(line: Line, t: Transaction, reply: PeerReply) -> opening.Say:
    """MAIL was refused, or 421 came before the content: about the letter, or about this host?"""
    errand = t.errand
    line.cur = None
    if not verdict.of_site(reply):
        line.served += 1
        line.dirty = False
        if errand.job.letter.envelope.ways:  # another reverse-path may be welcome
            errand.reject(reply, verdict.LETTER, t.indexes)
            if errand.todo:
                return begin(line, errand)
        errand.reject(reply, verdict.LETTER)
        errand.todo = ()
        line.owner.done(line, errand)
        return begin(line, line.owner.next(line))
    parting.turned_away(line, errand, reply)
    if reply.code == 421:
        return sessions.Then("close")
    return opening.leave(line)


STEPS: dict[str, Callable[[Line, PeerReply], opening.Say]] = {
    "RSET": rset, "MAIL": mail, "RCPT": rcpt, "DATA": data, ".": dot, "BDAT": bdat, "BDAT LAST": dot,
}  # fmt: skip

"""Replies: vacation, and whether one may be sent at all. # RFC 5230, RFC 6131, RFC 3834 §2, RFC 8580

Called by execute.
Never replies to a machine, a list, the null sender, oneself, or where the letter was not addressed to the person.
Fails with Halt: a second reply in one run, beside reject, a bad address.
"""

import hashlib
import re

from hatoba.sieve import actions, rules, texts
from hatoba.sieve.faults import Halt, shown
from hatoba.sieve.node import Node
from hatoba.sieve.running import filing
from hatoba.sieve.running.machine import Machine

DAYS = 7  # where the script does not say  # RFC 5230 §4.1
DAYS_MOST = 365

# Who answers for a program. # RFC 5230 §4.6, RFC 3834 §2
_MACHINES = re.compile(
    r"(?:owner-.*|.*-(?:request|owner|bounces?|relay|outgoing)|.*-bounces?[+=].*|bounces?(?:[+=-].*)?|mailer-daemon|"
    r"mailer|daemon|listserv|majordomo|mdaemon|uucp|nobody|www-data|"
    r"(?:do[-_.]?)?no[-_.]?t?[-_.]?reply(?:[-_.+].*)?|srs[01][=+-].*|prvs=.*|msprvs1=.*)@.*",
    re.IGNORECASE,
)
_LISTS = ("list-id", "list-help", "list-subscribe", "list-unsubscribe", "list-post", "list-owner", "list-archive")
_SUPPRESSED = frozenset({"all", "oof", "autoreply"})  # X-Auto-Response-Suppress


def vacation(run: Machine, node: Node) -> None:
    """RFC 5230 §4"""
    if run.replied:
        raise Halt("vacation can be used once for a letter")  # RFC 5230 §4.7
    if any(isinstance(action, actions.Reject) for action in run.actions):
        raise Halt("vacation cannot stand beside reject")
    run.replied = True
    reply = _reply(run, node)
    why = forbidden(run, [run.expand(text) for text in node.tagged.get("addresses", ())])
    if why:
        run.note(node, f"vacation: no reply: {why}")
        return
    run.add(reply)
    run.note(node, f"vacation: reply to {reply.to}")


def _reply(run: Machine, node: Node) -> actions.Vacation:
    subject, sender = (run.expand(text) if text else "" for text in (node.tag_text("subject"), node.tag_text("from")))
    if sender and not rules.addresses(sender):
        raise Halt(f":from {shown(sender)} is no address")
    text = run.expand(node.text(0))
    if node.has("mime") and not rules.mime(text):
        raise Halt("the text of the reply is no MIME entity")
    named = node.tag_text("handle")
    fcc = node.tag_text("fcc")
    return actions.Vacation(
        run.situation.sender,
        run.expand(named) if named else _handle(node),
        _seconds(run, node),
        text,
        subject,
        sender,
        node.has("mime"),
        filing.filed(run, node, run.expand(fcc)) if fcc else None,
    )


def _seconds(run: Machine, node: Node) -> int:
    """The time between two replies to one sender, within its bounds. # RFC 5230 §4.1, RFC 6131 §2"""
    asked = node.numbers.get("interval", DAYS)
    seconds = asked if node.tag("interval") == "seconds" else max(asked, 1) * 86400
    return min(max(seconds, run.situation.vacation_least), DAYS_MOST * 86400)


def _handle(node: Node) -> str:
    """Replies with the same arguments are the same reply, whatever their variables hold. # RFC 5230 §4.2"""
    given = (node.tag_text("subject"), node.tag_text("from"), node.text(0))
    parts = [texts.source(text) if text else "" for text in given] + [str(node.has("mime"))]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def forbidden(run: Machine, more: list[str]) -> str:
    """Why no reply may be sent, "" where one may. `more`: addresses that the script says are the person's own."""
    sender, letter = run.situation.sender, run.letter
    if not sender:
        return "the sender is null"
    if _MACHINES.fullmatch(sender) or sender.lower() in run.situation.specials:
        return "the sender is a program or a list"
    for value in letter.values("auto-submitted"):  # RFC 3834 §5
        if value.partition(";")[0].partition("(")[0].strip().lower() != "no":
            return "the letter was sent by a program"
    if any(letter.has(name) for name in _LISTS):
        return "the letter came through a list"
    if any(value.lower() in ("bulk", "list", "junk") for value in letter.values("precedence")):
        return "the letter has a precedence"
    if any(_SUPPRESSED & set(re.split(r"[,\s]+", v.lower())) for v in letter.values("x-auto-response-suppress")):
        return "the sender wants no automatic reply"
    mine = own(run, more)
    if sender.lower() in mine:
        return "the sender is the person"
    if not mine & letter.recipients():
        return "the letter is not addressed to the person"  # RFC 5230 §4.5
    return ""


def own(run: Machine, more: list[str]) -> set[str]:
    """The person's addresses, in lower case."""
    situation = run.situation
    known = [situation.recipient, situation.original, *situation.addresses, *map(_address, more)]
    return {address.lower() for address in known if address}


def _address(text: str) -> str:
    return filing.address_of(text) or ""

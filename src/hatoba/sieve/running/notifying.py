"""Notifications: notify, and the tests of its method, which is mailto alone. # RFC 5435, RFC 5436

Called by execute.
Never notifies about a letter that a program sent: two servers could keep each other busy. # RFC 5436 §2.7.1
Fails with Halt: a method that is none, too many notifications.
"""

from hatoba.sieve import actions, mailto, rules
from hatoba.sieve.faults import Halt, shown
from hatoba.sieve.matching import match
from hatoba.sieve.node import Node
from hatoba.sieve.running import filing
from hatoba.sieve.running.machine import Machine

_SUBJECT_MOST = 500  # characters  # RFC 5436 §2.6


def notify(run: Machine, node: Node) -> None:
    """RFC 5435 §3"""
    method = run.expand(node.text(0))
    try:
        uri = mailto.parse(method)
    except mailto.BadMailto as error:
        raise Halt(f"{shown(method)} is no method of notify: {error}") from None
    action = _action(run, node, uri)
    before = [other for other in run.actions if isinstance(other, actions.Notify)]
    if len(before) >= run.limits.notifications:
        raise Halt(f"the script has more than {run.limits.notifications} notifications")
    automatic = run.letter.values("auto-submitted")
    if any(value.partition(";")[0].strip().lower() != "no" for value in automatic):
        run.note(node, "notify: none: the letter was sent by a program")
        return
    told = {address.lower() for other in before for address in (*other.to, *other.cc)}
    to = tuple([address for address in action.to if address.lower() not in told])  # once about one letter
    cc = tuple([address for address in action.cc if address.lower() not in told])
    if not to and not cc:
        run.note(node, "notify: all were told already")
        return
    run.add(
        actions.Notify(to, cc, action.sender, action.importance, action.subject, action.text, action.fields, action.fcc)
    )
    run.note(node, f"notify {', '.join(to or cc)}")


def _action(run: Machine, node: Node, uri: mailto.Mailto) -> actions.Notify:
    sender, message, weight, fcc = (node.tag_text(group) for group in ("from", "message", "importance", "fcc"))
    from_ = run.expand(sender) if sender else ""
    if sender and filing.address_of(from_) is None:
        raise Halt(f":from {shown(from_)} is no address")
    importance = run.expand(weight) if weight else "2"
    if importance not in ("1", "2", "3"):
        raise Halt(f":importance is 1, 2 or 3, not {shown(importance)}")
    for text in node.tagged.get("options", ()):
        if not rules.option(run.expand(text)):
            raise Halt(f"{shown(run.expand(text))} is no option of notify")
    said = run.expand(message) if message else ""
    subject = said or uri.subject or next(iter(run.letter.values("subject")), "")  # RFC 5436 §2.7
    return actions.Notify(
        uri.to,
        uri.cc,
        from_,
        int(importance),
        " ".join(subject.split())[:_SUBJECT_MOST],
        uri.body,
        uri.fields,
        filing.filed(run, node, run.expand(fcc)) if fcc else None,
    )


def _sound(method: str) -> bool:
    try:
        mailto.parse(method)
    except mailto.BadMailto:
        return False
    return True


def valid_notify_method(run: Machine, node: Node) -> bool:
    """RFC 5435 §4: all of them."""
    return all(map(_sound, run.expand_all(node.arguments[0])))


def notify_method_capability(run: Machine, node: Node) -> bool:
    """RFC 5435 §5: nobody knows whether one who reads mail is online. # RFC 5436 §2.8"""
    if not _sound(run.expand(node.text(0))) or run.expand(node.text(1)).lower() != "online":
        return False
    if node.match.type == match.COUNT:
        return run.holds(node.match, "1", run.expand_all(node.arguments[2]))
    return run.compare(node, ["maybe"], node.arguments[2])

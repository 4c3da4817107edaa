"""Where a letter goes: keep, fileinto, redirect, discard, reject, ereject. # RFC 5228 §4, RFC 3894, RFC 5429

Called by execute.
Never files anything: values are gathered, and what says the same is gathered once.
Fails with Halt: a bad name or address, actions that exclude each other, a limit.
"""

from hatoba.message import mailbox
from hatoba.sieve import actions, rules
from hatoba.sieve.faults import Halt, shown
from hatoba.sieve.node import Node
from hatoba.sieve.running import asking, flagging
from hatoba.sieve.running.machine import Machine

_DELIVERS = (actions.Keep, actions.FileInto, actions.Redirect)


def _first_rejected(run: Machine) -> None:
    """Reject stands alone. # RFC 5429 §2.4"""
    if any(isinstance(action, actions.Reject) for action in run.actions):
        raise Halt("the letter is rejected already: nothing else can be done with it")


def _store(run: Machine, action: actions.Keep | actions.FileInto) -> None:
    """Into one mailbox once; the last flags count. # RFC 5228 §2.10.3, RFC 5232 §5"""
    _first_rejected(run)
    for n, other in enumerate(run.actions):
        if type(other) is type(action) and _place(other) == _place(action):
            run.actions[n] = action
            return
    run.add(action)


def _place(action: actions.Action) -> tuple[str, str, str]:
    if isinstance(action, actions.FileInto):
        return action.mailbox, action.special_use, action.mailbox_id
    return "INBOX", "", ""


def keep(run: Machine, node: Node) -> None:
    """RFC 5228 §4.3"""
    _store(run, actions.Keep(flagging.of(run, node), edits=run.whole.edits))
    run.implicit = False
    run.note(node, "keep")


def filed(run: Machine, node: Node, name: str) -> actions.FileInto:
    """The mailbox that fileinto or :fcc names, with its tags."""
    special, id_ = node.tag_text("specialuse"), node.tag_text("mailboxid")
    use = run.expand(special) if special else ""
    if special and not rules.special_use(use):
        raise Halt(f"{shown(use)} is no special use of a mailbox")
    return actions.FileInto(
        asking.mailbox_name(name),
        flagging.of(run, node),
        create=node.has("create"),
        copy=node.has("copy"),
        special_use=use,
        mailbox_id=run.expand(id_) if id_ else "",
        edits=run.whole.edits,
    )


def fileinto(run: Machine, node: Node) -> None:
    """RFC 5228 §4.1"""
    action = filed(run, node, run.expand(node.text(0)))
    if action.mailbox == "INBOX" and not action.special_use and not action.mailbox_id:
        _store(run, actions.Keep(action.flags, edits=action.edits))  # the same place: one copy of the letter there
    else:
        _store(run, action)
    if not action.copy:
        run.implicit = False
    run.note(node, f"fileinto {shown(action.mailbox)}")


def redirect(run: Machine, node: Node) -> None:
    """RFC 5228 §4.2"""
    _first_rejected(run)
    text = run.expand(node.text(0))
    address = address_of(text)
    if address is None:
        raise Halt(f"{shown(text)} is no address to redirect to")
    action = actions.Redirect(address, node.has("copy"), run.whole.edits)
    same = [n for n, other in enumerate(run.actions) if isinstance(other, actions.Redirect) and _equal(other, action)]
    if same:
        run.actions[same[0]] = action
    else:
        if sum(isinstance(other, actions.Redirect) for other in run.actions) >= run.limits.redirects:
            raise Halt(f"the script has more than {run.limits.redirects} redirects")
        run.add(action)
    if not action.copy:
        run.implicit = False
    run.note(node, f"redirect {shown(address)}")


def _equal(one: actions.Redirect, other: actions.Redirect) -> bool:
    return one.address.lower() == other.address.lower()


def address_of(text: str) -> str | None:
    """The address in `text`, which may have a display name, in its wire form; None for none."""
    try:
        found = mailbox.parse(text.strip()).address
    except mailbox.BadMailbox:
        return None
    return None if found is None else str(found)


def discard(run: Machine, node: Node) -> None:
    """RFC 5228 §4.4: the letter is not kept; what else was said stays."""
    if not any(isinstance(action, actions.Discard) for action in run.actions):
        run.add(actions.Discard())
    run.implicit = False
    run.note(node, "discard")


def reject(run: Machine, node: Node) -> None:
    """RFC 5429 §2.4: once, and with nothing that delivers the letter or replies to it."""
    for action in run.actions:
        if isinstance(action, (*_DELIVERS, actions.Reject)):
            raise Halt(f"{node.name} cannot stand beside {type(action).__name__.lower()}")
    if run.replied:
        raise Halt(f"{node.name} cannot stand beside vacation")
    run.add(actions.Reject(run.expand(node.text(0)), extended=node.name == "ereject"))
    run.implicit = False
    run.note(node, node.name)

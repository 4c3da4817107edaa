"""Tests that ask the caller: mailboxes, metadata, special uses, what was seen. # RFC 5490, RFC 8579, RFC 9042, RFC 7352

Called by execute; each is a generator that yields questions.
Never remembers an answer beyond the run.
Fails with Halt: a name of a mailbox that is none, too many questions.
"""

import hashlib
import unicodedata
from collections.abc import Callable

from hatoba.sieve import questions, texts
from hatoba.sieve.faults import Halt, shown
from hatoba.sieve.node import Node
from hatoba.sieve.running.machine import Machine

SECONDS = 7 * 86400  # that a key is remembered where the script does not say  # RFC 7352 §3.3
SECONDS_MOST = 90 * 86400
_NAME_MOST = 1000  # characters


def mailbox_name(text: str) -> str:
    """`text` as the name of a mailbox: NFC, INBOX in capitals. Halt where it is none."""
    levels = unicodedata.normalize("NFC", text).split("/")
    if not texts.sound(text) or not text.isprintable() or not all(levels) or len(text) > _NAME_MOST:
        raise Halt(f"{shown(text)} is no name of a mailbox")
    if levels[0].upper() == "INBOX":
        levels[0] = "INBOX"
    return "/".join(levels)


def _known(text: str) -> str:
    """`text` as the name of a mailbox; "" where nothing can be called so, which then is not there."""
    try:
        return mailbox_name(text)
    except Halt:
        return ""


def mailboxexists(run: Machine, node: Node) -> questions.Asking[bool]:
    """RFC 5490 §3.1: all of them."""
    names = list(map(_known, run.expand_all(node.arguments[0])))
    return all(names) and all((yield from run.ask(*map(questions.MailboxExists, names))))


def mailboxidexists(run: Machine, node: Node) -> questions.Asking[bool]:
    """RFC 9042 §5"""
    return all((yield from run.ask(*map(questions.MailboxIdExists, run.expand_all(node.arguments[0])))))


def specialuse_exists(run: Machine, node: Node) -> questions.Asking[bool]:
    """RFC 8579 §4"""
    mailbox = _known(run.expand(node.text(0))) if node.arguments[0] else ""
    if node.arguments[0] and not mailbox:
        return False
    uses = run.expand_all(node.arguments[1])
    return all((yield from run.ask(*[questions.SpecialUseExists(use, mailbox) for use in uses])))


def metadata(run: Machine, node: Node) -> questions.Asking[bool]:
    """RFC 5490 §3.3"""
    mailbox = _known(run.expand(node.text(0)))
    if not mailbox:
        return False
    (value,) = yield from run.ask(questions.Metadata(mailbox, run.expand(node.text(1))))
    return isinstance(value, str) and run.compare(node, [value], node.arguments[2])


def servermetadata(run: Machine, node: Node) -> questions.Asking[bool]:
    """RFC 5490 §4.1"""
    (value,) = yield from run.ask(questions.Metadata("", run.expand(node.text(0))))
    return isinstance(value, str) and run.compare(node, [value], node.arguments[1])


def metadataexists(run: Machine, node: Node) -> questions.Asking[bool]:
    """RFC 5490 §3.4: all of them."""
    mailbox = _known(run.expand(node.text(0)))
    if not mailbox:
        return False
    names = run.expand_all(node.arguments[1])
    values = yield from run.ask(*[questions.Metadata(mailbox, name) for name in names])
    return all(value is not None for value in values)


def servermetadataexists(run: Machine, node: Node) -> questions.Asking[bool]:
    """RFC 5490 §4.2"""
    values = yield from run.ask(*[questions.Metadata("", name) for name in run.expand_all(node.arguments[0])])
    return all(value is not None for value in values)


def duplicate(run: Machine, node: Node) -> questions.Asking[bool]:
    """RFC 7352 §3: by the Message-ID, a field or a given id; without one, nothing is a duplicate."""
    if node.tag("identity") == "uniqueid":
        id_ = run.expand(node.tagged["identity"][0])
    else:
        name = run.expand(node.tagged["identity"][0]) if node.has("identity") else "message-id"
        values = run.fields(name)
        if not values:
            return False
        id_ = run.decoded(values[0])
    if node.numbers.get("seconds") == 0:
        return False
    handle = node.tag_text("handle")
    parts = (run.expand(handle) if handle else "", id_)
    key = hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]
    seconds = min(node.numbers.get("seconds", SECONDS), SECONDS_MOST)
    if key in run.known:  # the same question twice has the same answer  # RFC 7352 §3
        return run.known[key]
    seen = questions.Seen(key, seconds, node.has("last"))
    (before,) = yield from run.ask(seen)
    run.known[key] = bool(before)
    if not before or seen.last:
        run.seen.append(seen)
    return bool(before)


TESTS: dict[str, Callable[[Machine, Node], questions.Asking[bool]]] = {
    "duplicate": duplicate,
    "mailboxexists": mailboxexists,
    "mailboxidexists": mailboxidexists,
    "metadata": metadata,
    "metadataexists": metadataexists,
    "servermetadata": servermetadata,
    "servermetadataexists": servermetadataexists,
    "specialuse_exists": specialuse_exists,
}

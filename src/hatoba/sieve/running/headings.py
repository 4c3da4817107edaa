"""Tests of fields: header, address, exists, envelope. # RFC 5228 §5, RFC 5233, RFC 5260 §6, RFC 5703 §4

Called by execute.
Never decodes a display name to find an address in it.
Fails with Halt where a variable makes an argument no good.
"""

import re
from collections.abc import Iterator
from typing import TypeVar

from hatoba.message import mailbox, parameters
from hatoba.model.address import Address, BadAddress
from hatoba.sieve.faults import Halt, shown
from hatoba.sieve.letter import tree, view
from hatoba.sieve.matching import match
from hatoba.sieve.node import Node
from hatoba.sieve.running.machine import Machine

T = TypeVar("T")
_LOOSE = re.compile(r"([^\s<>@,:;\"]+)(?:@([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*))?")


def parts(run: Machine, node: Node) -> Iterator[tree.Part | None]:
    """The parts whose fields are looked at; None is the letter itself."""
    if not node.has("mime"):
        yield None
    elif node.has("anychild"):
        for part in run.part.below():
            run.spend()
            yield part
    else:
        yield run.part


def picked(node: Node, values: list[T]) -> list[T]:
    """The field that :index and :last name, counted over all names, or all fields. # RFC 5260 §6"""
    n = node.numbers.get("index", 0)
    if not n:
        return values
    if n > len(values):
        return []
    return [values[-n] if node.has("last") else values[n - 1]]


def _fields(run: Machine, node: Node) -> list[tuple[str, bytes]]:
    names = run.expand_all(node.arguments[0])
    found: list[tuple[str, bytes]] = []
    for part in parts(run, node):
        for name in names:
            found += [(name, value) for value in run.fields(name, part)]
    return picked(node, found)


def header(run: Machine, node: Node) -> bool:
    """RFC 5228 §5.7"""
    option = node.tag("option")
    values: list[str] = []
    for name, value in _fields(run, node):
        if option:
            values += _option(run, node, name.lower(), value)
        else:
            values.append(run.decoded(value))
    return run.compare(node, values, node.arguments[1])


def _option(run: Machine, node: Node, name: str, value: bytes) -> list[str]:
    """What an option takes out of a field with parameters. # RFC 5703 §4.2"""
    read = parameters.read(value)
    option = node.tag("option")
    if option == "param":
        wanted = [each.lower() for each in run.expand_all(node.tagged["option"])]
        return [read.parameters[each] for each in wanted if each in read.parameters]
    if name == "content-disposition":
        return ["" if option == "subtype" else read.value]
    if name != "content-type":
        return []
    type_, _, subtype = read.value.partition("/")
    return [{"type": type_, "subtype": subtype, "contenttype": read.value}[option]]


def exists(run: Machine, node: Node) -> bool:
    """RFC 5228 §5.5: all of them."""
    names = run.expand_all(node.arguments[0])
    where = list(parts(run, node))
    return all(any(run.fields(name, part) for part in where) for name in names)


def address(run: Machine, node: Node) -> bool:
    """RFC 5228 §5.1"""
    values: list[str] = []
    for name, value in _fields(run, node):
        if not view.of_addresses(name):
            continue
        boxes = run.letter.mailboxes(value)
        run.spend(len(boxes))
        for box in boxes:
            values += _part(run, node, box)
    return run.compare(node, values, node.arguments[1])


def _part(run: Machine, node: Node, box: mailbox.Mailbox) -> list[str]:
    """The part of an address that the tag asks for; none where it has no such part. # RFC 5233 §4"""
    wanted = node.tag("part")
    if wanted == "domain":
        return [box.domain] if box.domain else []
    if wanted == "localpart":
        return [box.local]
    if wanted in ("user", "detail"):
        user, separator, detail = box.local.partition(run.situation.separator)
        if wanted == "user":
            return [user]
        return [detail] if separator else []
    return [f"{box.local}@{box.domain}" if box.domain else box.local]


def envelope(run: Machine, node: Node) -> bool:
    """RFC 5228 §5.4. The null sender is the empty string, whatever part is asked for."""
    values: list[str] = []
    for name in run.expand_all(node.arguments[0]):
        lower = name.lower()
        if lower not in ("from", "to"):
            raise Halt(f"an envelope has from and to, no {shown(name)}")
        for text in [run.situation.sender] if lower == "from" else _receivers(run):
            if not text:
                values += [] if node.match.type == match.COUNT else [""]  # RFC 5231 §4.2
                continue
            if box := _path(text):  # what is no address has no parts
                values += _part(run, node, box)
    return run.compare(node, values, node.arguments[1])


def _path(text: str) -> mailbox.Mailbox | None:
    """An envelope's address, a source route dropped; what the SMTP grammar would not have is taken as it stands."""
    try:
        found = Address.parse_path(f"<{text}>")
    except BadAddress:
        loose = _LOOSE.fullmatch(text)
        return mailbox.Mailbox("", loose[1], loose[2] or "") if loose else None
    return mailbox.Mailbox("", found.local, found.domain) if found else None


def _receivers(run: Machine) -> list[str]:
    """The address as the client gave it, with its detail."""
    return [run.situation.original or run.situation.recipient]

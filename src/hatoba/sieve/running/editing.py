"""Fields changed: addheader and deleteheader. # RFC 5293

Called by execute.
Never touches Received or Auto-Submitted, and never lets a line end into a field.
Fails with Halt: a name that is none, a value too long, too many changes.
"""

from hatoba.message import encode, fields
from hatoba.model import edits
from hatoba.sieve import rules
from hatoba.sieve.faults import Halt, shown
from hatoba.sieve.matching import match
from hatoba.sieve.node import Node
from hatoba.sieve.running.machine import Machine


def _named(run: Machine, node: Node) -> str:
    name = run.expand(node.text(0))
    if not rules.field_name(name):
        raise Halt(f"{shown(name)} is no name of a field")
    return name


def _room(run: Machine, more: int) -> None:
    if len(run.letter.edits) + more > run.limits.edits:
        raise Halt(f"the script changes more than {run.limits.edits} fields")


def addheader(run: Machine, node: Node) -> None:
    """RFC 5293 §4"""
    name = _named(run, node)
    value = run.expand(node.text(1))
    if len(value) > run.limits.header:
        raise Halt(f"the value of a field has more than {run.limits.header} characters")
    if "\x00" in value:
        raise Halt("a NUL stands in the value of a field")
    _room(run, 1)
    run.spend(run.letter.head.block.count(b"\n") // 10)
    if name.lower() in rules.PROTECTED:
        run.note(node, f"{name} may not be added")
        return
    written = fields.value(encode.field(name, encode.unstructured(value)))
    what = edits.ADD if node.has("last") else edits.INSERT
    run.letter.change(edits.FieldEdit(what, name.encode("ascii"), written, 0))
    run.note(node, f"addheader {name}")


def deleteheader(run: Machine, node: Node) -> None:
    """RFC 5293 §5"""
    name = _named(run, node)
    if name.lower() in rules.PROTECTED:
        run.note(node, f"{name} may not be deleted")
        return
    octets = run.fields(name)
    places = list(range(len(octets)))
    if n := node.numbers.get("index", 0):
        places = [] if n > len(places) else [places[-n] if node.has("last") else places[n - 1]]
    if keys := node.arguments[1]:
        values = {place: run.decoded(octets[place]) for place in places}
        if node.match.type == match.COUNT:
            places = places if run.compare(node, list(values.values()), keys) else []
        else:
            places = [place for place in places if run.compare(node, [values[place]], keys)]
    _room(run, len(places))
    wanted = [edits.FieldEdit(edits.CHANGE, name.encode("ascii"), b"", place + 1) for place in reversed(places)]
    if wanted:
        run.spend(run.letter.head.block.count(b"\n") // 10)
        run.letter.change(*wanted)
    run.note(node, f"deleteheader {name}: {len(places)}")

"""Tests of what a letter holds or is: body, size, date, currentdate, spamtest, virustest, environment, string.
# RFC 5173, RFC 5228 §5.9, RFC 5229 §5, RFC 5260 §4, RFC 5183, RFC 5235

Called by execute.
Never looks at more of a body than the limits let it.
Fails with Halt where a limit is reached.
"""

from hatoba.sieve.letter import dates
from hatoba.sieve.matching import match
from hatoba.sieve.node import Node
from hatoba.sieve.running import headings
from hatoba.sieve.running.machine import Machine

_READ = ("text/", "application/xhtml+xml")  # RFC 5173 §5.3: what people read


def size(run: Machine, node: Node) -> bool:
    """RFC 5228 §5.9"""
    return run.letter.size > node.number if node.tag("limit") == "over" else run.letter.size < node.number


def body(run: Machine, node: Node) -> bool:
    """RFC 5173 §5. The values of a match stay as they were: a body sets none. # RFC 5173 §6"""
    kept = run.frame.found
    try:
        return run.compare(node, _bodies(run, node), node.arguments[0])
    finally:
        run.frame.found = kept


def _bodies(run: Machine, node: Node) -> list[str]:
    root = run.letter.root
    transform = node.tag("transform") or "text"
    run.spend(1 + root.size // 2000)
    if transform == "raw":
        return [] if root.absent else [root.octets.decode("utf-8", "replace")]
    if transform == "content":
        return _contents(run, run.expand_all(node.tagged["transform"]))
    values: list[str] = []
    for part in root.below():
        run.spend(1 + part.size // 2000)
        if part.sound and not part.children and not part.absent and part.media.startswith(_READ):
            values.append(part.readable)
    return values


def _contents(run: Machine, media: list[str]) -> list[str]:
    """The decoded bodies of the parts of these types. # RFC 5173 §5.2"""
    values: list[str] = []
    for part in run.letter.root.below():
        run.spend(1 + part.size // 2000)
        if part.absent or not any(_covers(wanted.lower(), part.media) for wanted in media):
            continue
        if part.multipart:
            values += part.around
        elif part.children:
            values.append(part.children[0].head.block.decode("utf-8", "replace"))
        else:
            values.append(part.text)
    return values


def _covers(wanted: str, media: str) -> bool:
    """ "": every part; "text": text/anything; "text/plain": that alone; else nothing."""
    if not wanted:
        return True
    type_, slash, subtype = wanted.partition("/")
    if not slash:
        return media.partition("/")[0] == wanted
    return bool(type_ and subtype) and "/" not in subtype and media == wanted


def string(run: Machine, node: Node) -> bool:
    """RFC 5229 §5: empty strings do not count."""
    values = run.expand_all(node.arguments[0])
    if node.match.type == match.COUNT:
        values = [value for value in values if value]
    return run.compare(node, values, node.arguments[1])


def environment(run: Machine, node: Node) -> bool:
    """RFC 5183 §4: an item that nobody knows is never equal to anything."""
    found = run.situation.environment.get(run.expand(node.text(0)).lower())
    if found == "" and node.match.type == match.COUNT:
        return run.compare(node, [], node.arguments[1])
    return found is not None and run.compare(node, [found], node.arguments[1])


def date(run: Machine, node: Node) -> bool:
    """RFC 5260 §4"""
    name = run.expand(node.text(0))
    part = run.expand(node.text(1)).lower()
    values: list[str] = []
    found = run.fields(name)
    for value in headings.picked(node, found) if node.has("index") else found[:1]:
        moment = dates.read(value)
        if moment is None:
            continue
        zone = moment.zone if node.tag("zone") == "originalzone" else _zone(run, node)
        if zone is not None and (made := dates.part(part, moment.seconds, zone)) is not None:
            values.append(made)
    return run.compare(node, values, node.arguments[2])


def currentdate(run: Machine, node: Node) -> bool:
    """RFC 5260 §5"""
    zone = _zone(run, node)
    made = None if zone is None else dates.part(run.expand(node.text(0)).lower(), run.situation.now // 1000, zone)
    return made is not None and run.compare(node, [made], node.arguments[1])


def _zone(run: Machine, node: Node) -> int | None:
    asked = node.tag_text("zone")
    return run.situation.zone if asked is None else dates.offset(run.expand(asked))


def spamtest(run: Machine, node: Node) -> bool:
    """RFC 5235 §2: "0" not tested, "1" surely none to "10" surely spam; with :percent "0" to "100"."""
    score = run.situation.spam
    if node.match.type == match.COUNT:  # RFC 5235 §2.3: 0 where it was not tested
        return run.holds(node.match, "0" if score is None else "1", [run.expand(node.text(0))])
    if score is None:
        value = "0"
    elif node.has("percent"):
        value = str(int(min(max(score, 0.0), 100.0)))
    else:
        value = str(1 + int(min(max(score, 0.0), 100.0) * 0.09))
    return run.compare(node, [value], node.arguments[0])


def virustest(run: Machine, node: Node) -> bool:
    """RFC 5235 §3"""
    known = min(max(run.situation.virus, 0), 5)
    if node.match.type == match.COUNT:
        return run.holds(node.match, "1" if known else "0", [run.expand(node.text(0))])
    return run.compare(node, [str(known)], node.arguments[0])

"""Variables set: set with its modifiers, extracttext, global. # RFC 5229 §4, RFC 5435 §6, RFC 5703 §7, RFC 6609 §3.4

Called by execute.
Never lets a value grow beyond its limit.
Fails with Halt where a name is none.
"""

import re
import string
from collections.abc import Callable
from urllib.parse import quote

import re2

from hatoba.sieve.node import Node
from hatoba.sieve.running.machine import Machine

_WILD = re.compile(r"([*?\\])")
_UNRESERVED = "-._~"  # RFC 5435 §6


_UPPER = {ord(letter): letter.upper() for letter in string.ascii_lowercase}  # letters of ASCII alone
_LOWER = {ord(letter): letter.lower() for letter in string.ascii_uppercase}  # RFC 5229 §4.1.3


def _encoded(text: str, most: int) -> str:
    """Percent-encoded; what is too long is cut between characters, not within one. # RFC 5435 §6"""
    made: list[str] = []
    for character in text:
        piece = quote(character.encode("utf-8", "surrogateescape"), safe=_UNRESERVED)
        most -= len(piece)
        if most < 0:
            break
        made.append(piece)
    return "".join(made)


# In the order in which they are applied. # RFC 5229 §4.1
_ORDER = ("case", "initial", "quote", "encode", "length")
_MODIFIERS: dict[str, Callable[[str, int], str]] = {
    "lower": lambda text, most: text.translate(_LOWER),
    "upper": lambda text, most: text.translate(_UPPER),
    "lowerfirst": lambda text, most: text[:1].translate(_LOWER) + text[1:],
    "upperfirst": lambda text, most: text[:1].translate(_UPPER) + text[1:],
    "quotewildcard": lambda text, most: _WILD.sub(r"\\\1", text),
    "quoteregex": lambda text, most: str(re2.escape(text)),
    "encodeurl": _encoded,
    "length": lambda text, most: str(len(text)),
}


def modified(run: Machine, node: Node, value: str) -> str:
    """`value` with the modifiers of a command applied."""
    value = value[: run.limits.text]
    for group in _ORDER:
        if name := node.tag(group):
            run.spend(1 + len(value) // 500)
            value = _MODIFIERS[name](value, run.limits.variable)
    return value


def set_variable(run: Machine, node: Node) -> None:
    """RFC 5229 §4"""
    name = run.named(node.text(0))
    run.assign(name, modified(run, node, run.expand(node.text(1))))
    run.note(node, f"set {name.name}")


def extracttext(run: Machine, node: Node) -> None:
    """RFC 5703 §7: the text of the part the loop is at, decoded; "" where it is none."""
    name = run.named(node.text(0))
    part = run.part
    run.spend(1 + part.size // 2000)
    value = part.readable if part.media.startswith("text/") and not part.children and not part.absent else ""
    if "first" in node.numbers:
        value = value[: node.numbers["first"]]
    run.assign(name, modified(run, node, value))
    run.note(node, f"extracttext {name.name}")


def share(run: Machine, node: Node) -> None:
    """RFC 6609 §3.4.1"""
    for text in node.arguments[0]:
        run.frame.shared.add((text.constant or "").lower())

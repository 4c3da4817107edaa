"""Rules: what the arguments of single commands must be beyond their kinds.

Called by the check for every node; values made of variables are looked at again when the script runs.
Never changes a node.
Fails never: what is broken is told in words.
"""

import re
from collections.abc import Callable, Iterator

from hatoba.message import mailbox
from hatoba.sieve import mailto, texts
from hatoba.sieve.faults import shown
from hatoba.sieve.letter import view
from hatoba.sieve.matching import match, regexes
from hatoba.sieve.node import Node
from hatoba.sieve.place import Place

_USE = re.compile(r"\\[A-Za-z0-9!#$&'*+,./:;<=>?@^_`|~-]{1,100}")
_FIELDS = re.compile(r"(?:[!-9;-~]++[ \t]*:[^\x00\r\n]*\r\n(?:[ \t][^\x00\r\n]*\r\n)*+)++")
_OPTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*=[^\x00-\x1f\x7f]*")  # RFC 5435 §3.5
PROTECTED = frozenset({"received", "auto-submitted"})  # RFC 5293 §6


def broken(node: Node, place: Place) -> Iterator[str]:
    """What is wrong with `node`; usually nothing."""
    if node.match.type == match.REGEX:
        yield from _patterns(node, place)
    if node.has("last") and not node.has("index") and node.name in ("header", "address", "date", "deleteheader"):
        yield ":last needs :index"  # RFC 5260 §6
    if node.numbers.get("index") == 0:
        yield ":index counts from 1"
    yield from _filed(node)
    yield from _mime(node)
    if rule := _RULES.get(node.name):
        yield from rule(node, place)


def _patterns(node: Node, place: Place) -> Iterator[str]:
    for key in node.arguments[-1] if node.arguments else ():
        if key.constant is not None:
            try:
                regexes.check(key.constant, place.limits.pattern, place.limits.memory)
            except regexes.BadRegex as error:
                yield f"{shown(key.constant)} is no regular expression: {error}"


def _filed(node: Node) -> Iterator[str]:
    """Where a letter or a copy of a reply is to be filed. # RFC 8580 §3, RFC 9042 §4.1"""
    for group in ("flags", "create", "specialuse", "mailboxid"):
        if node.has(group) and node.name in ("vacation", "notify") and not node.has("fcc"):
            yield f":{group} needs :fcc"
    use = node.tag_text("specialuse")
    if use is not None and use.constant is not None and not special_use(use.constant):
        yield f"{shown(use.constant)} is no special use: a backslash and a word"
    if node.has("specialuse") and node.has("mailboxid"):
        yield ":specialuse and :mailboxid cannot stand together"


def special_use(text: str) -> bool:
    """Whether `text` can be a special use of a mailbox, "\\Junk". # RFC 6154 §6, RFC 8579 §3"""
    return _USE.fullmatch(text) is not None


def _mime(node: Node) -> Iterator[str]:
    """The tags of parts mean nothing without :mime. # RFC 5703 §4"""
    for group in ("anychild", "option"):
        if node.has(group) and not node.has("mime"):
            yield f":{node.tag(group)} needs :mime"


def address(text: str) -> bool:
    """Whether `text` is one mailbox that can be written to."""
    try:
        return mailbox.parse(text.strip()).address is not None
    except mailbox.BadMailbox:
        return False


def mime(text: str) -> bool:
    """Whether `text` can be a MIME entity: its header is of fields in ASCII. # RFC 5230 §5"""
    head, blank, _ = text.partition("\r\n\r\n")
    if text.startswith("\r\n"):
        return True
    return bool(blank) and head.isascii() and _FIELDS.fullmatch(head + "\r\n") is not None


def field_name(text: str) -> bool:
    return view.FIELD_NAME.fullmatch(text) is not None


def option(text: str) -> bool:
    """Whether `text` is an option of notify."""
    return _OPTION.fullmatch(text) is not None


def _redirect(node: Node, place: Place) -> Iterator[str]:
    text = node.text(0).constant
    if text is not None and not address(text):
        yield f"{shown(text)} is no address"


def addresses(text: str) -> bool:
    """Whether `text` is a list of mailboxes that can be written to."""
    found = mailbox.listed(text)
    return address(text) or (len(found) > 1 and all(box.address is not None for box in found))


def _vacation(node: Node, place: Place) -> Iterator[str]:
    sender = node.tag_text("from")
    if sender is not None and sender.constant is not None and not addresses(sender.constant):
        yield f":from {shown(sender.constant)} is no address"  # RFC 5230 §4.3
    text = node.text(0).constant
    if node.has("mime") and text is not None and not mime(text):
        yield "the header of a :mime text has characters beyond ASCII, or lines that are no fields"
    mine = [text.constant for text in node.tagged.get("addresses", ())]
    for text in mine:
        if text is not None and not address(text):
            yield f":addresses {shown(text)} is no address"


def _variable(n: int) -> Callable[[Node, Place], Iterator[str]]:
    """A rule: the nth argument is the name of a variable."""

    def rule(node: Node, place: Place) -> Iterator[str]:
        for text in node.arguments[n]:
            if text.constant is None:
                yield "the name of a variable holds no variable"
                continue
            try:
                name = texts.variable(text.constant, place.scope).name
            except ValueError as error:
                yield f"{shown(text.constant)} is {error}"
                continue
            if len(name) > place.limits.variable_name:
                yield f"{shown(name)}: names of variables have at most {place.limits.variable_name} characters"
            if node.name in ("set", "extracttext"):
                place.local.add(name)
            if len(place.local) > place.limits.variables:
                yield f"the script has more than {place.limits.variables} variables"
            if node.name == "set" and len(node.text(1).constant or "") > place.limits.variable:
                yield f"the value of a variable has more than {place.limits.variable} characters"  # RFC 5229 §6

    return rule


def _extracttext(node: Node, place: Place) -> Iterator[str]:
    if not place.loops:
        yield "extracttext stands within foreverypart alone"
    yield from _variable(0)(node, place)


def _global(node: Node, place: Place) -> Iterator[str]:
    """RFC 6609 §3.4.1"""
    if "variables" not in place.enabled:
        yield 'global needs require "variables"'
    for text in node.arguments[0]:
        name = (text.constant or "").lower()
        if not texts.IDENTIFIER.fullmatch(name):
            yield f"{shown(name)} is no name that could be global"
        elif name in place.local and name not in place.shared:
            yield f"{shown(name)} was set before it was declared global"
        place.shared.add(name)


def _flags(node: Node, place: Place) -> Iterator[str]:
    if node.arguments[0]:
        if "variables" not in place.enabled:  # RFC 5232 §2
            yield f'{node.name} with a variable needs require "variables"'
        elif node.name != "hasflag":
            yield from _variable(0)(node, place)


def _hasflag(node: Node, place: Place) -> Iterator[str]:
    if node.arguments[0] and "variables" not in place.enabled:
        yield 'hasflag with variables needs require "variables"'


def _break(node: Node, place: Place) -> Iterator[str]:
    """RFC 5703 §3"""
    if not place.loops:
        yield "break stands in no foreverypart"
    name = node.tag_text("name")
    if name is not None and name.constant not in place.loops:
        yield f"no foreverypart around is called {shown(name.constant or '')}"


def _foreverypart(node: Node, place: Place) -> Iterator[str]:
    if len(place.loops) >= place.limits.loops:
        yield f"foreverypart stands more than {place.limits.loops} deep in others"
    name = node.tag_text("name")
    if name is not None and name.constant is None:
        yield "the name of a loop holds no variable"


def _field(node: Node, place: Place) -> Iterator[str]:
    name = node.text(0).constant
    if name is not None and not field_name(name):
        yield f"{shown(name)} is no name of a field"
    if node.name == "addheader":
        value = node.text(1).constant
        if value is not None and "\x00" in value:
            yield "a NUL stands in the value of a field"
        if value is not None and len(value) > place.limits.header:
            yield f"the value of a field has more than {place.limits.header} characters"


def _notify(node: Node, place: Place) -> Iterator[str]:
    """RFC 5435 §3"""
    method = node.text(0).constant
    if method is not None:
        try:
            mailto.parse(method)
        except mailto.BadMailto as error:
            yield f"{shown(method)} is no method of notify: {error}"
    sender = node.tag_text("from")
    if sender is not None and sender.constant is not None and not address(sender.constant):
        yield f":from {shown(sender.constant)} is no address"  # RFC 5436 §2.3
    weight = node.tag_text("importance")
    if weight is not None and weight.constant not in (None, "1", "2", "3"):
        yield ":importance is 1, 2 or 3"
    for text in node.tagged.get("options", ()):
        if text.constant is not None and not option(text.constant):
            yield f"{shown(text.constant)} is no option: name=value"


def _envelope(node: Node, place: Place) -> Iterator[str]:
    """RFC 5228 §5.4"""
    for text in node.arguments[0]:
        if text.constant is not None and text.constant.lower() not in ("from", "to"):
            yield f"an envelope has from and to, no {shown(text.constant)}"


def _address(node: Node, place: Place) -> Iterator[str]:
    """RFC 5228 §5.1"""
    for text in node.arguments[0]:
        if text.constant is not None and not view.of_addresses(text.constant):
            yield f"{shown(text.constant)} is no field that holds addresses"


def _include(node: Node, place: Place) -> Iterator[str]:
    """RFC 6609 §3.2: the name is constant."""
    name = node.text(0).constant
    if name is None:
        yield "the name of an included script holds no variable"
    elif not script_name(name):
        yield f"{shown(name)} is no name of a script"


def script_name(text: str) -> bool:
    """Whether a script can be called so. # RFC 6609 §3.2"""
    return 0 < len(text) <= 128 and "/" not in text and all(c.isprintable() for c in text) and text not in (".", "..")


_RULES: dict[str, Callable[[Node, Place], Iterator[str]]] = {
    "address": _address,
    "redirect": _redirect,
    "vacation": _vacation,
    "set": _variable(0),
    "setflag": _flags,
    "addflag": _flags,
    "removeflag": _flags,
    "hasflag": _hasflag,
    "extracttext": _extracttext,
    "global": _global,
    "break": _break,
    "foreverypart": _foreverypart,
    "addheader": _field,
    "deleteheader": _field,
    "notify": _notify,
    "envelope": _envelope,
    "include": _include,
}

"""Mailboxes of header fields: display names, comments, routes and other obsolete forms read. # RFC 5322 §3.4, §4.4

Called by intake (whose From is it), notice and the rooms that show or check addresses.
Never decides whether an address can be mailed to: `Mailbox.address` is None where the SMTP grammar says no.
Fails with BadMailbox; `first` and `listed` take what can be read and never fail.
"""

import re

import msgspec

from hatoba.message import words
from hatoba.model.address import Address, BadAddress

MOST = 1000  # mailboxes read out of one field

_SPACE = re.compile(r"[ \t\r\n]+")
_ATOM = re.compile("[A-Za-z0-9!#$%&'*+\\-/=?^_`{|}~\u00a0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")
_QUOTED = re.compile('"((?:[^"\\\\\x00-\x08\x0a-\x1f\x7f]|\r\n[ \t]|\\\\[\x01-\x09\x0b\x0c\x0e-\x7f])*)"')
_OPEN = re.compile('"(?:[^"\\\\\x00-\x08\x0a-\x1f\x7f]|\r\n[ \t]|\\\\[\x01-\x09\x0b\x0c\x0e-\x7f])*+')
_LITERAL = re.compile(r"\[[ \t]*([!-Z^-~]*)[ \t]*\]")  # dtext: no brackets, no backslash
_PAIR = re.compile(r"\\(.)", re.DOTALL)
_COMMENT_PART = re.compile(r"[^()\\]+|\\.", re.DOTALL)
_LOCAL_MOST, _DOMAIN_MOST = 64, 255  # RFC 5321 §4.5.3.1: nobody could be reached beyond


class BadMailbox(ValueError):
    """The text is no mailbox; the message says why."""


class Mailbox(msgspec.Struct, frozen=True):
    """`name` is the display name decoded, "" for none; `local` is unquoted; `domain` as written."""

    name: str
    local: str
    domain: str

    @property
    def address(self) -> Address | None:
        """The Address it is; None when SMTP could not carry it."""
        try:
            return Address.parse(f"{str(Address(self.local, 'x'))[:-2]}@{self.domain}")
        except BadAddress:
            return None


class _Token(msgspec.Struct, frozen=True):
    """`kind` is "atom", "quoted", "literal" or the special itself; `apart`: white space or a comment before it."""

    kind: str
    text: str
    apart: bool = False
    start: int = 0  # where it stands in the text
    end: int = 0


class Located(msgspec.Struct, frozen=True):
    """A mailbox where it stands in a text: the offsets of its local part and of its domain, without what is between."""

    mailbox: Mailbox
    local: tuple[int, int]
    domain: tuple[int, int]


def parse(text: str, *, obsolete: bool = True) -> Mailbox:
    """The one mailbox `text` is. BadMailbox otherwise.

    `obsolete=False` takes only what a program may write today: no route, no CFWS inside an addr-spec, no comment
    around its @ (RFC 5322 §3.4.1), no quoted part of a dotted local part.
    """
    return _mailbox(_tokens(text), obsolete)


def listed(text: str) -> list[Mailbox]:
    """Every mailbox of an address list that can be read, those of groups included, in order; at most 1000."""
    found: list[Mailbox] = []
    for tokens in _split(_tokens(text, lenient=True)):
        try:
            found.append(_mailbox(tokens, obsolete=True))
        except BadMailbox:
            continue
        if len(found) == MOST:
            break
    return found


def located(text: str) -> list[Located]:
    """Every address of an address list that can be read, in order, at most 1000; `name` is "", nobody looks at it."""
    found: list[Located] = []
    for tokens in _split(_tokens(text, lenient=True)):
        inner = _inner(tokens)
        try:
            box, host = _addr_spec(inner, obsolete=True)
        except BadMailbox:
            continue
        at = next(n for n, token in enumerate(inner) if token.kind == "@")
        found.append(
            Located(Mailbox("", box, host), (inner[0].start, inner[at - 1].end), (inner[at + 1].start, inner[-1].end))
        )
        if len(found) == MOST:
            break
    return found


def first(text: str) -> Mailbox | None:
    """The first mailbox that can be read in an address list, or None."""
    try:
        return parse(text)
    except BadMailbox:
        return next(iter(listed(text)), None)


def _split(tokens: list[_Token]) -> list[list[_Token]]:
    """The tokens between commas; a group's name and its end are left out."""
    parts: list[list[_Token]] = [[]]
    angle = False
    for token in tokens:
        if token.kind == "<":
            angle = True
        elif token.kind == ">":
            angle = False
        if not angle and token.kind in ",;":
            parts.append([])
        elif not angle and token.kind == ":":
            parts[-1] = []
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def _tokens(text: str, *, lenient: bool = False) -> list[_Token]:
    """The tokens of `text`. BadMailbox where none fits; lenient: what fits nowhere is a special of its own."""
    tokens: list[_Token] = []
    at, apart, dead = 0, False, 0
    while at < len(text):
        character = text[at]
        if space := _SPACE.match(text, at):
            if not lenient:
                _check_folding(space[0], at == 0)
            at, apart = space.end(), True
            continue
        if character == "(":
            at, apart = _comment_end(text, at, lenient), True
            continue
        # An open quote is read once: every quote before the place where it fails is escaped, and would fail there too.
        found, kind, value = (-1, "", "") if at < dead and character == '"' else _token(text, at)
        if found < 0 and at >= dead and (opened := _OPEN.match(text, at)):
            dead = opened.end()
        if found < 0:
            if not lenient and character not in "<>@,;:.":
                raise BadMailbox(f"{character!r} cannot stand there")
            found, kind, value = at + 1, character, character
        tokens.append(_Token(kind, value, apart, at, found))
        at, apart = found, False
    return tokens


def _token(text: str, at: int) -> tuple[int, str, str]:
    """(end, kind, value) of the atom, quoted string or domain literal at `at`; end is -1 for none."""
    if found := _ATOM.match(text, at):
        return found.end(), "atom", found[0]
    if found := _QUOTED.match(text, at):
        return found.end(), "quoted", _PAIR.sub(r"\1", found[1].replace("\r\n", ""))
    if found := _LITERAL.match(text, at):
        return found.end(), "literal", f"[{found[1]}]"
    return -1, "", ""


def _check_folding(space: str, at_start: bool) -> None:
    """Each line end inside white space is a CRLF with white space behind it. # RFC 5322 §3.2.2"""
    bare = space.replace("\r\n ", " ").replace("\r\n\t", "\t")
    if "\r" in bare or "\n" in bare or (at_start and space.startswith("\r\n")):
        raise BadMailbox("a line end stands where no line may be folded")


def _comment_end(text: str, at: int, lenient: bool) -> int:
    """The offset behind the comment that opens at `at`, inner ones included."""
    depth = 0
    while at < len(text):
        if text[at] == "(":
            depth, at = depth + 1, at + 1
        elif text[at] == ")":
            depth, at = depth - 1, at + 1
            if not depth:
                return at
        elif part := _COMMENT_PART.match(text, at):
            if not lenient and "\x00" in part[0]:
                raise BadMailbox("NUL stands in a comment")
            at = part.end()
        else:
            break
    if lenient:
        return len(text)
    raise BadMailbox("a comment is not closed")


def _mailbox(tokens: list[_Token], obsolete: bool) -> Mailbox:
    opening = _opening(tokens)
    if opening < 0:
        return Mailbox("", *_addr_spec(tokens, obsolete))
    if tokens[-1].kind != ">":
        raise BadMailbox("the address is not closed by >")
    inner = tokens[opening + 1 : -1]
    if obsolete:
        inner = _without_route(inner)
    return Mailbox(_name(tokens[:opening]), *_addr_spec(inner, obsolete))


def _opening(tokens: list[_Token]) -> int:
    return next((n for n, token in enumerate(tokens) if token.kind == "<"), -1)


def _without_route(inner: list[_Token]) -> list[_Token]:
    if inner and inner[0].kind == "@":
        colon = next((n for n, token in enumerate(inner) if token.kind == ":"), -1)
        return inner[colon + 1 :] if colon > 0 else inner
    return inner


def _inner(tokens: list[_Token]) -> list[_Token]:
    """The tokens of the address alone: what stands in the angle brackets where there are some."""
    opening = _opening(tokens)
    if opening < 0:
        return tokens
    closing = next((n for n, token in enumerate(tokens) if n > opening and token.kind == ">"), len(tokens))
    return _without_route(tokens[opening + 1 : closing])


def _name(tokens: list[_Token]) -> str:
    """The display name: words and (obsolete, but everywhere) dots, encoded words decoded."""
    out: list[str] = []
    for token in tokens:
        if token.kind not in ("atom", "quoted", "."):
            raise BadMailbox(f"{token.text!r} cannot stand in a display name without quotes")
        out.append((" " if token.apart and out else "") + token.text)
    return words.decode("".join(out))


def _addr_spec(tokens: list[_Token], obsolete: bool) -> tuple[str, str]:
    """(local part, domain). # RFC 5322 §3.4.1, §4.4"""
    ats = [n for n, token in enumerate(tokens) if token.kind == "@"]
    if len(ats) != 1:
        raise BadMailbox("there is no @" if not ats else "there is more than one @")
    at = ats[0]
    local, domain = tokens[:at], tokens[at + 1 :]
    if not obsolete:
        _refuse_obsolete(tokens, at)
    if not local or not domain:
        raise BadMailbox("the local part is missing" if not local else "the domain is missing")
    literal = len(domain) == 1 and domain[0].kind == "literal"
    host = domain[0].text if literal else _dotted(domain, ("atom",), "domain")
    box = _dotted(local, ("atom", "quoted"), "local part")
    if len(box.encode()) > _LOCAL_MOST or len(host.encode()) > _DOMAIN_MOST:
        raise BadMailbox("the local part or the domain is too long")
    return box, host


def _refuse_obsolete(tokens: list[_Token], at: int) -> None:
    """What RFC 5322 §4 lets nobody write any more."""
    if any(token.apart for n, token in enumerate(tokens) if n > 0):
        raise BadMailbox("white space or a comment stands inside the address")
    if at > 1 and any(token.kind == "quoted" for token in tokens[:at]):
        raise BadMailbox("a quoted string is only a part of the local part")


def _dotted(tokens: list[_Token], kinds: tuple[str, ...], what: str) -> str:
    """Words of these kinds with single dots between them."""
    for n, token in enumerate(tokens):
        if (token.kind == ".") != (n % 2 == 1) or (n % 2 == 0 and token.kind not in kinds):
            raise BadMailbox(f"the {what} breaks the grammar at {token.text!r}")
    if len(tokens) % 2 == 0:
        raise BadMailbox(f"the {what} ends with a dot")
    return "".join(token.text for token in tokens)

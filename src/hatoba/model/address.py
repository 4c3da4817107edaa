"""Address: a mailbox as local part and domain, normalised once, here.

Made by `parse` from wire or human text; spoken by every room above.
Never changes a local part but for its quoting: only the host that owns it may read meaning into it.
Fails with BadAddress that says where the text breaks the grammar.
"""

import re
import unicodedata

import msgspec

from hatoba.model import domain as domain_
from hatoba.model.domain import BadAddress

__all__ = ["CARRIERS", "Address", "BadAddress"]

LOCAL_OCTETS = 64  # RFC 5321 §4.5.3.1.1, quotes and backslashes counted
MAILBOX_OCTETS = 254  # RFC 5321 §4.5.3.1.3: a path has 256, < and > among them

# Japanese carriers handed out local parts that are no Dot-string (dots in a row, at an end). They are taken bare or
# quoted for these domains and sent quoted. The carriers have always assigned them right below these names: their
# subdomains are hosts or other services, and there the grammar holds.
CARRIERS = frozenset({"docomo.ne.jp", "ezweb.ne.jp", "au.com"})

_ATEXT = r"A-Za-z0-9!#$%&'*+\-/=?^_`{|}~"  # RFC 5322 §3.2.3
# RFC 6531 §3.3 adds UTF8-non-ascii. C1 controls, the line and paragraph separators, lone surrogates and
# noncharacters are left out: they break lines or cannot be written at all.
_BEYOND = "\u00a0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff"

# The hot form, half the cost of the whole grammar: single hyphens only, and no limit on a label (see parse).
_PLAIN = re.compile(rf"([{_ATEXT}]++(?:\.[{_ATEXT}]++)*+)@([A-Za-z0-9]++(?:[.-][A-Za-z0-9]++)*+)")
_ATOMS = re.compile(rf"[{_ATEXT}]++(?:\.[{_ATEXT}]++)*+")
_DOT_STRING = re.compile(rf"[{_ATEXT}{_BEYOND}]+(?:\.[{_ATEXT}{_BEYOND}]+)*")
_CARRIER = re.compile(rf"[{_ATEXT}.]+")
_QUOTED = re.compile(rf'"((?:[ !#-\[\]-~{_BEYOND}]|\\[ -~])*)"@')  # Quoted-string of RFC 5321 §4.1.2 (no CR, LF, TAB)
_PAIR = re.compile(r"\\(.)")
_TO_ESCAPE = re.compile(r'(["\\])')
_ROUTE = re.compile(r"@[^@,:\s<>\"]+(?:,@[^@,:\s<>\"]+)*:")  # RFC 5321 §4.1.2 A-d-l ":"

_RETURN = re.compile(r"[Ss][Rr][Ss][01][=+-].").match

_plain = _PLAIN.fullmatch
_atoms = _ATOMS.fullmatch
_dot_string = _DOT_STRING.fullmatch

_WRITTEN: dict[str, str] = {}  # local parts as they are written: a letter asks some four times for each address
_KEPT = 4096


def _write(local: str) -> str:
    """The local part as Dot-string or Quoted-string; remembered."""
    written = local if _atoms(local) or _dot_string(local) else '"' + _TO_ESCAPE.sub(r"\\\1", local) + '"'
    if len(_WRITTEN) >= _KEPT:
        _WRITTEN.clear()
    _WRITTEN[local] = written
    return written


class Address(msgspec.Struct, frozen=True, gc=False):
    """`local` is the local part unquoted, case kept; `domain` is lower case, IDNs as A-labels, literals in brackets.

    Two spellings of one mailbox ("a"@x and a@x, quoted and bare carrier forms) are equal.  # RFC 5321 §4.1.2
    `Address("postmaster", "")` is the one address without a domain.  # RFC 5321 §4.5.1
    """

    local: str
    domain: str

    def __str__(self) -> str:
        """As it stands between < and > on the wire; the local part quoted where the grammar asks for it."""
        local = _WRITTEN.get(self.local) or _write(self.local)
        return f"{local}@{self.domain}" if self.domain else local

    @property
    def ascii(self) -> bool:
        """It may travel without SMTPUTF8."""
        return self.local.isascii()

    @classmethod
    def parse(cls, text: str, *, smtputf8: bool = True) -> "Address":
        """The Mailbox `text` is, all of it. BadAddress otherwise. # RFC 5321 §4.1.2, RFC 6531 §3.3

        `smtputf8=False` refuses what only SMTPUTF8 can carry.
        """
        found = _plain(text)
        if found:
            local, domain = found.groups()
            # No label is too long where the whole is not.
            if len(text) <= domain_.LABEL_OCTETS or (
                len(local) <= LOCAL_OCTETS and len(domain) <= domain_.LABEL_OCTETS
            ):
                return cls(local, domain.lower())
        return _parse(text, smtputf8)

    @classmethod
    def parse_path(cls, text: str, *, smtputf8: bool = True) -> "Address | None":
        """The Path `text` is: "<mailbox>", a source route dropped; None for "<>". BadAddress otherwise.

        "<postmaster>" is Address("postmaster", ""). # RFC 5321 §4.1.2, §4.1.1.3
        """
        found = _plain(text, 1, len(text) - 1)
        if len(text) <= domain_.LABEL_OCTETS and found and text[0] == "<" and text[-1] == ">":
            return cls(found[1], found[2].lower())
        if not (text.startswith("<") and text.endswith(">") and len(text) >= 2):
            raise BadAddress("a path stands between < and >")
        inside = text[1:-1]
        if not inside:
            return None
        if inside[0] == "@":
            inside = _without_route(inside)
        elif inside.lower() == "postmaster":
            return cls("postmaster", "")
        return cls.parse(inside, smtputf8=smtputf8)


def _without_route(text: str) -> str:
    """The mailbox behind a source route, which is checked and then ignored. # RFC 5321 §4.1.1.3, appendix C"""
    route = _ROUTE.match(text)
    if not route:
        raise BadAddress("the local part is missing" if ":" not in text else "the source route breaks the grammar")
    for hop in route[0][1:-1].split(",@"):
        domain_.parse(hop)
    return text[route.end() :]


def _parse(text: str, smtputf8: bool) -> Address:
    """The long way: quotes, literals, UTF-8, carriers, and the words for what is wrong."""
    if not smtputf8 and not text.isascii():
        raise BadAddress("the address holds characters beyond ASCII; only SMTPUTF8 carries them")
    quoted = _QUOTED.match(text)
    if quoted:
        written, rest = text[: quoted.end() - 1], text[quoted.end() :]
        local = _PAIR.sub(r"\1", quoted[1])
    else:
        written, at, rest = text.partition("@")
        if not at:
            raise BadAddress("there is no @")
        local = written
    domain = domain_.parse(rest, smtputf8=smtputf8)
    if not quoted and not _dot_string(local) and not (domain in CARRIERS and _CARRIER.fullmatch(local)):
        raise _fault(local)
    _check_length(written, _most(local), "local part")
    address = Address(local, domain)
    _check_lengths(address)
    if not local.isascii():
        _check_normalised(address)
    return address


def _most(local: str) -> int:
    """Octets a local part may have: more where it holds a whole address. # RFC 5321 §4.5.3.1: limits are to be avoided

    Forwarders write SRS0=hash=day=domain=local, and bounces come back to it.
    """
    return MAILBOX_OCTETS if _RETURN(local) else LOCAL_OCTETS


def _check_lengths(address: Address) -> None:
    """In the form that goes out: carriers' bare forms gain quotes, U-labels turn into A-labels."""
    wire = str(address)
    _check_length(wire[: -len(address.domain) - 1], _most(address.local), "local part, written as it goes out,")
    _check_length(wire, MAILBOX_OCTETS, "address")


def _check_normalised(address: Address) -> None:
    """A local part that normalisation would turn into another grammar or length is refused. # RFC 6532 §3.1

    Any host on the way may normalise; then U+037E is a semicolon and U+2000 a space.
    """
    local = unicodedata.normalize("NFC", address.local)
    if local == address.local:
        return
    if _dot_string(address.local) and not _dot_string(local):
        raise BadAddress("the local part is no longer one once it is normalised")
    _check_lengths(Address(local, address.domain))


def _check_length(text: str, limit: int, what: str) -> None:
    if len(text.encode()) > limit:
        raise BadAddress(f"the {what} is longer than {limit} octets")


def _fault(local: str) -> BadAddress:
    """Says what is wrong with a local part that is neither Dot-string nor Quoted-string."""
    if not local:
        return BadAddress("the local part is missing")
    if local[0] == '"':
        return BadAddress("the quoted local part is not closed before the @, or holds what cannot stand in quotes")
    wrong = re.search(rf"[^{_ATEXT}{_BEYOND}.]", local)
    if wrong:
        return BadAddress(f"{wrong[0]!r} cannot stand in a local part without quotes")
    if local[0] == "." or local[-1] == ".":
        return BadAddress("the local part begins or ends with a dot")
    return BadAddress("the local part has two dots in a row")

"""Command lines to events: verbs, paths, arguments.

Called by wire.smtp.server with one line, CRLF removed and decoded.
Never knows the state of the dialogue; the parameters of MAIL and RCPT are esmtp.py's, mailboxes model.Address's.
Fails with esmtp.Bad, which carries the Malformed event to give out.  # RFC 5321 §4.1
"""

import binascii
import re
from collections.abc import Callable
from typing import Final

from hatoba.model.address import Address, BadAddress
from hatoba.model.envelope import Recipient
from hatoba.wire.smtp import esmtp, events, faults
from hatoba.wire.smtp.esmtp import bad
from hatoba.wire.smtp.offer import Offer
from hatoba.wire.smtp.reply import Reply

NAME_MAX = 255  # octets of a domain  # RFC 5321 §4.5.3.1.2
LOCAL_MAX, LABEL_MAX = 64, 63

# The plain line that nearly every letter has, matched where it lies in the buffer, CRLF and all: a third of the cost
# of cutting and decoding it first. It accepts nothing that Address.parse_path would see otherwise: labels with "--"
# (A-labels), long ones, and everything quoted, literal, non-ASCII or dotless goes the long way.
_ATOM = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]++"
_LABELS = rb"(?:[A-Za-z0-9]++(?:-[A-Za-z0-9]++)*+\.)++[A-Za-z][A-Za-z0-9]*+"
_PLAIN = rb"<(%s(?:\.%s)*+)@(%s)>\r\n" % (_ATOM, _ATOM, _LABELS)
MAIL_LINE = re.compile(rb"(?i:MAIL FROM:)" + _PLAIN).match
RCPT_LINE = re.compile(rb"(?i:RCPT TO:)" + _PLAIN).match

_PATH = re.compile(r'<(?:"(?:[^"\\]|\\.)*+"|[^"<>])*+>').match
_HELLO = re.compile(r"[!-~]+\Z").match
_CHUNK = re.compile(r"([0-9]{1,20})(?: +(LAST))?\Z", re.IGNORECASE | re.ASCII).match
_XCLIENT = re.compile(r"([A-Za-z]+)=(.+)\Z").match

SYNTAX: Final[dict[str, Reply]] = {
    verb: Reply(501, "5.5.4", f"Syntax: {form}")
    for verb, form in {
        "HELO": "HELO hostname",
        "EHLO": "EHLO hostname",
        "LHLO": "LHLO hostname",
        "MAIL": "MAIL FROM:<address> [parameters]",
        "RCPT": "RCPT TO:<address> [parameters]",
        "DATA": "DATA",
        "BDAT": "BDAT size [LAST]",
        "RSET": "RSET",
        "VRFY": "VRFY string",
        "EXPN": "EXPN string",
        "QUIT": "QUIT",
        "STARTTLS": "STARTTLS",
        "AUTH": "AUTH mechanism [initial-response]",
        "XCLIENT": "XCLIENT attribute=value ...",
    }.items()
}


def _syntax(verb: str) -> esmtp.Bad:
    return esmtp.Bad(events.Malformed(SYNTAX[verb], "syntax"))


def split(text: str) -> tuple[str, str]:
    """(verb in upper case, argument); white space at the end is dropped.  # RFC 5321 §4.1.1"""
    verb, _, argument = text.partition(" ")
    return verb.rstrip("\t").upper(), argument.rstrip(" \t")


def plain_mail(found: re.Match[bytes]) -> events.Mail | None:
    """MAIL from a match of MAIL_LINE; None: take the long way."""
    local, domain = found.groups()
    if len(local) > LOCAL_MAX or len(domain) > LABEL_MAX:
        return None
    return events.Mail(Address(local.decode(), domain.decode().lower()))


def plain_rcpt(found: re.Match[bytes]) -> events.Rcpt | None:
    """RCPT from a match of RCPT_LINE; None: take the long way."""
    local, domain = found.groups()
    if len(local) > LOCAL_MAX or len(domain) > LABEL_MAX:
        return None
    return events.Rcpt(Recipient(Address(local.decode(), domain.decode().lower())))


def _path(verb: str, argument: str) -> tuple[str, str]:
    """("<...>", parameters) of MAIL and RCPT. Clients that write a space behind the colon are common: it is borne."""
    word = "FROM:" if verb == "MAIL" else "TO:"
    if argument[: len(word)].upper() != word:
        raise _syntax(verb)
    text = argument[len(word) :].lstrip(" ")
    found = _PATH(text)
    if found is None:
        raise _syntax(verb)
    parameters = text[found.end() :]
    if parameters and not parameters.startswith(" "):
        raise _syntax(verb)
    return found[0], parameters


def _address(path: str, smtputf8: bool, enhanced: str) -> Address | None:
    if not smtputf8 and not path.isascii():  # RFC 6531 §3.5
        raise bad(553, "5.6.7", "Address is not ASCII and SMTPUTF8 was not given", "address")
    try:
        return Address.parse_path(path)
    except BadAddress as error:
        raise bad(501, enhanced, f"Bad address syntax: {error}", "address") from error


def mail(argument: str, offer: Offer | None) -> events.Mail:
    """MAIL FROM:<reverse-path> [parameters]. `offer` None: nothing was offered (HELO)."""
    path, parameters = _path("MAIL", argument)
    fields = esmtp.parse(parameters, esmtp.MAIL, offer)
    return events.Mail(_address(path, "smtputf8" in fields, "5.1.7"), **fields)


def rcpt(argument: str, offer: Offer | None, smtputf8: bool) -> events.Rcpt:
    """RCPT TO:<forward-path> [parameters], in a transaction that has SMTPUTF8 or not."""
    path, parameters = _path("RCPT", argument)
    fields = esmtp.parse(parameters, esmtp.RCPT, offer)
    address = _address(path, smtputf8, "5.1.3")
    if address is None:  # the null path is for senders only  # RFC 5321 §4.1.1.3
        raise bad(550, "5.1.3", "No recipient between < and >", "address")
    rrvs = {name: fields.pop(name) for name in ("rrvs", "rrvs_continue") if name in fields}
    return events.Rcpt(Recipient(address, **fields), **rrvs)


def hello(verb: str, argument: str) -> events.Hello:
    """EHLO, HELO, LHLO. Names that are no domain are common and harmless; more than one word is not a name."""
    if not _HELLO(argument) or len(argument) > NAME_MAX:
        raise _syntax(verb)
    return events.Hello(verb, argument)


def chunk(argument: str) -> tuple[int, bool] | None:
    """BDAT's (octets, last), None when it cannot be told how many octets follow.  # RFC 3030 §2"""
    found = _CHUNK(argument)
    return (int(found[1]), found[2] is not None) if found else None


def base64(line: bytes) -> bytes | None:
    """Strictly decoded base64, None when it is none.  # RFC 4954 §4"""
    try:
        return binascii.a2b_base64(line, strict_mode=True)
    except ValueError:
        return None


def auth(argument: str, offer: Offer) -> events.Auth:
    """AUTH mechanism [initial-response]; "=" is an empty response.  # RFC 4954 §4"""
    words = argument.split(" ")
    mechanism = words[0].upper()
    if not mechanism or len(words) > 2:
        raise _syntax("AUTH")
    if mechanism not in offer.mechanisms:
        raise bad(504, "5.5.4", "Authentication mechanism is not offered", "parameter")
    if len(words) == 1:
        return events.Auth(mechanism, None)
    initial = b"" if words[1] == "=" else base64(words[1].encode())
    if initial is None or not words[1]:
        raise esmtp.Bad(faults.BAD_BASE64)
    return events.Auth(mechanism, initial)


def xclient(argument: str, offer: Offer) -> events.Xclient:
    """XCLIENT attribute=value ..., each attribute offered and given once."""
    pairs: dict[str, str] = {}
    for word in argument.split():
        found = _XCLIENT(word)
        name = found[1].upper() if found else ""
        if found is None or name not in offer.xclient or name in pairs:
            raise _syntax("XCLIENT")
        value = esmtp.xtext(found[2])
        if value is None:
            raise _syntax("XCLIENT")
        pairs[name] = value
    if not pairs:
        raise _syntax("XCLIENT")
    return events.Xclient(tuple(pairs.items()))


def _bare(verb: str, event: events.Event) -> Callable[[str], events.Event]:
    """A command without an argument."""

    def parse(argument: str) -> events.Event:
        if argument:
            raise _syntax(verb)
        return event

    return parse


def _string(verb: str, event: type[events.Vrfy | events.Expn]) -> Callable[[str], events.Event]:
    """A command with a string that may not be empty."""

    def parse(argument: str) -> events.Event:
        if argument in ("", '""'):
            raise _syntax(verb)
        return event(argument)

    return parse


def _noop(argument: str) -> events.Event:
    return events.Noop()


# The commands whose argument is all there is to know.
PLAIN: Final[dict[str, Callable[[str], events.Event]]] = {
    "DATA": _bare("DATA", events.Data()),
    "RSET": _bare("RSET", events.Rset()),
    "QUIT": _bare("QUIT", events.Quit()),
    "STARTTLS": _bare("STARTTLS", events.StartTls()),
    "NOOP": _noop,
    "VRFY": _string("VRFY", events.Vrfy),
    "EXPN": _string("EXPN", events.Expn),
    "HELP": events.Help,
}

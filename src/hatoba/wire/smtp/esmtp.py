"""The ESMTP parameters of MAIL and RCPT: which are offered, and what each may say.

Called by wire.smtp.grammar.
Never looks at a clock: a date is checked for its form, the session judges it against now.
Fails with Bad, which carries the Malformed event: 555 not offered, 501 malformed or twice, 552 announced too large.
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, NamedTuple

from hatoba.wire.smtp.events import Malformed
from hatoba.wire.smtp.offer import Offer
from hatoba.wire.smtp.reply import Reply

ENVID_MAX, ORCPT_MAX = 100, 500  # RFC 3461 §4.4, §4.2
NOTIFY: Final = ("SUCCESS", "FAILURE", "DELAY")

TOO_LARGE: Final = Malformed(Reply(552, "5.3.4", "Announced size is larger than the size limit"), "size")
NOT_OFFERED: Final = Reply(555, "5.5.4", "Parameter not recognized or not offered")

_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-Fa-f]{2})+\Z").match
_HEX = re.compile(r"\+([0-9A-Fa-f]{2})").sub
_BY = re.compile(r"([+-]?[0-9]{1,9});([NR])(T?)\Z", re.IGNORECASE).match
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)\Z", re.ASCII | re.IGNORECASE).match
_ADDR_TYPE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+\Z").match
_CODE_POINT = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}").sub
_VALUE = re.compile(r"[!-<>-~\u0080-\U0010ffff]+\Z").match  # esmtp-value  # RFC 5321 §4.1.2, RFC 6531 §3.3


class Bad(Exception):
    """The command cannot stand; `event` says so."""

    def __init__(self, event: Malformed) -> None:
        super().__init__(str(event.reply))
        self.event = event


def bad(code: int, enhanced: str, text: str, kind: str) -> Bad:
    return Bad(Malformed(Reply(code, enhanced, text), kind))


def _wrong(name: str) -> Bad:
    return bad(501, "5.5.4", f"Bad value for {name}", "parameter")


def xtext(text: str) -> str | None:
    """Decoded xtext, None when it is none or hides anything but printable ASCII.  # RFC 3461 §4"""
    if not _XTEXT(text):
        return None
    if "+" in text:
        text = _HEX(lambda found: chr(int(found[1], 16)), text)
    return text if text.isascii() and text.isprintable() else None


def moment(text: str) -> int | None:
    """An RFC 3339 date-time as ms since 1970, None when it is none."""
    if not _DATE(text):
        return None
    try:
        return int(datetime.fromisoformat(text.upper()).timestamp() * 1000)
    except ValueError:
        return None


Fields = dict[str, Any]


def _size(value: str, offer: Offer) -> Fields:  # RFC 1870 §6
    if not (value.isascii() and value.isdigit() and len(value) <= 20):
        raise _wrong("SIZE")
    octets = int(value)
    if offer.size and octets > offer.size:
        raise Bad(TOO_LARGE)
    return {"size": octets}


def _body(value: str, offer: Offer) -> Fields:  # RFC 6152, RFC 3030 §3
    body = value.upper()
    if body not in ("7BIT", "8BITMIME", "BINARYMIME"):
        raise _wrong("BODY")
    if body == "BINARYMIME" and not offer.chunking:
        raise Bad(Malformed(NOT_OFFERED, "parameter"))
    return {"body": body}


def _ret(value: str, offer: Offer) -> Fields:
    if value.upper() not in ("FULL", "HDRS"):
        raise _wrong("RET")
    return {"ret": value.upper()}


def _envid(value: str, offer: Offer) -> Fields:
    decoded = xtext(value)
    if decoded is None or len(value) > ENVID_MAX:
        raise _wrong("ENVID")
    return {"envid": decoded}


def _auth(value: str, offer: Offer) -> Fields:  # RFC 4954 §5
    decoded = xtext(value)
    if decoded is None:
        raise _wrong("AUTH")
    return {"auth": decoded}


def _hold_for(value: str, offer: Offer) -> Fields:  # RFC 4865 §4
    if not re.fullmatch(r"[1-9][0-9]{0,8}", value) or int(value) > offer.futurerelease:
        raise _wrong("HOLDFOR")
    return {"hold_for": int(value)}


def _hold_until(value: str, offer: Offer) -> Fields:
    at = moment(value)
    if at is None or at <= 0:
        raise _wrong("HOLDUNTIL")
    return {"hold_until": at}


def _by(value: str, offer: Offer) -> Fields:  # RFC 2852 §4
    found = _BY(value)
    if not found:
        raise _wrong("BY")
    seconds, mode = int(found[1]), found[2].upper()
    if mode == "R" and seconds <= 0:
        raise _wrong("BY")
    if mode == "R" and seconds < offer.deliverby:
        raise bad(555, "5.5.4", f"BY is shorter than {offer.deliverby} seconds", "parameter")
    return {"by": seconds, "by_mode": mode, "by_trace": bool(found[3])}


def _priority(value: str, offer: Offer) -> Fields:  # RFC 6710 §4
    if not re.fullmatch(r"0|-?[1-9]", value):
        raise _wrong("MT-PRIORITY")
    return {"priority": int(value)}


def _notify(value: str, offer: Offer) -> Fields:  # RFC 3461 §4.1
    words = value.upper().split(",")
    if words != ["NEVER"] and (len(set(words)) != len(words) or not set(words) <= set(NOTIFY)):
        raise _wrong("NOTIFY")
    return {"notify": ",".join(word for word in ("NEVER", *NOTIFY) if word in words)}


def _orcpt(value: str, offer: Offer) -> Fields:  # RFC 3461 §4.2, RFC 6533 §3
    kind, _, address = value.partition(";")
    decoded = _utf8_address(address) if kind.lower() == "utf-8" else xtext(address)
    if decoded is None and kind.lower() == "rfc822":
        kind, decoded = "utf-8", _utf8_octets(address)
    if decoded is None or len(value) > ORCPT_MAX or not _ADDR_TYPE(kind):
        raise _wrong("ORCPT")
    return {"orcpt": f"{kind};{decoded}"}


def _utf8_octets(text: str) -> str | None:
    """An xtext of UTF-8 octets, which RFC 3461 does not know: Postfix 3.7 writes those of SMTPUTF8 so."""
    if not _XTEXT(text):
        return None
    try:
        decoded = _HEX(lambda found: chr(int(found[1], 16)), text).encode("latin-1").decode()
    except UnicodeDecodeError:
        return None
    return decoded if decoded.isprintable() else None


def _utf8_address(text: str) -> str | None:
    """A utf-8-addr-xtext or -unitext with its escapes resolved."""
    try:
        decoded = _CODE_POINT(lambda found: chr(int(found[1], 16)), text)
        decoded.encode()
    except ValueError:
        return None
    if "+" in decoded and text.isascii():
        decoded = _HEX(lambda found: chr(int(found[1], 16)), decoded)
    return decoded if decoded and decoded.isprintable() else None


def _rrvs(value: str, offer: Offer) -> Fields:  # RFC 7293 §3
    date, semicolon, action = value.partition(";")
    since = moment(date)
    if since is None or (semicolon and action.upper() not in ("C", "R")):
        raise _wrong("RRVS")
    return {"rrvs": since, "rrvs_continue": action.upper() == "C"}


class Parameter(NamedTuple):
    """Whether it is offered, and its parser; `parse` None: a keyword without a value that sets `field`."""

    offered: Callable[[Offer], object]
    parse: Callable[[str, Offer], Fields] | None
    field: str = ""


def _always(offer: Offer) -> bool:
    return True


MAIL: Final[dict[str, Parameter]] = {
    "SIZE": Parameter(_always, _size),
    "BODY": Parameter(_always, _body),
    "SMTPUTF8": Parameter(lambda offer: offer.smtputf8, None, "smtputf8"),
    "RET": Parameter(lambda offer: offer.dsn, _ret),
    "ENVID": Parameter(lambda offer: offer.dsn, _envid),
    "AUTH": Parameter(lambda offer: offer.mechanisms, _auth),
    "REQUIRETLS": Parameter(lambda offer: offer.requiretls, None, "requiretls"),
    "HOLDFOR": Parameter(lambda offer: offer.futurerelease, _hold_for),
    "HOLDUNTIL": Parameter(lambda offer: offer.futurerelease, _hold_until),
    "BY": Parameter(lambda offer: offer.deliverby, _by),
    "MT-PRIORITY": Parameter(lambda offer: offer.priority, _priority),
}

RCPT: Final[dict[str, Parameter]] = {
    "NOTIFY": Parameter(lambda offer: offer.dsn, _notify),
    "ORCPT": Parameter(lambda offer: offer.dsn, _orcpt),
    "RRVS": Parameter(lambda offer: offer.rrvs, _rrvs),
}


def parse(text: str, table: dict[str, Parameter], offer: Offer | None) -> Fields:
    """The fields that the parameters in `text` set. `offer` None: nothing was offered (HELO)."""
    fields: Fields = {}
    seen: set[str] = set()
    for word in text.split(" "):
        if not word:
            continue
        keyword, equals, value = word.partition("=")
        name = keyword.upper()
        entry = table.get(name)
        if entry is None or offer is None or not entry.offered(offer):
            raise Bad(Malformed(NOT_OFFERED, "parameter"))
        if name in seen:
            raise bad(501, "5.5.4", f"{name} is given twice", "parameter")
        seen.add(name)
        if entry.parse is None:
            if equals:
                raise _wrong(name)
            fields[entry.field] = True
        elif not _VALUE(value):
            raise _wrong(name)
        else:
            fields.update(entry.parse(value, offer))
    if "hold_for" in fields and "hold_until" in fields:  # RFC 4865 §4
        raise bad(501, "5.5.4", "HOLDFOR and HOLDUNTIL exclude each other", "parameter")
    return fields

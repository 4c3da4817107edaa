"""Terms: what a letter is found by, each with the field it stands in, and the numbers they are indexed under.

Called by search (to index, to ask, to verify), by query and by `hatoba verify`.
Never decides what a query means and never touches the store.
Fails never: an event that is no form of its kind has no terms.

A term is a letter for the field, a blank and a word: "f alice@example.org". Fields: f/F address and domain of the
sender (envelope or From field), t/T of a recipient, a/A of the account, m Message-ID, i client address, s token of the
subject, v check or action of a verdict, k what became of the letter, "session" the connection it opened.
"""

import functools
import hashlib
import re
import struct
from typing import Any

import msgspec

from hatoba.journal import tokens
from hatoba.message import mailbox, words
from hatoba.model import event
from hatoba.store.rows import EventRow

SPAN = 48  # bits of an id below its span: 2**26 ms, 18.6 hours. See decision 0017
# What became of a letter: the kinds of events that it can be found by. Every letter was accepted.
FATES = frozenset(event.KINDS) - {event.ACCEPTED, event.ATTEMPTED, event.RELEASED, event.RETRIED, event.PURGED}
BORN = frozenset({event.ACCEPTED, event.REFUSED})  # kinds that say who, to whom, what and from where
NULL = "<>"  # the word for the null reverse-path
ALL = frozenset("ftamisv")  # fields of an accepted event
_PEOPLE = frozenset("fai")
_FROM_MOST = 8192  # characters of a From field that is read; the journal keeps fewer
_VERDICTS = 64


class Indexed(msgspec.Struct, gc=False):
    """The fields of forms.Accepted and forms.Refused that are indexed; the rest is skipped unread."""

    sender: str = ""
    to: tuple[str, ...] = ()
    ip: str = ""
    account: str = ""
    message_id: str = ""
    header_from: str = ""
    subject: str = ""
    verdicts: tuple[Any, ...] = ()


class _Opened(msgspec.Struct, gc=False):
    session: str = ""


_ATOMS = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"
_PLAIN_FROM = re.compile(rf'(?:(?:"[^"\\]*"|[^<>"(),:;@\\])*<({_ATOMS})>|({_ATOMS}))[ \t]*')
_OPENING = b'"opening":'  # rare: in the first letter of each connection

_indexed = msgspec.json.Decoder(Indexed).decode
_opened = msgspec.json.Decoder(_Opened).decode

_read64 = struct.Struct(">q").unpack
_blake2b = hashlib.blake2b


def number(term: str) -> int:
    """The signed 64-bit number of a term; two terms may share one, so what is found is verified."""
    found: int = _read64(_blake2b(term.encode("utf-8", "replace"), digest_size=8).digest())[0]
    return found


_known_number = functools.lru_cache(maxsize=16_384)(number)  # domains, clients and words come again


def span(letter: int) -> int:
    """The stretch of time that a letter's id is of."""
    return letter >> SPAN


def session(name: str) -> str:
    """The term under which a connection's first letter is found."""
    return f"session {name}"


def bare(message_id: str) -> str:
    """A Message-ID as a word: without <>, without case."""
    return message_id.strip().removeprefix("<").removesuffix(">").casefold()


def numbers(row: EventRow) -> list[int]:
    """The numbers of `of(row)`, some perhaps twice. Hot: for every event there is."""
    if row.kind not in BORN:
        found = [_known_number(f"k {row.kind}")] if row.kind in FATES else []
        return found + [number(term) for term in _opening(row)] if _OPENING in row.data else found
    try:
        form = _indexed(row.data)
    except msgspec.DecodeError:
        return []
    found = _people(form.sender, form.account, form.ip, form.header_from)
    for address in form.to:
        folded = address.casefold()
        found.append(number(f"t {folded}"))
        found.append(_known_number(f"T {folded[folded.rfind('@') + 1 :]}"))
    if form.message_id:
        found.append(number(f"m {bare(form.message_id)}"))
    if form.subject:
        found += _subject(form.subject)
    if form.verdicts:
        found += [_known_number(term) for term in _verdicts(form)]
    return [*found, _known_number(f"k {row.kind}")] if row.kind in FATES else found


@functools.lru_cache(maxsize=1024)
def _known_people(sender: str, account: str, ip: str, header_from: str) -> tuple[int, ...]:
    form = Indexed(sender=sender, ip=ip, account=account, header_from=header_from)
    return tuple([number(term) for term in _of(form, _PEOPLE)])


def _people(sender: str, account: str, ip: str, header_from: str) -> list[int]:
    """A sender's letters follow one another: what they have in common is remembered."""
    return list(_known_people(sender, account, ip, header_from))


@functools.lru_cache(maxsize=1024)
def _subject(subject: str) -> tuple[int, ...]:
    return tuple([_known_number(f"s {token}") for token in tokens.tokens(folded_subject(subject))])


def folded_subject(subject: str) -> str:
    """A subject as the journal keeps it (encoded, unfolded), in the form in which words are sought in it."""
    return tokens.folded(words.decode(tokens.whole(subject)))


def author(header_from: str) -> str:
    """The address of a From field, without case; "" where there is none that can be read."""
    plain = _PLAIN_FROM.fullmatch(header_from)
    if plain is not None:  # nearly all: a tenth of the time
        return (plain[1] or plain[2]).casefold()
    found = mailbox.first(header_from[:_FROM_MOST]) if header_from else None
    address = found.address if found is not None else None
    return "" if address is None else str(address).casefold()


def form_of(row: EventRow) -> Indexed | None:
    """The indexed fields of an accepted or refused event; None for every other one, and where it cannot be read."""
    if row.kind not in BORN:
        return None
    try:
        return _indexed(row.data)
    except msgspec.DecodeError:
        return None


def of(row: EventRow, fields: frozenset[str] = ALL) -> set[str]:
    """The terms by which this event lets its letter be found; of an accepted one only those of `fields` (lower case:
    "f" stands for both f and F)."""
    form = form_of(row)
    found = {f"k {row.kind}"} if row.kind in FATES else set()
    if form is not None:
        return found | _of(form, fields)
    return found | _opening(row) if _OPENING in row.data else found


def _opening(row: EventRow) -> set[str]:
    try:
        return set() if row.kind in BORN else {session(_opened(row.data).session)}
    except msgspec.DecodeError:
        return set()


def _of(form: Indexed, fields: frozenset[str] = ALL) -> set[str]:
    found: set[str] = set()
    if "f" in fields:
        found |= _both("f", form.sender) if form.sender else {f"f {NULL}"}
        written = author(form.header_from)
        found |= _both("f", written) if written else set()
    if "a" in fields and form.account:
        found |= _both("a", form.account)
    if "t" in fields:
        for address in form.to:
            found |= _both("t", address)
    if "m" in fields and form.message_id:
        found.add(f"m {bare(form.message_id)}")
    if "i" in fields and form.ip:
        found.add(f"i {form.ip.casefold()}")
    if "s" in fields and form.subject:
        found |= {f"s {token}" for token in tokens.tokens(folded_subject(form.subject))}
    return found | set(_verdicts(form)) if "v" in fields else found


def _both(field: str, address: str) -> set[str]:
    """An address, and its domain."""
    folded = address.casefold()
    return {f"{field} {folded}", f"{field.upper()} {folded.rpartition('@')[2]}"}


def _verdicts(form: Indexed) -> list[str]:
    """Check and action of each verdict: the first two words of it."""
    found: dict[str, None] = {}
    for verdict in form.verdicts[:_VERDICTS]:
        if isinstance(verdict, list | tuple):
            found |= {f"v {word.casefold()[:64]}": None for word in verdict[:2] if isinstance(word, str) and word}
    return list(found)

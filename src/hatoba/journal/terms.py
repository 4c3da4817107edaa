"""Terms: the words a letter is found by, and the numbers they are indexed under.

Called by search (to index, to ask, to verify) and by purge (to forget what it indexed).
Never decides what a query means and never touches the store.
Fails never: an event that is no form of its kind has no words.
"""

import functools
import hashlib
import struct

import msgspec

from hatoba.model import event
from hatoba.store.rows import EventRow


class _Indexed(msgspec.Struct, gc=False):
    """The fields of forms.Accepted and forms.Refused that are indexed; the rest is skipped unread."""

    sender: str = ""
    to: tuple[str, ...] = ()
    account: str = ""
    message_id: str = ""


class _Opened(msgspec.Struct, gc=False):
    session: str = ""


INDEXED = frozenset({event.ACCEPTED, event.REFUSED})  # the kinds a letter is found by
_OPENING = b'"opening":'  # rare: in the first letter of each connection

_indexed = msgspec.json.Decoder(_Indexed).decode
_opened = msgspec.json.Decoder(_Opened).decode


_read64 = struct.Struct(">q").unpack
_blake2b = hashlib.blake2b


def number(word: str) -> int:
    """The signed 64-bit number of a word; two words may share one, so what is found is verified."""
    found: int = _read64(_blake2b(word.encode("utf-8", "replace"), digest_size=8).digest())[0]
    return found


_known_number = functools.lru_cache(maxsize=4096)(number)  # senders and domains come again, recipients less so


def session(name: str) -> str:
    """The word under which a connection's first letter is found; no query holds a blank."""
    return f"session {name}"


def bare(message_id: str) -> str:
    """A Message-ID as a word: without <>, without case."""
    return message_id.strip().removeprefix("<").removesuffix(">").casefold()


def numbers(row: EventRow) -> list[int]:
    """The numbers of `words(row)`, some perhaps twice. Hot: for every event there is."""
    if row.kind not in INDEXED:
        return [number(word) for word in words(row)] if _OPENING in row.data else []
    try:
        form = _indexed(row.data)
    except msgspec.DecodeError:
        return []
    found: list[int] = []
    for address in (form.sender, form.account):
        if address:
            folded = address.casefold()
            found.append(_known_number(folded))
            found.append(_known_number(folded[folded.rfind("@") + 1 :]))
    for address in form.to:
        folded = address.casefold()
        found.append(number(folded))
        found.append(_known_number(folded[folded.rfind("@") + 1 :]))
    if form.message_id:
        found.append(number(bare(form.message_id)))
    return found


def words(row: EventRow) -> set[str]:
    """What this event lets its letter be found by: addresses, their domains, account, Message-ID; or a session."""
    try:
        if row.kind in INDEXED:
            return _words(_indexed(row.data))
        if _OPENING in row.data:
            return {session(_opened(row.data).session)}
    except msgspec.DecodeError:
        return set()
    return set()


def _words(form: _Indexed) -> set[str]:
    found = set()
    for address in (form.sender, form.account, *form.to):
        if address:
            folded = address.casefold()
            found.add(folded)
            found.add(folded.rpartition("@")[2])
    if form.message_id:
        found.add(bare(form.message_id))
    return found

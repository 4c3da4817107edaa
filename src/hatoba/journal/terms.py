"""Terms: the words a letter is found by, and the numbers they are indexed under.

Called by search (to index, to ask, to verify) and by purge (to forget what it indexed).
Never decides what a query means and never touches the store.
Fails never: an event that is no form of its kind has no words.
"""

import functools
import hashlib

import msgspec

from hatoba.model import event
from hatoba.store.rows import EventRow


class _Indexed(msgspec.Struct, gc=False):
    """The fields of forms.Accepted that are indexed; the rest is skipped unread."""

    sender: str = ""
    to: tuple[str, ...] = ()
    account: str = ""
    message_id: str = ""


class _Opened(msgspec.Struct, gc=False):
    session: str = ""


_indexed = msgspec.json.Decoder(_Indexed).decode
_opened = msgspec.json.Decoder(_Opened).decode


@functools.lru_cache(maxsize=8192)
def number(word: str) -> int:
    """The signed 64-bit number of a word; two words may share one, so what is found is verified."""
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=8).digest(), "big", signed=True)


def session(name: str) -> str:
    """The word under which a connection's first letter is found; no query holds a blank."""
    return f"session {name}"


def bare(message_id: str) -> str:
    """A Message-ID as a word: without <>, without case."""
    return message_id.strip().removeprefix("<").removesuffix(">").casefold()


def words(row: EventRow) -> set[str]:
    """What this event lets its letter be found by: addresses, their domains, account, Message-ID; or a session."""
    try:
        if row.kind == event.ACCEPTED:
            return _words(_indexed(row.data))
        if b'"opening":' in row.data:  # rare: the first letter of each connection
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

"""Authentication-Results that claim to be ours, taken out of a letter that comes from outside. # RFC 8601 §5

Called when a letter is taken in, before our own field goes on top.
Never touches another field, nor the words of those it leaves.
Fails never: a field that cannot be read and names us anywhere goes as well.
"""

import re
from collections.abc import Iterable

from hatoba.mailauth.results import read
from hatoba.message import words
from hatoba.model import domain as domains
from hatoba.model.domain import BadAddress

_FIELD = re.compile(rb"(?im)^authentication-results[ \t]*:(.*(?:\n[ \t].*)*)(?:\n|\Z)")


def ours(block: bytes, ids: Iterable[str]) -> tuple[bytes, int]:
    """(a header block without the fields of these speakers, how many went). The block as of message.headers.Headers."""
    own = frozenset(map(_spelled, ids))
    spans = [found.span() for found in _FIELD.finditer(block) if _claims(found[1], own)]
    if not spans:
        return block, 0
    kept = []
    at = 0
    for start, end in spans:
        kept.append(block[at:start])
        at = end
    return b"".join(kept) + block[at:], len(spans)


def _claims(value: bytes, own: frozenset[str]) -> bool:
    try:
        return _spelled(read.parse(value).authserv_id) in own
    except read.BadResults:
        text = words.raw(value).lower()
        return any(name in text for name in own)


def _spelled(name: str) -> str:
    """One spelling for each id: lower case, A-labels, no final dot."""
    name = name.strip().removesuffix(".")
    try:
        return domains.parse(name)
    except BadAddress:
        return name.lower()

"""Search: letters by id, address, domain, Message-ID or account, newest first, found from their commit on.

Called by app (catch_up each second through the writer; find for `hatoba trace` and the doors for people).
Never reads content and never trusts a hash: what the index gives is verified against the accepted event.
Fails with StoreTrouble.
"""

import bisect
import itertools
from collections.abc import Iterator, Sequence

from hatoba.journal import terms
from hatoba.kit import ids
from hatoba.model.address import Address, BadAddress
from hatoba.store import journal as rows
from hatoba.store.sql import Reader, Tx

CURSOR = "search"
_PAGE = 512  # ids fetched at once
_TAIL = 2000  # events fetched at once behind the cursor
_TOP = 2**63 - 1


def catch_up(tx: Tx, limit: int) -> int:
    """Indexes up to `limit` events the index has not seen; how many. Fewer than `limit`: it is up to date."""
    seen = rows.after(tx, rows.position(tx, CURSOR), limit)
    if not seen:
        return 0
    numbers = terms.numbers
    pairs = [(number, row.letter) for row in seen for number in numbers(row)]
    pairs.sort()
    rows.index(tx, pairs)  # in the order of the key: neighbours share their page
    rows.move(tx, CURSOR, seen[-1].seq)
    return len(seen)


def renew(tx: Tx) -> None:
    """Empties the index: `catch_up` makes it anew from the first event on."""
    rows.forget_all(tx)
    rows.move(tx, CURSOR, 0)


def find(reader: Reader, query: str, limit: int) -> list[int]:
    """Ids of letters that match every word of `query`, newest first, at most `limit`; [] for an empty query.

    A word is a letter's id, an address, a domain (with or without @), a Message-ID (with or without <>) or an account.
    """
    named: set[int] = set()
    asked: list[str] = []
    for written in query.split():
        number = _letter(reader, written)
        if number is None:
            asked.append(word(written))
        else:
            named.add(number)
    if len(named) > 1:
        return []
    if named:
        return [number for number in named if _matches(reader, number, asked)]
    if not asked or limit < 1:
        return []
    return _newest(reader, list(dict.fromkeys(asked)), limit)


def word(written: str) -> str:
    """A word of a query in the form it is indexed in."""
    text = written.strip().removeprefix("<").removesuffix(">")
    prefix = "" if "@" in text.removeprefix("@") else "postmaster@"  # a domain is normalised as an address has it
    try:
        address = Address.parse(prefix + text.removeprefix("@"))
    except BadAddress:
        return text.casefold()
    return address.domain if prefix else str(address).casefold()


def sessions(reader: Reader, name: str, limit: int = 4) -> list[int]:
    """Letters that were the first of the connection `name` (one, but for a shared hash)."""
    return _newest(reader, [terms.session(name)], limit, verify=False)


def _letter(reader: Reader, written: str) -> int | None:
    """The id a word names, if there is such a letter: "administrator" could be one, too."""
    try:
        number = ids.number(written)
    except ValueError:
        return None
    return number if rows.of_letter(reader, number) else None


def _matches(reader: Reader, letter: int, asked: Sequence[str]) -> bool:
    if not asked:
        return True
    for row in rows.of_letter(reader, letter):
        if row.kind in terms.INDEXED:
            return terms.words(row).issuperset(asked)
    return False


def _newest(reader: Reader, asked: list[str], limit: int, verify: bool = True) -> list[int]:
    with reader.snapshot():
        indexed = _common([_Descent(reader, terms.number(one)) for one in asked])
        verified = (letter for letter in indexed if not verify or _matches(reader, letter, asked))
        found = {*_tail(reader, asked), *itertools.islice(verified, limit)}
    return sorted(found, reverse=True)[:limit]


def _tail(reader: Reader, asked: Sequence[str]) -> Iterator[int]:
    """Letters that match among the events the index has not seen."""
    seq = rows.position(reader, CURSOR)
    while seen := rows.after(reader, seq, _TAIL):
        seq = seen[-1].seq
        yield from (row.letter for row in seen if terms.words(row).issuperset(asked))
        if len(seen) < _TAIL:
            return


class _Descent:
    """The letters of one term, highest id first, in pages; `at_most` jumps over what cannot match."""

    __slots__ = ("_number", "_page", "_reader")

    def __init__(self, reader: Reader, number: int) -> None:
        self._reader = reader
        self._number = number
        self._page: list[int] = []  # ascending, so that bisect works

    def at_most(self, letter: int) -> int:
        """The highest id that is not above `letter`, -1 when there is none."""
        page = self._page
        if not page or letter < page[0]:
            page = self._page = rows.find(self._reader, self._number, _PAGE, min(letter + 1, _TOP))[::-1]
        at = bisect.bisect_right(page, letter)
        return page[at - 1] if at else -1


def _common(descents: list[_Descent]) -> Iterator[int]:
    """Letters that all terms have, highest first: each jumps to where the slowest stands."""
    letter = _TOP
    while True:
        lowest = letter
        for descent in descents:
            lowest = descent.at_most(lowest)
            if lowest < 0:
                return
        if all(descent.at_most(lowest) == lowest for descent in descents):
            yield lowest
            lowest -= 1
        letter = lowest

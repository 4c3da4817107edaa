"""Match: one value against one key, by a match type and a comparator. # RFC 5228 §2.7, RFC 5231

Called by every test that compares, over machine.
Never counts values or knows variables: what a wildcard stood for is handed back.
Fails with BadRegex on an expression that a variable made.
"""

from typing import NamedTuple

from hatoba.sieve import texts
from hatoba.sieve.limits import Limits
from hatoba.sieve.matching import comparators, globs, regexes

IS, CONTAINS, MATCHES, REGEX, VALUE, COUNT = "is", "contains", "matches", "regex", "value", "count"
RELATIONS = frozenset({"gt", "ge", "lt", "le", "eq", "ne"})  # RFC 5231 §5


class Match(NamedTuple):
    """How a test compares. `relation` is there for VALUE and COUNT."""

    type: str = IS
    relation: str = ""
    comparator: str = comparators.USUAL


USUAL = Match()
FOUND: tuple[str, ...] = ()  # a match without values


def holds(relation: str, order: int) -> bool:
    """Whether something that stands to another as `order` says (see comparators.order) is in this relation to it."""
    if order < 0:
        return relation in ("lt", "le", "ne")
    if order > 0:
        return relation in ("gt", "ge", "ne")
    return relation in ("ge", "le", "eq")


def values(how: Match, value: str, key: str, limits: Limits) -> tuple[str, ...] | None:
    """None when `value` does not match; else the values of the match, () for types that have none."""
    value, key = texts.replaced(value), texts.replaced(key)
    if how.type == IS:
        return FOUND if comparators.equal(how.comparator, value, key) else None
    if how.type in (VALUE, COUNT):
        return FOUND if holds(how.relation, comparators.order(how.comparator, value, key)) else None
    fold = comparators.FOLDS[how.comparator]
    if how.type == CONTAINS:
        return FOUND if fold(key) in fold(value) else None
    if how.type == MATCHES:
        return globs.match(key, value, fold)
    sensitive = how.comparator == comparators.OCTET
    return regexes.match(key, value, sensitive=sensitive, longest=limits.pattern, memory=limits.memory)

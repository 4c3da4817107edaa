"""Public suffixes: which part of a name an organization can register, by the list browsers use too.

Called by discover when the settings ask for the list, and by rooms that group domains by their owners.
Never asks DNS; the list is the one that comes with publicsuffixlist, or one handed in.
Fails never: a name without an owner, or that is none, has no organizational domain.
"""

from collections.abc import Iterable
from functools import lru_cache

from publicsuffixlist import PublicSuffixList


class Suffixes:
    """A public suffix list. `lines`: its text; None takes the list of the package publicsuffixlist (0.1 s)."""

    def __init__(self, lines: Iterable[bytes] | None = None) -> None:
        self._list = PublicSuffixList(source=lines)

    def organizational(self, domain: str) -> str | None:
        """One label more than its public suffix, in lower case; None when there is none. # RFC 7489 §3.2

        `domain` in A-labels or U-labels; the answer is in the same. A top-level domain that the list does not know
        is a public suffix.
        """
        return self._list.privatesuffix(domain)


@lru_cache(maxsize=1)
def packaged() -> Suffixes:
    """The list of the package, read at the first call."""
    return Suffixes()

"""Regular expressions, POSIX extended ones, in time linear to the text. # draft-ietf-sieve-regex §3

Called by match, and by the check, which tries those that have no variables.
Never backtracks: back-references are refused, as POSIX extended expressions have none.
Fails with BadRegex that says what is wrong.
"""

import functools

import re2

_KEPT = 32


class BadRegex(ValueError):
    """The text is no regular expression, or too large a one."""


@functools.lru_cache(maxsize=_KEPT)
def _compiled(pattern: str, sensitive: bool, memory: int) -> "re2._Regexp":
    options = re2.Options()
    options.dot_nl = True
    options.longest_match = True  # POSIX: the leftmost, and of those the longest
    options.case_sensitive = sensitive
    options.log_errors = False
    options.max_mem = memory
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        said = error.args[0] if error.args else b""
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise BadRegex(text or "it cannot be read") from None
    except UnicodeEncodeError:
        raise BadRegex("it holds octets that are no UTF-8") from None


def check(pattern: str, longest: int, memory: int) -> None:
    """BadRegex where `pattern` cannot be used."""
    if len(pattern) > longest:
        raise BadRegex(f"it is longer than {longest} characters")
    _compiled(pattern, True, memory)


def match(pattern: str, text: str, *, sensitive: bool, longest: int, memory: int) -> tuple[str, ...] | None:
    """(what matched, its groups) or None; a group that took no part is ""."""
    if len(pattern) > longest:
        raise BadRegex(f"it is longer than {longest} characters")
    found = _compiled(pattern, sensitive, memory).search(text)
    if found is None:
        return None
    return (found[0], *(group or "" for group in found.groups()))

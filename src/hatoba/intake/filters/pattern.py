"""Pattern: words, globs and regular expressions that find their match in time linear in the text, whatever they are.

Made by the content rules from the settings.
Never backtracks: RE2 runs them, so that no pattern and no letter can hold a worker up; what RE2 has not (backward
references, looking around) is refused when the settings are read.
Fails with ValueError that says what is wrong with a pattern.
"""

import re
import unicodedata
from collections.abc import Sequence

import re2

from hatoba.intake.filter_tables import Match

_SHOWN = 60  # characters of what matched
_MEMORY = 8 << 20  # octets one pattern's automaton may take; a pattern too large for it is refused
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_BROKEN = re.compile(r"(?<=[\u2e80-\uffef])\s+(?=[\u2e80-\uffef])")  # Japanese lines break within words


def _options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    options.case_sensitive = False
    options.dot_nl = True
    return options


class Pattern:
    """One or more patterns of one kind. Upper and lower case are alike; a regex may say (?-i)."""

    __slots__ = ("_compiled", "_words")

    def __init__(self, match: Match, patterns: Sequence[str]) -> None:
        self._words = match == "word"
        if match == "word":
            words = sorted({normal(word) for word in patterns} - {""}, key=len, reverse=True)
            self._compiled = [_compile("|".join(map(_word, words)), ", ".join(patterns))] if words else []
        else:
            self._compiled = [_compile(_glob(text) if match == "glob" else text, text) for text in patterns]
        if not self._compiled:
            raise ValueError("there is no pattern")

    def find(self, text: str) -> str | None:
        """What matched, shortened, or None."""
        octets = (normal(text) if self._words else text).encode("utf-8", "replace")
        for compiled in self._compiled:
            found = compiled.search(octets)
            if found is not None:
                shown: str = found.group().decode("utf-8", "replace")
                return shown[:_SHOWN] + ("…" if len(shown) > _SHOWN else "")
        return None


def normal(text: str) -> str:
    """A text in which words are looked for: full width and half width, case and spaces alike, without what hides.

    Lines that break between two Japanese characters are joined.
    """
    if not text.isascii():
        text = _BROKEN.sub("", _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)))
    return " ".join(text.split()).casefold()


def _word(word: str) -> str:
    """Bounded by \\b where it begins or ends like a word of an alphabet with spaces between words."""
    escaped: str = re2.escape(word)
    return (r"\b" if _ascii_word(word[0]) else "") + escaped + (r"\b" if _ascii_word(word[-1]) else "")


def _ascii_word(sign: str) -> bool:
    return sign.isascii() and (sign.isalnum() or sign == "_")


def _glob(glob: str) -> str:
    parts = re.split(r"(\*+|\?)", glob)
    return (
        r"\A"
        + "".join(".*" if part.startswith("*") else "." if part == "?" else re2.escape(part) for part in parts)
        + r"\z"
    )


def _compile(pattern: str, shown: str) -> "re2._Regexp":
    try:
        return re2.compile(pattern.encode(), _options())
    except re2.error as error:
        why = error.args[0].decode("utf-8", "replace") if error.args and isinstance(error.args[0], bytes) else error
        raise ValueError(f"{shown!r} is no pattern that is run here: {why}") from None

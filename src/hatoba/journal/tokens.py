"""Tokens: the words of a subject, as it is indexed and asked for: words where there are blanks, pairs of characters
where there are none (Japanese, Chinese, Korean, Thai …), so that a word of two characters is found.

Called by terms (to index) and query (to ask).
Never looks at more than the first MOST characters and never makes more than WORDS tokens: a subject may be hostile.
Fails never.
"""

import re
import unicodedata

MOST = 1024  # characters
WORDS = 128  # tokens of one subject
LONGEST = 64  # characters of a token; the rest of a longer word does not count

# Scripts without blanks: Thai to Khmer, Hangul, kana, ideographs (the supplementary ones too) and their marks.
_DENSE = "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3021-\u3029\u3031-\u3035\u303b-\u303c"
_DENSE += "\u3040-\u30ff\u3130-\u318f\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
_DENSE += "\U00016fe0-\U0003ffff"
_RUNS = re.compile(f"([{_DENSE}]+)|((?:(?![{_DENSE}])\\w)+)")
_UNFINISHED = re.compile(r"=\?[^?\s]*(\?[bBqQ](\?[^?\s]*)?)?\Z")  # an encoded word that the journal cut off


def folded(text: str) -> str:
    """The text in one form: widths and compatibility forms as one (NFKC), without case."""
    cut = text[:MOST]
    return unicodedata.normalize("NFKC", cut).casefold()[: 2 * MOST]


def whole(subject: str) -> str:
    """A decoded subject without the half of an encoded word that may stand at its end."""
    return _UNFINISHED.sub("", subject) if "=?" in subject else subject


def runs(text: str) -> list[tuple[str, bool]]:
    """(run, dense) of a folded text: dense runs are sought as substrings, the others are words."""
    return [(found[1] or found[2], bool(found[1])) for found in _RUNS.finditer(text)]


def tokens(text: str) -> list[str]:
    """What a folded text is indexed by, each once, in its order. A single character between blanks stands alone."""
    found: dict[str, None] = {}
    for run, dense in runs(text):
        if not dense or len(run) == 1:
            found[run[:LONGEST]] = None
        else:
            for at in range(len(run) - 1):
                found[run[at : at + 2]] = None
                if len(found) >= WORDS:
                    break
        if len(found) >= WORDS:
            break
    return list(found)


def asked(text: str) -> list[str]:
    """The tokens that a subject with the words `text` (folded) must have; fewer than `tokens` where a character alone
    may stand inside of a longer run."""
    found: dict[str, None] = {}
    for run, dense in runs(text):
        if not dense:
            found[run[:LONGEST]] = None
        elif len(run) > 1:
            found |= dict.fromkeys(run[at : at + 2] for at in range(len(run) - 1))
    return list(found)


def matches(subject: str, text: str) -> bool:
    """Whether a folded subject has every word of the folded `text`: dense runs as they stand, words whole."""
    have: set[str] | None = None
    for run, dense in runs(text):
        if dense:
            if run not in subject:
                return False
        elif have is None:
            have = set(tokens(subject))
            if run[:LONGEST] not in have:
                return False
        elif run[:LONGEST] not in have:
            return False
    return True

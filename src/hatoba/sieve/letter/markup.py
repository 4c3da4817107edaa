"""Markup: HTML as the text that people read. # RFC 5173 §5.3

Called by tree for `body :text` and extracttext.
Never renders: tags, comments, styles and scripts go, entities are read.
Fails never: what is broken is read as far as it goes.
"""

import html
import re

MEDIA = frozenset({"text/html", "application/xhtml+xml"})
_HIDDEN = re.compile(r"<(?:(!--)|(script|style)(?=[\s>/]))", re.IGNORECASE)
_ENDS = {name: re.compile(end, re.IGNORECASE) for name, end in
         (("!--", "-->"), ("script", "</script[^<>]*>"), ("style", "</style[^<>]*>"))}  # fmt: skip
_TAG = re.compile(r"</?[A-Za-z!?][^<>]*>")


def plain(text: str) -> str:
    """The text of `text`, each tag a space."""
    shown: list[str] = []
    at = 0
    while found := _HIDDEN.search(text, at):
        shown.append(text[at : found.start()])
        end = _ENDS[(found[1] or found[2]).lower()].search(text, found.end())
        at = end.end() if end else len(text)
    shown.append(text[at:])
    return html.unescape(_TAG.sub(" ", " ".join(shown)))

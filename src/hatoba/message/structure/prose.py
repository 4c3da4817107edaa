"""Prose: what of a letter people read: the text its search words and its preview are made of.

Called by summary; `folded` by search for what people look for.
Never decodes an attachment and never reads more than TEXT_MOST octets of text.
Fails never: markup that is broken is read as far as it goes.
"""

import html
import re
import unicodedata
from collections.abc import Iterator

from hatoba.message import charsets, pieces
from hatoba.message import words as encoded
from hatoba.message.structure.parts import Part

TEXT_MOST = 4_194_304  # octets of text of one letter that can be searched
PREVIEW_MOST = 256  # characters  # RFC 8970 §3.2
_SPACES = re.compile(r"\s+")
_FOLDS = re.compile(rb"\r?\n(?=[ \t])")
# Within words and Japanese sentences a line end is none: 東\n京 is found as 東京.
_WIDE = re.compile("(?<=[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef])[ ]?\n(?=[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef])")
_OPENING = re.compile(r"<(?:(!--)|(script|style|head|template)(?=[\s>/]))", re.IGNORECASE)
_INLINE = re.compile(
    r"</?(?:a|abbr|acronym|b|bdi|bdo|big|code|cite|del|em|font|i|ins|kbd|mark|q|rb|ruby|s|small|span|strike|strong|sub|sup|tt|u|wbr)"
    r"(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_TAG = re.compile(r"</?[A-Za-z!?][^<>]*>")
_ENDS = {"!--": "-->", "script": "</script", "style": "</style", "head": "</head", "template": "</template"}


def folded(text: str) -> str:
    """`text` as it is compared in searches: NFKC, case folded, each white space one space.

    Line ends between Japanese characters go; so half-width kana and full-width letters are found as the usual ones.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    if "\n" in text:
        text = _WIDE.sub("", text.replace("\r\n", "\n"))
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(text.split())


def folded_lines(text: str) -> str:
    """Each line folded, the lines kept apart."""
    return "\n".join([folded(line) for line in text.split("\n")]).strip()


def header(raw: bytes, start: int, end: int) -> str:
    """A header block as text, a line for each field, encoded words decoded."""
    block = _FOLDS.sub(b"", raw[start : min(end, start + 262_144)])
    text = encoded.raw(block)
    if "=?" not in text:
        return text
    return "\n".join([encoded.decode(line) if "=?" in line else line for line in text.split("\n")])


def texts(part: Part) -> Iterator[Part]:
    """The parts that are read as text, in order; attached texts too, for people search in them."""
    if part.message is not None:
        yield from texts(part.message.root)
    for child in part.parts:
        yield from texts(child)
    if part.leaf and part.media.startswith("text/"):
        yield part


def text(part: Part, most: int = TEXT_MOST) -> str:
    """The text of a part, markup taken off; of at most so many octets."""
    octets = part.raw[part.body : min(part.end, part.body + most)]
    if part.encoding not in ("7bit", "8bit", "binary"):
        octets = pieces.decoded(octets, part.encoding.encode("latin-1"))
    readable = charsets.decode(octets, part.charset)
    return plain(readable) if part.media == "text/html" else readable


def plain(markup: str) -> str:
    """HTML as text: tags, comments, styles and scripts off, entities read."""
    out: list[str] = []
    at = 0
    while found := _OPENING.search(markup, at):
        out.append(markup[at : found.start()])
        ending = _ENDS[(found[1] or found[2]).lower()]
        close = re.compile(re.escape(ending), re.IGNORECASE).search(markup, found.end())
        if close is None:
            at = len(markup)
            break
        at = close.end()
        if not found[1]:
            bracket = markup.find(">", at)
            at = bracket + 1 if bracket >= 0 else len(markup)
    out.append(markup[at:])
    shown = " ".join(out) if len(out) > 1 else out[0]
    return html.unescape(_TAG.sub(" ", _INLINE.sub("", shown)))


def preview(readable: str) -> str:
    """The beginning of a letter's text on one line; quoted lines only where there is nothing else. # RFC 8970"""
    start = readable[: PREVIEW_MOST * 16]
    own = "\n".join([line for line in start.split("\n") if not line.startswith(">")])
    line = _SPACES.sub(" ", own).strip() or _SPACES.sub(" ", start).strip()
    return "".join([character for character in line[:PREVIEW_MOST] if character.isprintable()])

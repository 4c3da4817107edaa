"""Prose: what of a letter people read: the text its search words and its preview are made of.

Called by summary; `folded` by search for what people look for.
Never decodes an attachment and never reads more than TEXT_MOST octets of text.
Fails never: markup that is broken is read as far as it goes.
"""

import html
import re
import unicodedata
from collections.abc import Iterator

from hatoba.message import charsets, transfer
from hatoba.message import words as encoded
from hatoba.message.structure.head import HEAD_MOST
from hatoba.message.structure.parts import Part

TEXT_MOST = 4_194_304  # octets of text of one letter that can be searched
PREVIEW_MOST = 256  # characters  # RFC 8970 §3.2
_WIDE = "\u2e80"  # from here on (kana, kanji, full-width forms, hangul) a line end between two characters is no space
_WHITE = "\r\n\t\x0b\x0c\u2028\u2029"  # besides the space: all others are one of these or a space in NFKC
_OBSOLETE = re.compile(rb"^([!-9;-~]++)[ \t]++:", re.MULTILINE)  # RFC 5322 §4.5
_OPENING = re.compile(r"<(?:(!--)|(script|style|head|template)(?=[\s>/]))", re.IGNORECASE)
# Tags within words; what is missed here is a space. No IGNORECASE: it takes three times as long.
_INLINE = re.compile(
    r"</?(?:[abiqsuABIQSU]|abbr|big|bdo|code|cite|del|em|font|ins|kbd|mark|ruby|rb|s(?:mall|pan|trike|trong|ub|up)|tt|wbr"
    r"|EM|FONT|S(?:MALL|PAN|TRONG|UB|UP)|WBR)(?:\s[^<>]*+)?>"
)
_TAG = re.compile(r"<[A-Za-z!?/][^<>]*+>")
_ENDS = {"!--": "-->", "script": "</script", "style": "</style", "head": "</head", "template": "</template"}


def folded(text: str) -> str:
    """`text` as it is compared in searches: NFKC, case folded, each white space one space.

    Line ends between Japanese characters go: 東京 is found where a line ends between the two. Half-width kana and
    full-width letters are found as the usual ones.
    """
    if text.isascii():
        return _spaced(text.lower())
    if "\n" in text:
        text = _unwrapped(text)
    return _spaced(_normal(text))


def _spaced(text: str) -> str:
    """One space for each run of white space, none at the ends. (A split and a join take three times as long.)"""
    for space in _WHITE:
        if space in text:
            text = text.replace(space, " ")
    while "  " in text:
        text = text.replace("  ", " ")
    return text.strip(" ")


def collated(text: str) -> str:
    """`text` as it is sorted: decomposed capitals, each white space one space. # RFC 5051 §2"""
    if text.isascii():
        return " ".join(text.upper().split())
    return " ".join(unicodedata.normalize("NFKD", text.upper()).split())


def _normal(text: str) -> str:
    once = unicodedata.normalize("NFKC", text).casefold()
    return once if unicodedata.is_normalized("NFKC", once) else unicodedata.normalize("NFKC", once)


def _unwrapped(text: str) -> str:
    out: list[str] = []
    wide = False
    for line in map(str.rstrip, text.split("\n")):
        if out and not (wide and line and line[0] >= _WIDE):
            out.append("\n")
        out.append(line)
        wide = line != "" and line[-1] >= _WIDE
    return "".join(out)


def folded_lines(text: str) -> str:
    """Each line folded, the lines kept apart."""
    if text.isascii():
        one = text.lower()
    else:
        one = "\n".join([line.lower() if line.isascii() else _normal(line) for line in text.split("\n")])
    one = one.replace("\r", "").replace("\t", " ")
    while "  " in one:
        one = one.replace("  ", " ")
    return one.strip()


def header(raw: bytes, start: int, end: int) -> str:
    """A header block as text, a line for each field ("Name: value"), encoded words decoded."""
    block = raw[start : min(end, start + HEAD_MOST)].replace(b"\r\n", b"\n")
    block = block.replace(b"\n ", b" ").replace(b"\n\t", b" ")
    if b" :" in block or b"\t:" in block:
        block = _OBSOLETE.sub(rb"\1:", block)
    if block.isascii() and b"\x1b" not in block:
        text = block.decode("ascii")
        if "=?" not in text:
            return text
        return "\n".join([encoded.decode(line) if "=?" in line else line for line in text.split("\n")])
    return "\n".join([encoded.decode(line) for line in block.split(b"\n")])


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
        octets = transfer.decoded(octets, part.encoding.encode("latin-1"))
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
    start = readable[: PREVIEW_MOST * 4]
    own = [line for line in start.split("\n") if not line.startswith(">")] if ">" in start else [start]
    line = (" ".join(" ".join(own).split()) or " ".join(start.split()))[:PREVIEW_MOST]
    return line if line.isprintable() else "".join(filter(str.isprintable, line))

"""Octets in the character sets that mail really holds, Japanese ones and their Windows cousins included, to text.

Called by words and by rooms that show text parts.
Never guesses when the label and the octets agree; never needs the whole set of a letter's parts.
Fails never: what cannot be read becomes U+FFFD.
"""

import codecs
import re

# Labels whose text is in truth a larger set of the same family, as Windows programs write it.
_TRIED = {
    "shift_jis": ("cp932", "shift_jis_2004"),
    "euc_jp": ("euc_jp", "euc_jis_2004"),
    "gb2312": ("gb18030",),
    "gbk": ("gb18030",),
    "ks_c_5601": ("cp949",),
    "ascii": ("ascii", "utf-8"),
    "iso8859-1": ("cp1252",),
    "euc_kr": ("cp949",),
}
_NAMES = {"cp50220": "iso2022_jp", "cp50221": "iso2022_jp", "cp50222": "iso2022_jp", "x-sjis": "shift_jis",
          "x-euc-jp": "euc_jp", "cp51932": "euc_jp", "sjis-win": "shift_jis", "unicode-1-1-utf-7": "utf-7",
          "unicode-1-1-utf-8": "utf-8", "ks_c_5601-1987": "euc_kr", "x-gbk": "gbk", "unknown-8bit": ""}  # fmt: skip
_GUESSES = ("utf-8", "euc_jp", "cp932")  # Shift_JIS seldom passes for EUC-JP, the other way round it often does
_PRIVATE = re.compile("[\ue000-\uf8ff\x80\xa0]")  # where CP932 has what nobody uses: other 8-bit texts fall there
_ESCAPE = re.compile(rb"\x1b(\([BHIJ]|\$[@AB]|\$\([@ABDO-Q]|\([@-Z])|([\x0e\x0f])")


def decode(octets: bytes, label: str = "") -> str:
    """The text of `octets`; `label` is the charset as declared, "" when none was."""
    name = _codec(label)
    if name.startswith("iso2022_jp"):
        return _strict(octets, ("iso2022_jp", "iso2022_jp_ext", "iso2022_jp_2004")) or _iso2022_jp(octets)
    if name:
        tried = _TRIED.get(name, (name,))
        found = _strict(octets, tried)
        if found is not None:
            return found
        if octets.isascii() and name not in ("utf-7", "hz"):
            return octets.decode("ascii")
        if name != "ascii":
            return octets.decode(tried[0], "replace")
    return _guess(octets)


def _codec(label: str) -> str:
    """The codec's own name; "" where the label is unknown or names no charset of text."""
    low = label.strip().strip("\"'").lower()
    low = _NAMES.get(low, low)
    if not low or len(low) > 40:
        return ""
    try:
        info = codecs.lookup(low)
    except (LookupError, ValueError):
        return ""
    text: bool = getattr(info, "_is_text_encoding", True)  # base64, rot13 and their like are codecs as well
    return info.name if text and info.name not in ("idna", "punycode", "unicode_escape", "raw_unicode_escape") else ""


def _strict(octets: bytes, names: tuple[str, ...]) -> str | None:
    for name in names:
        try:
            return octets.decode(name)
        except (UnicodeError, ValueError):
            continue
    return None


def _guess(octets: bytes) -> str:
    """Octets without a label: UTF-8, ISO-2022-JP by its escapes, EUC-JP, Shift_JIS, else one octet a character."""
    if b"\x1b$" in octets and octets.isascii():
        return decode(octets, "iso-2022-jp")
    for name in _GUESSES:
        found = _strict(octets, (name,))
        if found is not None and not (name == "cp932" and _PRIVATE.search(found)):
            return found
    return octets.decode("cp1252", "replace")


def _iso2022_jp(octets: bytes) -> str:
    """ISO-2022-JP as Windows and carriers write it: the rows of CP932 (NEC, IBM), katakana, 8-bit leaks."""
    out: list[str] = []
    at, read = 0, _plain
    for escape in _ESCAPE.finditer(octets):
        out.append(read(octets[at : escape.start()]))
        at = escape.end()
        sign = escape[1] or escape[2]
        if sign.startswith(b"$") and sign != b"$A":
            read = _rows
        elif sign in (b"(I", b"\x0e"):
            read = _katakana
        else:
            read = _plain
    out.append(read(octets[at:]))
    return "".join(out)


def _plain(octets: bytes) -> str:
    return octets.decode("ascii") if octets.isascii() else octets.decode("cp932", "replace")


def _katakana(octets: bytes) -> str:
    return bytes(octet | 0x80 if 0x21 <= octet <= 0x5F else octet for octet in octets).decode("cp932", "replace")


def _rows(octets: bytes) -> str:
    """Pairs of JIS X 0208 octets, moved to their places in CP932."""
    out = bytearray()
    pairs = iter(octets)
    for first in pairs:
        if not 0x21 <= first <= 0x7E:
            out.append(first)  # a line end or space between pairs
            continue
        second = next(pairs, 0)
        if not 0x21 <= second <= 0x7E:
            out += b"?"
            continue
        lead = (first - 0x21) // 2 + 0x81
        trail = second + (0x1F if second < 0x60 else 0x20) if first & 1 else second + 0x7E
        out += bytes((lead if lead < 0xA0 else lead + 0x40, trail))
    return out.decode("cp932", "replace")

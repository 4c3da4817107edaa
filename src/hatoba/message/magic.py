"""Magic: what a file is by its own octets, whatever its name says.

Called by archive and by intake's content rules, with the beginning of a file or all of it.
Never opens an archive and never trusts a declared type.
Fails never: what it does not know is no kind at all.
"""

import re
from typing import NamedTuple

HEAD = 40_000  # octets that tell all there is to tell but macros: an ISO image says so at 32,769
PACKED = frozenset({"zip", "gzip", "bzip2", "xz", "tar", "7z"})  # archive opens these
SEALED = frozenset({"rar", "cab", "lzh", "arj", "ace", "zstd", "iso", "vhd"})  # archives that it does not open


class _Sign(NamedTuple):
    at: int
    octets: bytes
    kinds: tuple[str, ...]


# Published signatures; a file may have several words: the narrow one and what it belongs to.
_SIGNS = (
    _Sign(0, b"MZ", ("pe", "executable")),
    _Sign(0, b"\x7fELF", ("elf", "executable")),
    _Sign(0, b"\xfe\xed\xfa\xce", ("macho", "executable")),
    _Sign(0, b"\xfe\xed\xfa\xcf", ("macho", "executable")),
    _Sign(0, b"\xce\xfa\xed\xfe", ("macho", "executable")),
    _Sign(0, b"\xcf\xfa\xed\xfe", ("macho", "executable")),
    _Sign(0, b"\xca\xfe\xba\xbe", ("java", "executable")),  # a class, or a Mach-O for two processors
    _Sign(0, b"dex\n", ("dex", "executable")),
    _Sign(0, b"L\x00\x00\x00\x01\x14\x02\x00", ("lnk", "executable")),
    _Sign(0, b"#!", ("script",)),
    _Sign(0, b"PK\x03\x04", ("zip",)),
    _Sign(0, b"PK\x05\x06", ("zip",)),
    _Sign(0, b"\x1f\x8b", ("gzip",)),
    _Sign(0, b"BZh", ("bzip2",)),
    _Sign(0, b"\xfd7zXZ\x00", ("xz",)),
    _Sign(0, b"7z\xbc\xaf\x27\x1c", ("7z",)),
    _Sign(257, b"ustar", ("tar",)),
    _Sign(0, b"Rar!\x1a\x07", ("rar",)),
    _Sign(0, b"MSCF", ("cab",)),
    _Sign(0, b"\x60\xea", ("arj",)),
    _Sign(7, b"**ACE**", ("ace",)),
    _Sign(0, b"\x28\xb5\x2f\xfd", ("zstd",)),
    _Sign(32769, b"CD001", ("iso",)),
    _Sign(0, b"vhdxfile", ("vhd",)),
    _Sign(0, b"conectix", ("vhd",)),
    _Sign(0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ("ole",)),
    _Sign(0, b"{\\rtf", ("rtf",)),
    _Sign(0, b"%PDF-", ("pdf",)),
    _Sign(0, b"\xff\xd8\xff", ("jpeg", "image")),
    _Sign(0, b"\x89PNG\r\n\x1a\n", ("png", "image")),
    _Sign(0, b"GIF8", ("gif", "image")),
    _Sign(0, b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d", ("onenote",)),
    _Sign(0, b"ITSF", ("chm",)),
)
_FIRST = frozenset(sign.octets[0] for sign in _SIGNS if not sign.at)
_LATER = tuple(sign for sign in _SIGNS if sign.at)
_BY_FIRST = {first: tuple(s for s in _SIGNS if not s.at and s.octets[0] == first) for first in _FIRST}

_LZH = re.compile(rb".{2}-l[hz][0-9ds]-", re.DOTALL)
_HTML = re.compile(rb"\s*(?:<!doctype html|<html|<head|<script|<svg)", re.IGNORECASE)
_BATCH = re.compile(rb"\s*@?echo off\b", re.IGNORECASE)
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_VBA = "_VBA_PROJECT".encode("utf-16-le")  # a stream's name in the directory of an OLE file


def kinds(octets: bytes) -> frozenset[str]:
    """The words for what `octets` are: "pe" and "executable", "zip", "ole" and "macro"; empty for text and the rest."""
    if not octets:
        return frozenset()
    found: set[str] = set()
    for sign in (*_BY_FIRST.get(octets[0], ()), *_LATER):
        if octets.startswith(sign.octets, sign.at):
            found.update(sign.kinds)
    if not found:
        found = _textual(octets)
    if "ole" in found and _VBA in octets:
        found.add("macro")
    return frozenset(found)


def _textual(octets: bytes) -> set[str]:
    start = octets[:1024]
    for mark in _MARKS:
        start = start.removeprefix(mark)
    if _LZH.match(start):
        return {"lzh"}
    if _HTML.match(start):
        return {"html"}
    return {"script"} if _BATCH.match(start) else set()

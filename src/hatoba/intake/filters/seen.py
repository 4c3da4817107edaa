"""Seen: a letter as content rules look at it: decoded fields and texts, files by name and kind, what is odd about them.

Made by rules once for each letter, at the end of its content; large ones and archives in a thread.
Never looks at what no rule asks for, and never beyond its limits.
Fails never: what cannot be read is not there.
"""

import html
import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from hatoba.message import archive, headers, magic, pieces, words

CUT, DOUBLE, DISGUISED, BIDI = "cut", "double-extension", "disguised", "bidi-name"
FINDINGS = (*archive.FINDINGS, CUT, DOUBLE, DISGUISED, BIDI)

_FIELDS = 2000  # of a header, where a rule is for any
_TAG = re.compile(r"<[^<>]*>")
_HIDDEN = re.compile(r"<(style|script|title)\b[^<>]*>[^<]*</\1>", re.IGNORECASE)
_BIDI = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")

# What Windows runs when it is opened.
RUN = frozenset({
    "exe", "com", "scr", "pif", "bat", "cmd", "cpl", "msi", "msp", "msc", "dll", "ocx", "sys", "drv", "vbs", "vbe",
    "js", "jse", "wsf", "wsh", "ws", "ps1", "psm1", "hta", "lnk", "url", "scf", "inf", "reg", "jar", "jnlp",
    "application", "gadget", "chm", "hlp", "ade", "adp", "mde", "vb", "vxd", "appx", "msix", "iso", "img", "vhd",
    "vhdx", "one", "xll", "library-ms", "search-ms", "settingcontent-ms",
})  # fmt: skip
# What people take for a document.
_DOCUMENTS = frozenset({
    "pdf", "doc", "docx", "docm", "xls", "xlsx", "xlsm", "ppt", "pptx", "txt", "rtf", "csv", "jpg", "jpeg", "png",
    "gif", "bmp", "tif", "tiff", "mp3", "mp4", "avi", "mov", "zip", "html", "htm", "odt", "ods", "odp", "eml",
})  # fmt: skip
_BY_MAGIC = frozenset({"executable", "script"})
_RUNNABLE = RUN | frozenset({
    "sh", "bash", "zsh", "py", "pl", "rb", "php", "elf", "so", "bin", "run", "out", "class", "dex", "apk", "dylib",
    "app", "command",
})  # fmt: skip


class File(NamedTuple):
    """`path`: its name, behind those of the archives it lies in. `kinds` as in magic."""

    path: str
    kinds: frozenset[str]

    @property
    def name(self) -> str:
        return self.path.replace("\\", "/").rpartition("/")[2]


class Wanted(NamedTuple):
    """What the rules ask for, so that the rest is not looked at."""

    text: bool
    files: bool


class Limits(NamedTuple):
    text: int = 512 << 10  # characters of text that are looked at
    walked: pieces.Limits = pieces.Limits()
    unpacked: archive.Limits = archive.Limits()


class Seen:
    """`text`: all that is meant to be read, HTML as it stands and without tags, too. `findings`: word → of what."""

    def __init__(self, content: bytes, wanted: Wanted, limits: Limits) -> None:
        self._headers = headers.scan(content)
        self._limits = limits
        self._left = limits.text
        self._inside = archive.Inside(limits.unpacked)
        self._packed: list[tuple[File, bytes]] = []
        self._texts: list[str] = []
        self._files: list[File] = []
        self.findings: dict[str, str] = self._inside.findings
        if wanted.text or wanted.files:
            walk = pieces.Walk(limits.walked)
            for piece in walk.pieces(content):
                self._piece(piece, wanted)
            if walk.cut:
                self.findings[CUT] = (
                    f"more than {limits.walked.parts} parts, or {limits.walked.depth} within each other"
                )

    def fields(self, name: str) -> Iterator[tuple[str, str]]:
        """(name, decoded value) of the fields of that name, of all for ""."""
        if name:
            for value in self._headers.all(name.lower().encode("ascii", "replace")):
                yield name, words.decode(value)
        else:
            for octets, value in islice(self._headers.fields(), _FIELDS):
                yield octets.decode("ascii"), words.decode(value)

    @property
    def text(self) -> str:
        return "\n".join(self._texts)

    @property
    def packed(self) -> bool:
        """There are archives to be opened yet."""
        return bool(self._packed)

    def open(self) -> None:
        """Opens the archives. Slow for large ones: in a thread."""
        packed, self._packed = self._packed, []
        for file, octets in packed:
            before = len(self._inside.files)
            self._inside.open(octets, file.kinds, file.path or "attachment")
            for found in self._inside.files[before:]:
                self._add(File(f"{file.path}/{found.name}", found.kinds))

    @property
    def files(self) -> list[File]:
        """Attachments, and what lies in those that were opened."""
        return self._files

    def _piece(self, piece: pieces.Piece, wanted: Wanted) -> None:
        if wanted.text and piece.readable and self._left > 0:
            self._read(piece)
        if wanted.files and (piece.names or not piece.type.startswith(("text/", "message/"))):
            kinds = magic.kinds(piece.body)
            for name in piece.names or ("",):
                self._add(File(name, kinds))
            if kinds & (magic.PACKED | magic.SEALED):
                self._packed.append((File(piece.names[0] if piece.names else "", kinds), piece.body))

    def _read(self, piece: pieces.Piece) -> None:
        text = piece._replace(body=piece.body[: 4 * self._left]).text[: self._left]
        self._left -= len(text)
        self._texts.append(text)
        if piece.type == "text/html":
            self._texts.append(html.unescape(_TAG.sub("", _HIDDEN.sub("", text))))

    def _add(self, file: File) -> None:
        self._files.append(file)
        name = file.name.strip(" .").lower()
        if _BIDI.search(file.name):
            self.findings.setdefault(BIDI, repr(file.path))
        stem, _, last = name.rpartition(".")
        if last in RUN and stem.rstrip(" ._").rpartition(".")[2].strip() in _DOCUMENTS:
            self.findings.setdefault(DOUBLE, file.path)
        if file.kinds & _BY_MAGIC and last not in _RUNNABLE and (last in _DOCUMENTS or "executable" in file.kinds):
            self.findings.setdefault(DISGUISED, f"{file.path} is {', '.join(sorted(file.kinds))}")

"""7z: the names and files of an archive, as the format's public description has it (LZMA SDK, 7zFormat.txt).

Called by archive.
Never decrypts, and never undoes what is not Copy, LZMA, LZMA2, BZip2 or Deflate (with or without the x86 filter).
Fails with Broken, Locked (even the names are encrypted), Unread, TooMuch.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

from hatoba.message.archives.member import Broken, Budget, Locked, Member, Unread, inflated

_START = 32  # octets of the signature header
_END, _HEADER, _PROPERTIES, _STREAMS, _FILES, _PACK, _UNPACK, _SUB = 0, 1, 2, 4, 5, 6, 7, 8
_SIZE, _CRC, _FOLDER, _UNPACKED, _COUNT, _EMPTY, _NAMES, _ENCODED = 9, 10, 11, 12, 13, 14, 17, 23
_AES = b"\x06\xf1\x07\x01"
_X86 = b"\x03\x03\x01\x03"
_DICTIONARY = 64 << 20  # octets: the decoder takes them at once
_MANY = 100_000  # of anything that is counted
_MANY_FOLDERS = 5000
_ROUNDS = 4  # headers within headers


class _Coder(NamedTuple):
    method: bytes
    properties: bytes


class _Folder(NamedTuple):
    coders: tuple[_Coder, ...]
    packed: int  # streams it takes
    sizes: int  # sizes it has


class _Streams:
    """What a StreamsInfo tells."""

    def __init__(self) -> None:
        self.at = 0
        self.packed: list[int] = []
        self.folders: list[_Folder] = []
        self.sizes: list[list[int]] = []
        self.files: list[list[int]] = []  # unpacked sizes of the files in each folder


class _Octets:
    """A header being read."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def take(self, count: int) -> bytes:
        if count < 0 or self._at + count > len(self._octets):
            raise Broken("its header breaks off")
        self._at += count
        return self._octets[self._at - count : self._at]

    def rest(self) -> bytes:
        return self.take(len(self._octets) - self._at)

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        """1 to 9 octets: the leading ones of the first say how many follow."""
        first = self.byte()
        mask, value = 0x80, 0
        for shift in range(0, 64, 8):
            if not first & mask:
                return value | (first & (mask - 1)) << shift
            value |= self.byte() << shift
            mask >>= 1
        return value

    def count(self) -> int:
        found = self.number()
        if found > _MANY:
            raise Broken("its header counts too much")
        return found

    def bits(self, count: int) -> list[bool]:
        octets = self.take((count + 7) // 8)
        return [bool(octets[at // 8] & 0x80 >> at % 8) for at in range(count)]

    def digests(self, count: int) -> None:
        defined = count if self.byte() else sum(self.bits(count))
        self.take(4 * defined)


def members(octets: bytes, budget: Budget) -> Iterator[Member]:
    """The files in their order."""
    if len(octets) < _START:
        raise Broken("it breaks off")
    at, size = (int.from_bytes(octets[start : start + 8], "little") for start in (12, 20))
    if not size:
        return
    if _START + at + size > len(octets):
        raise Broken("it breaks off")
    header = _Octets(octets[_START + at : _START + at + size])
    kind = header.byte()
    for _ in range(_ROUNDS):
        if kind != _ENCODED:
            break
        streams = _streams(header)
        header = _Octets(next(_unpacked(octets, streams, budget, names=True), b""))
        kind = header.byte()
    if kind != _HEADER:
        raise Broken("its header is of no known kind")
    yield from _listed(octets, header, budget)


def _listed(octets: bytes, header: _Octets, budget: Budget) -> Iterator[Member]:
    streams = _Streams()
    names: list[str] = []
    empty: list[bool] = []
    while (kind := header.byte()) != _END:
        if kind == _PROPERTIES:
            while header.byte() != _END:
                header.take(header.count())
        elif kind == _STREAMS:
            streams = _streams(header)
        elif kind == _FILES:
            names, empty = _files(header)
        else:
            raise Broken("its header holds what is not known")
    full = iter([name for name, nothing in zip(names, empty, strict=True) if not nothing])
    yield from (Member(name) for name, nothing in zip(names, empty, strict=True) if nothing)
    yield from _contents(octets, streams, full, budget)


def _contents(octets: bytes, streams: _Streams, names: Iterator[str], budget: Budget) -> Iterator[Member]:
    bodies = _unpacked(octets, streams, budget)
    for folder, sizes in zip(streams.folders, streams.files, strict=True):
        locked, trouble, body = any(coder.method == _AES for coder in folder.coders), "", b""
        try:
            body = next(bodies)
        except Locked:
            pass
        except Unread:
            trouble = "unread"
        except Broken:
            trouble = "broken"
        at = 0
        for size, name in zip(sizes, names, strict=False):
            there = not locked and not trouble
            yield Member(name, body[at : at + size] if there else None, locked, trouble)
            at += size
        if trouble or locked:  # the generator has ended with its error
            break
    for name in names:
        yield Member(name, locked=any(coder.method == _AES for f in streams.folders for coder in f.coders))


def _streams(header: _Octets) -> _Streams:
    found = _Streams()
    while (kind := header.byte()) != _END:
        if kind == _PACK:
            found.at = header.number()
            count = header.count()
            while (inner := header.byte()) != _END:
                if inner == _SIZE:
                    found.packed = [header.number() for _ in range(count)]
                elif inner == _CRC:
                    header.digests(count)
        elif kind == _UNPACK:
            _folders(header, found)
        elif kind == _SUB:
            _substreams(header, found)
        else:
            raise Broken("its streams hold what is not known")
    if not found.files:
        found.files = [[sizes[-1]] for sizes in found.sizes]
    return found


def _folders(header: _Octets, found: _Streams) -> None:
    while (kind := header.byte()) != _END:
        if kind == _FOLDER:
            count = header.count()
            if header.byte():
                raise Unread("its folders are described elsewhere")
            if count > _MANY_FOLDERS:
                raise Broken("it has too many folders")
            found.folders = [_folder(header) for _ in range(count)]
        elif kind == _UNPACKED:
            found.sizes = [[header.number() for _ in range(folder.sizes)] for folder in found.folders]
        elif kind == _CRC:
            header.digests(len(found.folders))
    if len(found.sizes) != len(found.folders) or not all(found.sizes):
        raise Broken("a folder has no size")


def _folder(header: _Octets) -> _Folder:
    coders, ins, outs = [], 0, 0
    for _ in range(header.count()):
        flags = header.byte()
        method = header.take(flags & 0x0F)
        inner, outer = (header.count(), header.count()) if flags & 0x10 else (1, 1)
        ins, outs = ins + inner, outs + outer
        coders.append(_Coder(method, header.take(header.count()) if flags & 0x20 else b""))
    if not coders or outs < 1:
        raise Broken("a folder has no coder")
    for _ in range(outs - 1):
        header.number(), header.number()
    packed = ins - (outs - 1)
    if packed > 1:
        for _ in range(packed):
            header.number()
    return _Folder(tuple(coders), packed, outs)


def _substreams(header: _Octets, found: _Streams) -> None:
    counts = [1] * len(found.folders)
    kind = header.byte()
    if kind == _COUNT:
        counts = [header.count() for _ in found.folders]
        kind = header.byte()
    found.files = []
    for count, sizes in zip(counts, found.sizes, strict=True):
        known = [header.number() for _ in range(count - 1)] if kind == _SIZE else []
        found.files.append([*known, sizes[-1] - sum(known)] if count else [])
    if kind == _SIZE:
        kind = header.byte()
    while kind != _END:
        if kind != _CRC:
            raise Broken("its streams hold what is not known")
        header.digests(sum(count for count in counts if count != 1) or len(counts))
        kind = header.byte()


def _files(header: _Octets) -> tuple[list[str], list[bool]]:
    """(names, which of the files have no content)."""
    count = header.count()
    names, empty = [""] * count, [False] * count
    while (kind := header.byte()) != _END:
        data = _Octets(header.take(header.number()))
        if kind == _EMPTY:
            empty = data.bits(count)
        elif kind == _NAMES and not data.byte():
            text = data.rest().decode("utf-16-le", "replace").split("\0")
            names = [*text[:count], *[""] * (count - len(text))]
    return names, empty


def _unpacked(octets: bytes, streams: _Streams, budget: Budget, *, names: bool = False) -> Iterator[bytes]:
    """The folders, unpacked. Locked, Unread, Broken, TooMuch."""
    at = _START + streams.at
    packed = iter(streams.packed)
    for folder, sizes in zip(streams.folders, streams.sizes, strict=True):
        taken = [next(packed, 0) for _ in range(folder.packed)]
        body = octets[at : at + taken[0]]
        at += sum(taken)
        if any(coder.method == _AES for coder in folder.coders):
            raise Locked("its names are encrypted" if names else "it is encrypted")
        if folder.packed != 1 or len(folder.coders) > 2:
            raise Unread("several coders work together")
        try:
            yield _one(body, folder.coders, sizes[-1], budget)
        except (lzma.LZMAError, zlib.error, OSError, EOFError) as error:
            raise Broken(str(error)) from None


def _one(body: bytes, coders: tuple[_Coder, ...], size: int, budget: Budget) -> bytes:
    """One folder: a coder, or the x86 filter behind one."""
    filters = [coder for coder in coders if coder.method == _X86]
    main = [coder for coder in coders if coder.method != _X86]
    if len(main) != 1:
        raise Unread("several coders work together")
    decode = _decoder(main[0], bool(filters))
    made = inflated(body, lambda octets, most: decode(octets, min(most, size)), budget, len(body))
    return made[:size]


def _decoder(coder: _Coder, x86: bool) -> Callable[[bytes, int], bytes]:
    tail: list[dict[str, int]] = [{"id": lzma.FILTER_X86}] if x86 else []
    properties = coder.properties
    if coder.method == b"\x21" and properties:
        size = (2 | properties[0] & 1) << (properties[0] // 2 + 11)
        return _raw([*tail, {"id": lzma.FILTER_LZMA2, "dict_size": size}])
    if coder.method == b"\x03\x01\x01" and len(properties) == 5:
        lc, rest = properties[0] % 9, properties[0] // 9
        size = int.from_bytes(properties[1:], "little")
        return _raw([*tail, {"id": lzma.FILTER_LZMA1, "dict_size": size, "lc": lc, "lp": rest % 5, "pb": rest // 5}])
    if x86:
        raise Unread("a filter behind another coder")
    if coder.method == b"\x00":
        return lambda octets, most: octets[:most]
    if coder.method == b"\x04\x02\x02":
        return bz2.BZ2Decompressor().decompress
    if coder.method == b"\x04\x01\x08":
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress
    raise Unread("it is packed in a way that is not read")


def _raw(filters: list[dict[str, int]]) -> Callable[[bytes, int], bytes]:
    main = filters[-1]
    if main["dict_size"] > _DICTIONARY:
        raise Unread("its dictionary is too large")
    main["dict_size"] = max(main["dict_size"], 4096)
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters).decompress

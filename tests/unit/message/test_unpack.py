"""Documents out of letters and archives, within a budget."""

import base64
import gzip
import io
import struct
import zipfile
import zlib
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.message import unpack
from hatoba.message.unpack import BadPack

XML = b"<a>\r\n</a>"


class Pipe(io.RawIOBase):
    """A file that cannot seek: a zip written to it has the sizes behind each file."""

    def __init__(self) -> None:
        self.written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, octets: Any) -> int:
        self.written += octets
        return len(octets)


def zipped(*files: bytes, method: int = zipfile.ZIP_DEFLATED, streamed: bool = False) -> bytes:
    pipe, target = Pipe(), io.BytesIO()
    buffer = io.BufferedWriter(pipe)
    with zipfile.ZipFile(buffer if streamed else target, "w", method) as archive:
        for n, file in enumerate(files):
            archive.writestr(f"folder/{n}.xml", file)
    buffer.flush()
    return bytes(pipe.written) or target.getvalue()


def letter(*parts: tuple[str, bytes]) -> bytes:
    lines = [b"From: a@example.org\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"]
    lines += [
        f"--x\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n\r\n".encode() + base64.encodebytes(body)
        for kind, body in parts
    ]
    return b"".join([*lines, b"--x--\r\n"])


def found(octets: bytes, most: int = unpack.MOST) -> list[bytes]:
    return list(unpack.documents(octets, b"<", most=most))


def test_bare() -> None:
    assert found(XML) == [XML]
    assert found(b"\xef\xbb\xbf \r\n" + XML) == [b"\xef\xbb\xbf \r\n" + XML]
    assert found(b"{}") == []
    assert found(b"") == []


def test_gzip() -> None:
    assert found(gzip.compress(XML)) == [XML]
    assert found(gzip.compress(XML[:4]) + gzip.compress(XML[4:]) + b"\0\0") == [XML]
    assert found(gzip.compress(b"no document")) == []


@pytest.mark.parametrize("streamed", [False, True])
def test_zip(streamed: bool) -> None:
    assert found(zipped(XML, streamed=streamed)) == [XML]
    assert found(zipped(XML, b"text", b"<b/>", streamed=streamed)) == [XML, b"<b/>"]
    assert found(zipped(gzip.compress(XML), streamed=streamed)) == [XML]


def test_stored() -> None:
    assert found(zipped(XML, b"<b/>", method=zipfile.ZIP_STORED)) == [XML, b"<b/>"]


def test_letters() -> None:
    octets = letter(("text/plain", b"hello"), ("text/html", b"<html>"), ("application/zip", zipped(XML)))
    assert found(octets) == [b"<html>", XML]
    assert found(b"From: x\r\nContent-Type: application/gzip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
                 + base64.b64encode(gzip.compress(XML))) == [XML]  # fmt: skip
    assert found(letter(("text/xml", XML)).replace(b"\r\n", b"\n")) == [XML]


@pytest.mark.parametrize(
    "octets",
    [
        gzip.compress(XML)[:-10], b"\x1f\x8b\x08\xff" + b"x" * 50, zipped(XML)[:45],
        zipped(XML, method=zipfile.ZIP_BZIP2),
        gzip.compress(gzip.compress(gzip.compress(XML))), zipped(zipped(zipped(XML))),
    ],
)  # fmt: skip
def test_broken_foreign_and_nested(octets: bytes) -> None:
    with pytest.raises(BadPack):
        found(octets)


def test_locked_and_wrong() -> None:
    locked = bytearray(zipped(XML))
    locked[6] |= 1
    with pytest.raises(BadPack, match="password"):
        found(bytes(locked))
    wrong = bytearray(zipped(XML))
    wrong[14:18] = struct.pack("<I", zlib.crc32(XML) ^ 1)
    with pytest.raises(BadPack, match="checksum"):
        found(bytes(wrong))


def test_bombs() -> None:
    zeros = gzip.compress(b"\0" * 5_000_000)
    for octets in (zeros, zipped(b"\0" * 5_000_000), zipped(zeros, zeros), letter(("a/b", zeros), ("a/b", zeros))):
        with pytest.raises(BadPack, match="too large"):
            found(octets, most=4_000_000)
    assert found(letter(("a/b", zeros)), most=5_000_000) == []
    with pytest.raises(BadPack, match="too large"):  # the budget is one for all parts, documents or not
        found(letter(("a/b", zeros), ("a/b", zeros)), most=9_000_000)


def test_a_zip_of_many_files_ends() -> None:
    assert len(found(zipped(*[XML] * 50))) == 10


@given(
    st.binary(max_size=60),
    st.sampled_from([b"", b"\x1f\x8b\x08", b"PK\x03\x04"]),
    st.integers(0, 200),
    st.integers(0, 255),
)
def test_only_its_own_error_escapes(octets: bytes, start: bytes, at: int, value: int) -> None:
    broken = bytearray(zipped(XML) if len(octets) % 2 else gzip.compress(XML))
    broken[at % len(broken)] = value
    for each in (start + octets, bytes(broken)):
        with suppress(BadPack):
            assert sum(map(len, found(each, most=10_000))) <= 10_000

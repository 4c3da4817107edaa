"""Transfer: bodies as they were before their transfer encoding, read as lenient mail programs do. # RFC 2045 §6

Called by pieces and structure.
Never knows a charset: octets come out.
Fails never: an encoding is undone as far as it goes, one that nobody knows stays.
"""

import binascii
import contextlib
import quopri
import re

_UU_MOST = 50_000  # lines of a uuencoded body that are read: each costs a step of the interpreter
_NOT_BASE64 = bytes(octet for octet in range(256) if not (chr(octet).isalnum() and octet < 128) and octet not in b"+/=")
_PADDED = (b" \n", b" \r\n", b"\t\n", b"\t\r\n")
_PADDING = re.compile(rb"(?<![ \t])[ \t]++(?=\r?\n)")  # added on the way, it is no text  # RFC 2045 §6.7


def decoded(body: bytes, encoding: bytes) -> bytes:
    """The body as it was before transport, as a lenient mail program reads it."""
    word = encoding.strip().lower()
    if word.startswith(b"quoted-printable"):
        if any(ending in body for ending in _PADDED):
            body = _PADDING.sub(b"", body)
        return quopri.decodestring(body)
    if word.startswith(b"base64"):
        clean = body.translate(None, _NOT_BASE64)
        return b"".join(map(_base64, clean.split(b"=")))  # padding in the middle ends nothing for many programs
    if word.startswith((b"x-uuencode", b"uuencode", b"x-uue")):
        return _uuencoded(body)
    return body


def _base64(octets: bytes) -> bytes:
    if len(octets) % 4 == 1:
        octets = octets[:-1]
    return binascii.a2b_base64(octets + b"=" * (-len(octets) % 4))


def _uuencoded(body: bytes) -> bytes:
    out: list[bytes] = []
    for line in body[: _UU_MOST * 63].split(b"\n", _UU_MOST)[:_UU_MOST]:
        line = line.rstrip(b"\r")  # noqa: PLW2901  the same line without its end
        if line.startswith((b"begin ", b"end")) or not line:
            continue
        said = 1 + (((line[0] - 32) & 63) * 4 + 2) // 3  # octets that the line says it has
        for read in (line, line[:said]):  # some programs write more behind it
            with contextlib.suppress(binascii.Error):
                out.append(binascii.a2b_uu(read))
                break
    return b"".join(out)

"""The binary header of the PROXY protocol, version 2: fixed part, addresses, TLVs.

Called by preamble with a whole header.
Never keeps a TLV it does not know; a checksum that is there must be right.
Fails with PeerError on what the specification does not allow.
"""

import ipaddress
import struct

import msgspec

from hatoba.model.status import PeerError, Status

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
FIXED = 16  # octets: signature, version and command, family, length
LENGTH_MOST = 4096  # of addresses and TLVs; real ones have some hundreds

_LOCAL, _PROXY = 0x20, 0x21
_UNSPEC, _TCP4, _TCP6 = 0x00, 0x11, 0x21
_FAMILIES = {_UNSPEC: 0, _TCP4: 12, _TCP6: 36}  # octets of the addresses  # §2.2
_AUTHORITY, _CRC32C, _SSL = 0x02, 0x03, 0x20
_SSL_VERSION, _SSL_CIPHER = 0x21, 0x23
_CLIENT_SSL = 0x01
_AUTHORITY_MOST = 255


class Header(msgspec.Struct, frozen=True, gc=False):
    """`ends` are source address and port, destination address and port; None when the proxy tells of nobody."""

    ends: tuple[str, int, str, int] | None
    tls: str | None = None
    authority: str = ""


def length(octets: bytes) -> int:
    """How many octets follow the 16 of the fixed part. PeerError when the fixed part is wrong. # §2.2"""
    command, family, count = struct.unpack_from(">BBH", octets, 12)
    if command not in (_LOCAL, _PROXY):
        raise _wrong("another version or command than LOCAL and PROXY")
    if command == _PROXY and family not in _FAMILIES:
        raise _wrong("a family that is neither TCP over IPv4 nor over IPv6")
    if count > LENGTH_MOST:
        raise _wrong(f"more than {LENGTH_MOST} octets of addresses and TLVs")
    if command == _PROXY and count < _FAMILIES[family]:
        raise _wrong("fewer octets than the addresses take")
    return int(count)


def read(octets: bytes) -> Header:
    """The header; `octets` are all of it and no more."""
    local, family = octets[12] == _LOCAL, octets[13]
    if local:  # whatever else it says is to be skipped  # §2.2
        return Header(None)
    start = FIXED + _FAMILIES[family]
    tlvs = _tlvs(octets, start)
    for at, value in tlvs.get(_CRC32C, ()):
        _check(octets, at, value)
    if family == _UNSPEC:
        return Header(None)
    _, authority = tlvs.get(_AUTHORITY, [(0, b"")])[0]
    if len(authority) > _AUTHORITY_MOST:
        raise _wrong("a host name that is too long")
    tls = [_tls(octets, at, value) for at, value in tlvs.get(_SSL, ())]
    return Header(_ends(octets, family), tls[0] if tls else None, _text(authority))


def crc32c(octets: bytes) -> int:
    """The CRC-32 with Castagnoli's polynomial. # RFC 9260 appendix A (CRC32c)"""
    value = 0xFFFFFFFF
    for octet in octets:
        value = value >> 8 ^ _TABLE[(value ^ octet) & 0xFF]
    return value ^ 0xFFFFFFFF


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)  # noqa: PLW2901 # the register being shifted
        table.append(value)
    return table


_TABLE = _table()


def _ends(octets: bytes, family: int) -> tuple[str, int, str, int]:
    if family == _TCP4:
        source, dest, one, two = struct.unpack_from(">4s4sHH", octets, FIXED)
        return str(ipaddress.IPv4Address(source)), one, str(ipaddress.IPv4Address(dest)), two
    source, dest, one, two = struct.unpack_from(">16s16sHH", octets, FIXED)
    return str(ipaddress.IPv6Address(source)), one, str(ipaddress.IPv6Address(dest)), two


def _tlvs(octets: bytes, start: int) -> dict[int, list[tuple[int, bytes]]]:
    """Type: where its value stands, and the value. PeerError when one reaches beyond the end. # §2.2"""
    found: dict[int, list[tuple[int, bytes]]] = {}
    at, end = start, len(octets)
    while at < end:
        if at + 3 > end:
            raise _wrong("a TLV that is cut short")
        kind, size = struct.unpack_from(">BH", octets, at)
        at += 3
        if at + size > end:
            raise _wrong("a TLV that is cut short")
        found.setdefault(kind, []).append((at, octets[at : at + size]))
        at += size
    return found


def _check(octets: bytes, at: int, value: bytes) -> None:
    """The checksum is over the whole header with its own four octets zero. # §2.2.4"""
    if len(value) != 4:
        raise _wrong("a checksum that has not four octets")
    if crc32c(octets[:at] + bytes(4) + octets[at + 4 :]) != int.from_bytes(value, "big"):
        raise _wrong("a checksum that does not hold")


def _tls(octets: bytes, at: int, value: bytes) -> str | None:
    """Version and cipher, as far as told; None when the client spoke no TLS. # §2.2.6"""
    if len(value) < 5:
        raise _wrong("a TLV that is cut short")
    inner = _tlvs(octets[: at + len(value)], at + 5)
    if not value[0] & _CLIENT_SSL:
        return None
    words = (_text(inner[kind][0][1]) for kind in (_SSL_VERSION, _SSL_CIPHER) if kind in inner)
    return " ".join(words) or "TLS"


def _text(octets: bytes) -> str:
    """Printable ASCII: these words end in logs and trace headers."""
    if octets.isascii() and octets.decode().isprintable():
        return octets.decode()
    raise _wrong("a text with unprintable octets")


def _wrong(text: str) -> PeerError:
    return PeerError(Status("5.5.2", f"PROXY header with {text}"))

"""ProxyEngine: reads the one PROXY header at the head of a connection, in either version.

Driven by net.pump before the protocol's own engine takes over with `rest()`.
Never decides who may send a header: the listener asks for one only from networks it names.
Fails with PeerError on anything that is not a header, is cut short by its own lengths, or is longer than allowed.

Source: "The PROXY protocol, versions 1 & 2", W. Tarreau, HAProxy (the sections below are that text's).
"""

import ipaddress
from typing import Any

import msgspec

from hatoba.model.status import PeerError, Status
from hatoba.wire.engine import CLOSED, NEED_DATA, PAUSED, Signal
from hatoba.wire.proxy import binary

_TEXT = b"PROXY"
_TEXT_MOST = 107  # octets with the CRLF  # §2.1
_FAMILIES: dict[bytes, type[ipaddress.IPv4Address | ipaddress.IPv6Address]] = {
    b"TCP4": ipaddress.IPv4Address,
    b"TCP6": ipaddress.IPv6Address,
}


class Proxied(msgspec.Struct, frozen=True, gc=False):
    """Who connected to the proxy, and where. Addresses as text, ports as numbers.

    `known` is False when the proxy speaks for itself (LOCAL: a health check) or does not know (UNKNOWN, UNSPEC): the
    addresses are "" and the connection's own count. `tls` is the client's TLS towards the proxy ("TLSv1.3
    TLS_AES_256_GCM_SHA384", as far as told), None without; `authority` the host name it asked for (SNI).
    """

    source_ip: str = ""
    source_port: int = 0
    dest_ip: str = ""
    dest_port: int = 0
    tls: str | None = None
    authority: str = ""
    known: bool = True


class ProxyEngine:
    """The engine's verbs; there is one event and nothing to say."""

    __slots__ = ("_buffer", "_done", "_ended")

    def __init__(self) -> None:
        self._buffer = b""
        self._done = False
        self._ended = False

    def receive(self, data: bytes) -> None:
        """Octets from the proxy; b"" is the end of its stream."""
        self._ended = self._ended or not data
        self._buffer += data

    def next_event(self) -> Proxied | Signal:
        """`Proxied` once; PAUSED from then on. CLOSED when the stream ended before the header did."""
        if self._done:
            return PAUSED
        buffer = self._buffer
        if binary.SIGNATURE.startswith(buffer[:12]):
            found = self._binary(buffer)
        elif _TEXT.startswith(buffer[:5]):
            found = self._text(buffer)
        else:
            raise wrong("no PROXY header")
        if found is None:
            return CLOSED if self._ended else NEED_DATA
        self._done = True
        return found

    def send(self, answer: Any) -> bytes:
        """Nothing is ever said to a proxy."""
        return b""

    def tls_started(self) -> None:
        """TLS comes after the header: PeerError when it began before the header was whole, or stands behind it."""
        if self._buffer:
            raise wrong("TLS began in the middle of a PROXY header")

    def rest(self) -> bytes:
        """The octets behind the header, once; the next engine's. b"" before `Proxied`."""
        if not self._done:
            return b""
        rest, self._buffer = self._buffer, b""
        return rest

    def _text(self, buffer: bytes) -> Proxied | None:
        end = buffer.find(b"\r\n", 0, _TEXT_MOST)
        if end < 0:
            if len(buffer) >= _TEXT_MOST:
                raise wrong(f"a PROXY line has more than {_TEXT_MOST} octets")
            return None
        self._buffer = buffer[end + 2 :]
        return _line(buffer[:end])

    def _binary(self, buffer: bytes) -> Proxied | None:
        if len(buffer) < binary.FIXED:
            return None
        length = binary.length(buffer)
        if len(buffer) < binary.FIXED + length:
            return None
        self._buffer = buffer[binary.FIXED + length :]
        header = binary.read(buffer[: binary.FIXED + length])
        return Proxied(*header.ends, header.tls, header.authority) if header.ends else Proxied(known=False)


def wrong(text: str) -> PeerError:
    """The exception for a header that is none."""
    return PeerError(Status("5.5.2", text))


def _line(line: bytes) -> Proxied:
    """PROXY TCP4|TCP6 source destination port port, or PROXY UNKNOWN and anything. # §2.1"""
    words = line.split(b" ")
    if words[0] != _TEXT or len(words) < 2:
        raise wrong("a malformed PROXY line")
    if words[1] == b"UNKNOWN":
        return Proxied(known=False)
    family = _FAMILIES.get(words[1])
    if family is None or len(words) != 6:
        raise wrong("a malformed PROXY line")
    source, dest = _address(words[2], family), _address(words[3], family)
    return Proxied(source, _port(words[4]), dest, _port(words[5]))


def _address(word: bytes, family: type[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> str:
    try:
        text = word.decode("ascii")
        if "%" in text:  # a zone means nothing on another machine
            raise ValueError
        return str(family(text))
    except ValueError:
        raise wrong("a malformed address in a PROXY line") from None


def _port(word: bytes) -> int:
    """0 to 65535 in decimal, without leading zeros. # §2.1"""
    if not word.isdigit() or len(word) > 5 or (len(word) > 1 and word[:1] == b"0") or int(word) > 65535:
        raise wrong("a malformed port in a PROXY line")
    return int(word)

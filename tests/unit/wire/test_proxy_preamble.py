import ipaddress
import struct

import pytest

from hatoba.model.status import PeerError
from hatoba.wire.engine import CLOSED, NEED_DATA, PAUSED
from hatoba.wire.proxy import Proxied, ProxyEngine, binary


def run(octets: bytes) -> tuple[object, bytes]:
    engine = ProxyEngine()
    engine.receive(octets)
    event = engine.next_event()
    return event, engine.rest()


def tlv(kind: int, value: bytes) -> bytes:
    return struct.pack(">BH", kind, len(value)) + value


def header(command: int = 0x21, family: int = 0x11, rest: bytes = b"", count: int | None = None) -> bytes:
    length = len(rest) if count is None else count
    return binary.SIGNATURE + struct.pack(">BBH", command, family, length) + rest


def ends(source: str = "192.0.2.1", dest: str = "198.51.100.2", one: int = 56324, two: int = 25) -> bytes:
    packed = b"".join(ipaddress.ip_address(text).packed for text in (source, dest))
    return packed + struct.pack(">HH", one, two)


V6 = ends("2001:db8::1", "2001:db8::2")


# ---- version 1


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 25\r\n", Proxied("192.0.2.1", 56324, "198.51.100.2", 25)),
        (b"PROXY TCP4 255.255.255.255 192.0.2.0 65535 0\r\n", Proxied("255.255.255.255", 65535, "192.0.2.0", 0)),
        (b"PROXY TCP6 2001:DB8:0::1 ::1 1 2\r\n", Proxied("2001:db8::1", 1, "::1", 2)),
        (b"PROXY UNKNOWN\r\n", Proxied(known=False)),
        (b"PROXY UNKNOWN ffff::1 whatever it says\r\n", Proxied(known=False)),
    ],
)
def test_a_line(line: bytes, event: Proxied) -> None:
    assert run(line + b"EHLO x\r\n") == (event, b"EHLO x\r\n")


@pytest.mark.parametrize(
    "line",
    [
        b"EHLO x\r\n",
        b"PROXX",
        b"PROXYTCP4 1.1.1.1 2.2.2.2 1 2\r\n",
        b"PROXY\r\n",
        b"PROXY \r\n",
        b"proxy UNKNOWN\r\n",
        b"PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n",
        b"PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n",
        b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n",
        b"PROXY  TCP4 1.1.1.1 2.2.2.2 1 2\r\n",
        b"PROXY TCP4 1.1.1 2.2.2.2 1 2\r\n",
        b"PROXY TCP4 01.1.1.1 2.2.2.2 1 2\r\n",
        b"PROXY TCP4 ::1 ::1 1 2\r\n",
        b"PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n",
        b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
        b"PROXY TCP4 1.1.1.1 2.2.2.2 65536 2\r\n",
        b"PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n",
        b"PROXY TCP4 1.1.1.1 2.2.2.2 -1 2\r\n",
        b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2222222\r\n",
        b"PROXY TCP4 1.1.1.1 2.2.2.2  2\r\n",
        b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.² 1 2\r\n".encode(),
        b"PROXY TCP4 1.1.1.1 2.2.2.2 1 " + "²".encode() + b"\r\n",
        b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n",
        b"PROXY " + b"x" * 101,
    ],
)
def test_a_line_that_is_none(line: bytes) -> None:
    with pytest.raises(PeerError):
        run(line)


def test_a_line_has_at_most_107_octets() -> None:
    assert run(b"PROXY UNKNOWN " + b"x" * 91 + b"\r\n") == (Proxied(known=False), b"")
    assert run(b"PROXY UNKNOWN " + b"x" * 91) == (NEED_DATA, b"")


# ---- version 2


@pytest.mark.parametrize(
    ("octets", "event"),
    [
        (header(rest=ends()), Proxied("192.0.2.1", 56324, "198.51.100.2", 25)),
        (header(family=0x21, rest=V6), Proxied("2001:db8::1", 56324, "2001:db8::2", 25)),
        (
            header(rest=ends() + tlv(0x04, b"\0" * 9) + tlv(0xEE, b"own")),
            Proxied("192.0.2.1", 56324, "198.51.100.2", 25),
        ),
        (header(0x20, 0x00), Proxied(known=False)),
        (header(0x20, 0xFF, b"whatever it says"), Proxied(known=False)),
        (header(0x21, 0x00), Proxied(known=False)),
        (header(0x21, 0x00, tlv(0x04, b"")), Proxied(known=False)),
        (
            header(rest=ends() + tlv(0x02, b"mx.example")),
            Proxied("192.0.2.1", 56324, "198.51.100.2", 25, authority="mx.example"),
        ),
    ],
)
def test_a_header(octets: bytes, event: Proxied) -> None:
    assert run(octets + b"EHLO x\r\n") == (event, b"EHLO x\r\n")


@pytest.mark.parametrize(
    ("value", "tls"),
    [
        (
            b"\x01" + bytes(4) + tlv(0x21, b"TLSv1.3") + tlv(0x23, b"TLS_AES_256_GCM_SHA384"),
            "TLSv1.3 TLS_AES_256_GCM_SHA384",
        ),
        (b"\x07" + bytes(4) + tlv(0x22, b"client") + tlv(0x21, b"TLSv1.2"), "TLSv1.2"),
        (b"\x01" + bytes(4), "TLS"),
        (b"\x00" + bytes(4) + tlv(0x21, b"TLSv1.3"), None),
    ],
)
def test_the_clients_tls(value: bytes, tls: str | None) -> None:
    event, _ = run(header(rest=ends() + tlv(0x20, value)))
    assert isinstance(event, Proxied)
    assert event.tls == tls


def checked(family: int, addresses: bytes, wrong: int = 0) -> bytes:
    rest = addresses + tlv(0x04, b"x")
    blank = header(family=family, rest=rest + tlv(0x03, bytes(4)))
    return header(family=family, rest=rest + tlv(0x03, struct.pack(">I", binary.crc32c(blank) ^ wrong)))


@pytest.mark.parametrize(("family", "addresses"), [(0x11, ends()), (0x21, V6), (0x00, b"")])
def test_a_checksum_that_is_there_must_hold(family: int, addresses: bytes) -> None:
    assert isinstance(run(checked(family, addresses))[0], Proxied)
    with pytest.raises(PeerError, match="checksum"):
        run(checked(family, addresses, wrong=1))


def test_the_check_value_of_the_polynomial() -> None:
    assert binary.crc32c(b"123456789") == 0xE3069283


@pytest.mark.parametrize(
    "octets",
    [
        binary.SIGNATURE[:5] + b"x",
        b"\r\n\r\nEHLO",
        header(0x11),
        header(0x22),
        header(0x31),
        header(family=0x12, rest=ends()),
        header(family=0x31, rest=bytes(216)),
        header(family=0xFF),
        header(rest=ends()[:-1]),
        header(family=0x21, rest=V6[:-1]),
        header(rest=ends() + b"\x04"),
        header(rest=ends() + b"\x04\x00"),
        header(rest=ends() + b"\x04\x00\x01"),
        header(rest=ends() + tlv(0x03, b"abc")),
        header(rest=ends() + tlv(0x02, b"x" * 256)),
        header(rest=ends() + tlv(0x02, b"a\nb")),
        header(rest=ends() + tlv(0x02, "é".encode())),
        header(rest=ends() + tlv(0x20, b"\x01\0\0\0")),
        header(rest=ends() + tlv(0x20, b"\x01\0\0\0\0" + tlv(0x21, b"\r\n"))),
        header(rest=ends() + tlv(0x20, b"\x01\0\0\0\0\x21\x00\x09TLS") + tlv(0x04, b"behind it")),
        header(count=4097),
        header(0x20, count=65535),
        header(0x21, 0x00, b"\x04\x00"),
    ],
)
def test_a_header_that_is_none(octets: bytes) -> None:
    with pytest.raises(PeerError):
        run(octets)


# ---- the engine's verbs


def test_the_verbs() -> None:
    engine = ProxyEngine()
    assert engine.next_event() is NEED_DATA
    engine.receive(b"PROXY UNKNOWN\r")
    assert engine.next_event() is NEED_DATA
    assert engine.rest() == b"", "it is no rest yet"
    with pytest.raises(PeerError, match="middle"):
        engine.tls_started()
    engine.receive(b"\n")
    assert engine.next_event() == Proxied(known=False)
    assert engine.next_event() is PAUSED
    engine.receive(b"more")
    assert engine.send("anything") == b""
    assert engine.rest() == b"more"
    assert engine.rest() == b""
    engine.tls_started()


@pytest.mark.parametrize("octets", [b"", b"PRO", b"\r\n\r\n", b"PROXY UNKNOWN", header(rest=ends())[:-1]])
def test_the_stream_ends_before_the_header(octets: bytes) -> None:
    engine = ProxyEngine()
    if octets:
        engine.receive(octets)
    engine.receive(b"")
    assert engine.next_event() is CLOSED


def test_the_stream_ends_behind_the_header() -> None:
    engine = ProxyEngine()
    engine.receive(b"PROXY UNKNOWN\r\n")
    engine.receive(b"")
    assert engine.next_event() == Proxied(known=False)

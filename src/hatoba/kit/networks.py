"""Networks: which of very many IP networks an address is in, the narrowest first.

Made by the rooms that keep lists of networks (directory, intake); asked for each connection or recipient.
Never resolves a name.
Fails with ValueError on what is no network; a text that is no address is in none.
"""

import ipaddress
from collections.abc import Callable, Iterator
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


def network(written: str) -> Network:
    """ "192.0.2.0/24", "2001:db8::/32", or one address; an IPv4-mapped one is the IPv4 it means. ValueError."""
    found = ipaddress.ip_network(written.strip())
    if isinstance(found, ipaddress.IPv6Network) and found.prefixlen >= 96 and found.subnet_of(_MAPPED):
        return ipaddress.IPv4Network((int(found.network_address) & 0xFFFFFFFF, found.prefixlen - 96))
    return found


def address(written: str) -> Address | None:
    """The address a client has, its zone dropped, an IPv4-mapped one as IPv4; None for what is none."""
    try:
        found = ipaddress.ip_address(written.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        return found.ipv4_mapped or found
    return found


def around(found: Address, prefix4: int, prefix6: int) -> Network:
    """The network of that size the address is in: `prefix4` bits of IPv4, `prefix6` of IPv6."""
    if isinstance(found, ipaddress.IPv4Address):
        return ipaddress.IPv4Network((found, prefix4), strict=False)
    return ipaddress.IPv6Network((found, prefix6), strict=False)


def counted(ip: str) -> str:
    """What a client is counted by: its IPv4 address, or the /64 its IPv6 address is in; `ip` itself if it is none."""
    if ":" not in ip:
        return ip
    found = address(ip)
    return ip if found is None else str(found) if found.version == 4 else str(around(found, 32, 64))


class Networks(Generic[T]):
    """A value for each network. A look-up costs a probe for each prefix length in use, however many there are."""

    __slots__ = ("_lengths", "_tables")

    def __init__(self) -> None:
        self._tables: dict[tuple[int, int], dict[int, T]] = {}  # (version, prefix length) → network's bits → value
        self._lengths: dict[int, list[tuple[int, dict[int, T]]]] = {4: [], 6: []}  # (shift, table), narrow first

    def __len__(self) -> int:
        return sum(map(len, self._tables.values()))

    def put(self, known: Network, value: T) -> None:
        """Keeps a value for a network, instead of the one it had."""
        bits = int(known.network_address) >> (known.max_prefixlen - known.prefixlen)
        self._table(known.version, known.prefixlen)[bits] = value

    def slot(self, spelled: str, empty: Callable[[], T]) -> T:
        """The value of a network as str() spells it, made by `empty` where it has none. Ten times as fast as put."""
        address, _, length = spelled.partition("/")
        if ":" in address:
            version, bits, prefix = 6, int(ipaddress.IPv6Address(address)), int(length)
            bits >>= 128 - prefix
        else:
            first, second, third, fourth = address.split(".")
            version, prefix = 4, int(length)
            bits = (int(first) << 24 | int(second) << 16 | int(third) << 8 | int(fourth)) >> (32 - prefix)
        table = self._table(version, prefix)
        found = table.get(bits)
        if found is None:
            found = table[bits] = empty()
        return found

    def find(self, found: Address) -> Iterator[T]:
        """The values of the networks the address is in, the narrowest first."""
        bits = int(found)
        for shift, table in self._lengths[found.version]:
            value = table.get(bits >> shift)
            if value is not None:
                yield value

    def _table(self, version: int, prefix: int) -> dict[int, T]:
        table = self._tables.get((version, prefix))
        if table is None:
            table = self._tables[version, prefix] = {}
            lengths = self._lengths[version]
            lengths.append(((32 if version == 4 else 128) - prefix, table))
            lengths.sort(key=lambda pair: pair[0])
        return table

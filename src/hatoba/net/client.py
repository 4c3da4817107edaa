"""Dialling: from a source address, to one address after the other until one answers in time.

Called by delivery, and by app's `send` and `ports`.
Never looks up a name: addresses come in, in the order to try; their families choose the source address.
Fails with Unreachable, which says for each address why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from hatoba.net.pump import Pump


class Tried(msgspec.Struct, frozen=True, gc=False):
    """One address that did not answer. `why` is for a person; `timed_out` tells silence from a refusal."""

    ip: str
    port: int
    why: str
    timed_out: bool = False


class Unreachable(Exception):
    """None of the addresses answered."""

    def __init__(self, tried: tuple[Tried, ...]) -> None:
        super().__init__("; ".join(f"{t.ip}:{t.port}: {t.why}" for t in tried) or "no address to try")
        self.tried = tried


class Source(msgspec.Struct, frozen=True, gc=False):
    """The address of ours to dial from, for each IP version; "" lets the kernel choose."""

    ipv4: str = ""
    ipv6: str = ""

    def of(self, ip: str) -> str:
        return self.ipv6 if ":" in ip else self.ipv4


ANY = Source()


async def dial(
    make: Callable[[], Pump],
    ip: str,
    port: int,
    *,
    timeout: float,
    source: Source = ANY,
) -> Pump:
    """One address: the pump `make` gave, connected (with implicit TLS the handshake goes on by itself).

    OSError or TimeoutError; `timeout` seconds for the TCP connection.
    """
    loop = asyncio.get_running_loop()
    local = source.of(ip)
    async with asyncio.timeout(timeout):
        _, pump = await loop.create_connection(
            make,
            ip,
            port,
            local_addr=(local, 0) if local else None,
        )
    return pump


async def connect(
    make: Callable[[], Pump],
    addresses: Sequence[tuple[str, int]],
    *,
    timeout: float,
    source: Source = ANY,
) -> Pump:
    """The first (ip, port) that answers within `timeout` seconds each. Unreachable when none does.

    `make` is called afresh for each address, so that no pump is used twice.
    """
    tried = []
    for ip, port in addresses:
        try:
            return await dial(make, ip, port, timeout=timeout, source=source)
        except TimeoutError:
            tried.append(Tried(ip, port, f"no answer within {timeout:g} s", timed_out=True))
        except OSError as error:
            tried.append(Tried(ip, port, error.strerror or str(error)))
    raise Unreachable(tuple(tried))

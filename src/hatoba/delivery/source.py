"""Sources: which of our addresses a connection leaves from: in turn, the unhealthy ones left out for a while.

Kept by courier, asked by dial for each connection.
Never binds a socket. Fails in nothing: when every address of a family is ill the one ill longest is taken.
"""

import ipaddress

_ILL = 60.0  # seconds a source that could not be bound or reached nobody is passed over


class Sources:
    """`ips` of both families; with none of a family the system chooses ("")."""

    def __init__(self, ips: tuple[str, ...]) -> None:
        self._by_family: dict[int, list[str]] = {4: [], 6: []}
        for ip in ips:
            self._by_family[ipaddress.ip_address(ip).version].append(ip)
        self._turn = {4: 0, 6: 0}
        self._ill: dict[str, float] = {}

    def usable(self, family: int) -> bool:
        """Whether a connection of this family may be made: with only IPv4 sources set, IPv6 hosts are out of reach."""
        other = 10 - family
        return bool(self._by_family[family]) or not self._by_family[other]

    def pick(self, family: int, now: float) -> str:
        """The next source for `family` (4 or 6), "" to leave it to the system. `now` in steady seconds."""
        ips = self._by_family[family]
        if not ips:
            return ""
        for _ in ips:
            ip = ips[self._turn[family] % len(ips)]
            self._turn[family] += 1
            if self._ill.get(ip, 0.0) <= now:
                return ip
        return min(ips, key=lambda ip: self._ill.get(ip, 0.0))

    def count(self, family: int) -> int:
        """How many addresses of the family there are."""
        return len(self._by_family[family])

    def failed(self, ip: str, now: float) -> None:
        """Binding to `ip` failed (it is not up on this host)."""
        self._ill[ip] = now + _ILL

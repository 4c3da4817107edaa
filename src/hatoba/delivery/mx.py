"""MX: the hosts that take mail for a domain, in order. # RFC 5321 §5.1

Called by route (which caches what it says). Asks DNS through the one resolver; CNAMEs are followed there.
Never asks for the hosts' addresses (dial does, late), but for a domain without MX: then the domain is the host.
Fails with Refusal: 5.1.2 no such domain, 5.1.10 null MX, 5.1.3 bad literal, 5.4.6 loop, 4.4.3 DNS trouble.
"""

import ipaddress
from collections.abc import Collection

from hatoba.delivery.site import Host
from hatoba.model.status import Refusal, Status
from hatoba.net import dns

_MOST_HOSTS = 50  # a domain with more is cut at its best ones


async def hosts(
    resolver: dns.Resolver, domain: str, own: Collection[str], *, ipv6: bool = True
) -> tuple[tuple[Host, ...], float]:
    """(hosts sorted by preference then name, seconds they may be remembered). `own`: our names, lower case.

    A list that holds one of our names is cut there: that host and all not better than it are left out.
    """
    try:
        answer = await resolver.query(domain, "MX")
        if answer.status == "nxdomain":
            raise Refusal(Status("5.1.2", f"the domain {domain} does not exist"))
        if answer.status == "ok":
            found = [Host(name.lower().rstrip("."), preference) for preference, name in answer.records]
            ttl = float(answer.ttl)
        else:
            found, ttl = await _implicit(resolver, domain, ipv6)
    except dns.DnsTrouble as trouble:
        raise Refusal(Status("4.4.3", f"DNS did not tell the mail hosts of {domain}: {trouble}")) from trouble
    return _usable(domain, found, own), ttl


async def _implicit(resolver: dns.Resolver, domain: str, ipv6: bool) -> tuple[list[Host], float]:
    """The domain itself, if it has an address. # RFC 5321 §5.1 ¶3"""
    ttl = 0.0
    for rtype in ("A", "AAAA") if ipv6 else ("A",):
        answer = await resolver.query(domain, rtype)
        if answer.status == "ok":
            return [Host(domain)], float(answer.ttl)
        ttl = max(ttl, float(answer.ttl))
    raise Refusal(Status("5.1.2", f"the domain {domain} has neither mail hosts (MX) nor an address"))


def _usable(domain: str, found: list[Host], own: Collection[str]) -> tuple[Host, ...]:
    named = sorted((host for host in found if host.name), key=lambda host: (host.preference, host.name))
    if not named:
        raise Refusal(Status("5.1.10", f"the domain {domain} takes no mail (null MX)"))  # RFC 7505 §3
    ours = next((host.preference for host in named if host.name in own), None)
    if ours is not None:
        named = [host for host in named if host.preference < ours]
        if not named:
            raise Refusal(Status("5.4.6", f"mail for {domain} loops back to this host: it is the best MX"))
    return tuple(named[:_MOST_HOSTS])


def literal(domain: str) -> Host:
    """The host of an address literal: "[192.0.2.1]", "[IPv6:2001:db8::1]". # RFC 5321 §4.1.3"""
    inside = domain.strip("[]")
    if inside[:5].lower() == "ipv6:":
        inside = inside[5:]
    try:
        return Host(str(ipaddress.ip_address(inside)))
    except ValueError as error:
        raise Refusal(Status("5.1.3", f"{domain} is no address literal")) from error

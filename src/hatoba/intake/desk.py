"""Desk: where letters are taken in. Holds what every transaction shares and opens one for each MAIL.

Made by app, one per worker; used by every door that takes letters.
Never keeps a transaction; never reads a clock or draws an id: both are arguments.
Fails with Refusal when the reverse-path is not wanted, ValueError on settings that make no sense.
"""

import ipaddress
from collections.abc import Callable

from hatoba.directory.directory import Directory
from hatoba.intake import trace
from hatoba.intake.case import SUBMISSION_DOORS, Case, Mail, Place, Visit
from hatoba.intake.settings import Settings
from hatoba.intake.transaction import Transaction
from hatoba.model.envelope import Source
from hatoba.store.blobs import Draft

_VISITS = 8192  # connections whose part of the Received field is kept


class Desk:
    """`drafts` starts the body of a large letter (shard.blobs.draft). `hostname` is the name we greet with.

    `lifetime` is how long a letter may stay in the queue, in seconds (queue.expire).
    """

    def __init__(
        self,
        settings: Settings,
        directory: Directory,
        hostname: str,
        drafts: Callable[[int], Draft],
        lifetime: float = 5 * 86400.0,
    ) -> None:
        self.settings = settings
        self._place = Place(
            settings=settings,
            directory=directory,
            hostname=hostname,
            drafts=drafts,
            dates=trace.Dates(),
            own=f"by {hostname.lower()} ".encode(),
            lifetime=round(lifetime * 1000),
            spill=max(settings.spill, settings.header),
        )
        self._networks = [_network(written) for written in settings.relay_networks]
        self._visits: dict[tuple[Source, str], Visit] = {}

    def begin(self, source: Source, mail: Mail, number: int, now: int, verb: str = "EHLO") -> Transaction:
        """Opens the transaction of a MAIL, or raises Refusal. `number`: the letter's id, `verb`: the client's greeting.

        `mail` may be the wire's Mail event as it stands (see case.Mail). `source.account` is the key of an account.
        """
        visit = self._visits.get((source, verb))
        if visit is None:
            visit = self._visit(source, verb)
        place = self._place
        case = Case(place.settings, place.directory, source, visit.submitted, visit.trusted, mail, [])
        return Transaction(place, visit, case, number, now)

    def _visit(self, source: Source, verb: str) -> Visit:
        submitted = source.door in SUBMISSION_DOORS
        head = trace.head(source, verb, self._place.hostname, submitted and self.settings.hide_client)
        visit = Visit(head, submitted, bool(source.account) or self._inside(source.ip))
        if len(self._visits) >= _VISITS:
            self._visits.clear()
        self._visits[source, verb] = visit
        return visit

    def _inside(self, ip: str) -> bool:
        """Whether the client's address is in one of the relay networks; an IPv4-mapped one counts as IPv4."""
        if not self._networks:
            return False
        try:
            address = ipaddress.ip_address(ip)
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)


def _network(written: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(written)
    except ValueError as error:
        raise ValueError(f"relay_networks: {written!r} is no network in CIDR form: {error}") from None

"""Desk: where letters are taken in. Holds what every transaction shares and opens one for each MAIL.

Made by app, one per worker; used by every door that takes letters.
Never keeps a transaction; never reads a clock or draws an id: both are arguments.
Fails with Refusal when the reverse-path is not wanted, ValueError on settings that make no sense.
"""

import ipaddress
from collections.abc import Callable, Sequence

from hatoba.directory.directory import Directory
from hatoba.intake import connection, roster, trace
from hatoba.intake.asking import Steps
from hatoba.intake.authenticity import Authenticity
from hatoba.intake.case import LMTP, NOBODY, NOTHING, SUBMISSION_DOORS, Case, Client, Mail, Place, Reverse, Visit
from hatoba.intake.rewriting import own, preview, rewriter
from hatoba.intake.rewriting import settings as rewrite_settings
from hatoba.intake.settings import Settings
from hatoba.intake.tally import Tally
from hatoba.intake.transaction import Transaction
from hatoba.model.address import Address
from hatoba.model.envelope import Letter, Recipient, Source
from hatoba.store.blobs import Draft

_VISITS = 8192  # connections whose part of the Received field is kept


class Desk:
    """`drafts` starts the body of a large letter (shard.blobs.draft). `hostname` is the name we greet with.

    `lifetime` is how long a letter may stay in the queue, in seconds (queue.expire). `filters` are the checks that
    ask; without them no step of a letter has to wait. `tally` counts what they say. `rewrite`: maps, rules and
    return addresses of forwards.
    """

    def __init__(
        self,
        settings: Settings,
        directory: Directory,
        hostname: str,
        drafts: Callable[[int], Draft],
        lifetime: float = 5 * 86400.0,
        *,
        filters: roster.Filters | None = None,
        tally: Tally | None = None,
        rewrite: rewrite_settings.Settings | None = None,
    ) -> None:
        self.settings = settings
        filters = filters or roster.Filters()
        self._rewrite = rewrite or rewrite_settings.Settings()
        self._place = Place(
            settings=settings,
            directory=directory,
            hostname=hostname,
            drafts=drafts,
            dates=trace.Dates(),
            own=f"by {hostname.lower()} ".encode(),
            lifetime=round(lifetime * 1000),
            spill=max(settings.spill, settings.header),
            filters=filters,
            tally=tally or Tally(),
            authserv_id=filters.auth.authserv_id or hostname,
            rewriter=rewriter.Rewriter(self._rewrite),
        )
        self._networks = [_network(written) for written in settings.relay_networks]
        self._visits: dict[tuple[Source, str], Visit] = {}

    def begin(
        self, source: Source, mail: Mail, number: int, now: int, verb: str = "EHLO", client: Client | None = None
    ) -> Transaction:
        """Opens the transaction of a MAIL, or raises Refusal. `number`: the letter's id, `verb`: the client's greeting.

        `mail` may be the wire's Mail event as it stands (see case.Mail). `source.account` is the key of an account.
        `client` is what the connection remembers from one letter to the next; without it nothing is remembered.
        """
        visit = self._visits.get((source, verb))
        if visit is None:
            visit = self._visit(source, verb)
        known = NOTHING
        if visit.checks.any:
            client, known = Client() if client is None else client, Authenticity()
        place = self._place
        case = Case(
            place.settings, place.directory, source, visit.submitted, visit.trusted, mail, [], now, place.hostname,
            client or NOBODY, known,
        )  # fmt: skip
        return Transaction(place, visit, case, number, now)

    def readdress(self, letter: Letter, now: int) -> Letter:
        """A letter of our own, which came in by no door, with its recipients as they are to be delivered to."""
        return own.readdressed(self._place.directory, self._rewrite.srs, letter, now)

    def forwarded(self, sender: Address, here: str, now: int) -> Address:
        """The reverse-path of a letter that somebody of the domain `here` sends on."""
        return own.forwarded(self._place.directory, self._rewrite.srs, sender, here, now)

    def preview(
        self, source: Source, mail: Mail, recipients: Sequence[Recipient], content: bytes, now: int
    ) -> preview.Preview:
        """What rewriting would make of a letter; nothing is taken in. `content` begins with the whole header."""
        place = self._place
        visit = self._visit(source, "EHLO")
        case = Case(
            place.settings, place.directory, source, visit.submitted, visit.trusted, mail, [], now, place.hostname,
            NOBODY, NOTHING,
        )  # fmt: skip
        return preview.preview(place.rewriter, case, recipients, content, place.own)

    def greeted(self, source: Source, client: Client, now: int) -> Steps[None] | None:
        """What is to be asked about a client before it is greeted; Refusal where it is turned away. None: nothing."""
        if not self._place.filters.table.settings.greet:
            return None
        visit = self._visit(source, "EHLO")
        if not visit.checks.connect:
            return None
        place = self._place
        nobody = Reverse(None)
        case = Case(
            place.settings, place.directory, source, visit.submitted, visit.trusted, nobody, [], now, place.hostname,
            client,
        )  # fmt: skip
        return connection.asked(visit.checks, self._place, case)

    def _visit(self, source: Source, verb: str) -> Visit:
        submitted = source.door in SUBMISSION_DOORS
        head = trace.head(source, verb, self._place.hostname, submitted and self.settings.hide_client)
        handed = source.door == LMTP  # it is near, but carries letters for us alone, and of anybody
        trusted = not handed and (bool(source.account) or self._inside(source.ip))
        filters = self._place.filters
        visit = Visit(head, submitted, trusted, filters.inside if submitted or trusted or handed else filters.outside)
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

"""Made: what was counted about a domain on a day, as the report that tells it.

Called by office when a domain wants to hear; the result is kept until it is sent.
Never asks who wants it, never sends it and never draws an id: `mark` is an argument.
Fails never: rows that cannot be read are left out and counted in the report's errors.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from hatoba.mailauth.dmarc.aggregate import form, observe
from hatoba.mailauth.tlsrpt import report as tlsrpt
from hatoba.mailauth.tlsrpt import tally
from hatoba.model.address import Address
from hatoba.reports import evidence, kinds
from hatoba.store.rows import TallyRow

SECONDS = 86_400  # of a day
_CONFIGURATIONS = 5  # of one domain and day have a report each
_GENERATOR = "hatoba"


class Who(NamedTuple):
    """Who reports: the From address, the name and the contact that stand in a report; our host name."""

    address: Address
    organization: str
    contact: str
    hostname: str

    @property
    def receiver(self) -> str:
        """The domain that reports, as file names and subjects have it; it is the one that signs."""
        return self.address.domain


class Outgoing(msgspec.Struct, frozen=True, omit_defaults=True):
    """The data of a report of ours. `domain` is whose record is asked for addresses, `done` holds those that have it.

    `begun`: it may have been sent already, though nothing says so. `letters`: the ids of those that carry it. `why`:
    what went wrong last.
    """

    domain: str
    dmarc: form.Report | None = None
    tls: tlsrpt.Report | None = None
    begun: bool = False
    tries: int = 0
    done: tuple[str, ...] = ()
    letters: tuple[str, ...] = ()
    why: str = ""

    @property
    def number(self) -> str:
        """The report's own id."""
        if self.dmarc is not None:
            return self.dmarc.report_id
        return self.tls.id if self.tls is not None else ""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Outgoing).decode


def data(outgoing: Outgoing) -> bytes:
    return _encode(outgoing)


def read(octets: bytes) -> Outgoing:
    """msgspec.MsgspecError when it is none."""
    return _decode(octets)


def number(kind: str, domain: str, day: int, who: Who, mark: str) -> str:
    """An id for a report: letters and digits only, so that it can be a file's unique-id, too. # RFC 9990 §3.5"""
    whole = "\0".join((kind, domain, str(day), who.hostname, str(who.address), mark))
    return hashlib.sha256(whole.encode()).hexdigest()[:24]


def span(day: int, now: int) -> tuple[int, int]:
    """The first and last second of a day; of today up to `now` (ms)."""
    begin = day * SECONDS
    return begin, max(begin, min(begin + SECONDS - 1, now // 1000))


def outgoing(
    kind: str, domain: str, day: int, rows: Sequence[TallyRow], who: Who, now: int, mark: str
) -> list[Outgoing]:
    """The reports about one domain and day; [] when there is nothing to tell."""
    if kind == kinds.TLS:
        policies = tally.policies((row.data, row.count) for row in rows)
        made = tlsrpt.Report(
            who.organization, who.contact, number(kind, domain, day, who, mark), *span(day, now), policies
        )
        return [Outgoing(domain, tls=made)] if policies else []
    return [Outgoing(domain, report) for report in _aggregates(domain, day, rows, who, now, mark)]


def _aggregates(domain: str, day: int, rows: Sequence[TallyRow], who: Who, now: int, mark: str) -> list[form.Report]:
    """One for each configuration of the policy that was seen. # RFC 9990 §3.2"""
    groups: dict[form.Published, list[form.Row]] = {}
    untold = 0
    for each in rows:
        seen = evidence.read(each.data) if each.data else None
        if seen is None:
            untold += each.count
        else:
            groups.setdefault(seen.published, []).append(msgspec.structs.replace(seen.row, count=each.count))
    ordered = sorted(groups.items(), key=lambda group: -sum(row.count for row in group[1]))
    for _, more in ordered[_CONFIGURATIONS:]:
        ordered[_CONFIGURATIONS - 1][1].extend(more)
    errors = (f"{untold} letters are not among the rows: there were too many different ones",) if untold else ()
    begin, end = span(day, now)
    return [
        form.Report(
            who.organization, str(who.address), number(kinds.DMARC, domain, day, who, f"{mark}.{place}"), begin, end,
            published, observe.gathered(told), who.contact if who.contact != str(who.address) else "",
            errors if place == 0 else (), _GENERATOR, "1.0" if published.discovery_method == "psl" else "2.0",
        )
        for place, (published, told) in enumerate(ordered[:_CONFIGURATIONS])
    ]  # fmt: skip

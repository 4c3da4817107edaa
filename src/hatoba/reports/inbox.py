"""Inbox: letters delivered to a report address, read from their mailbox once they lie there.

Called by gather with events of the journal, in a thread: the letter was delivered before anybody looks into it.
Never changes a letter; removes one only where the settings say so, once what it told is kept.
Fails never: a letter that holds no report, or that its owner took away, stays what it is, and the log says why.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import msgspec
import structlog

from hatoba.directory.entries import key
from hatoba.kit import ids
from hatoba.model import event
from hatoba.model.address import Address, BadAddress
from hatoba.reports import aside, kinds, shelf
from hatoba.reports.evidence import DAY
from hatoba.reports.settings import Settings
from hatoba.store import journal, reports
from hatoba.store.rows import EventRow, ReportRow
from hatoba.store.sql import Reader

LOCAL = "local"  # the lane of local delivery
_LOCAL = b'"local"'
_log = structlog.get_logger("reports")


class Directory(Protocol):
    """What is asked of the directory here."""

    def account(self, address: Address) -> shelf.Owner | None:
        """Whose mailbox takes this address."""

    def domain(self, name: str) -> object | None:
        """The domain of that name, if it is of this node."""


class Inbox:
    """`addresses` gives those that take reports, `kept` reads rows of reports, `lies` has the letters delivered."""

    def __init__(
        self,
        settings: Settings,
        directory: Directory,
        addresses: Callable[[], frozenset[str]],
        kept: Callable[[], Reader],
        lies: shelf.Shelf,
    ) -> None:
        self.settings = settings
        self._directory = directory
        self._addresses = addresses
        self._kept = kept
        self._lies = lies
        self._read: list[shelf.Found] = []

    def received(self, reader: Reader, seen: Sequence[EventRow], now: int) -> list[ReportRow]:
        """The reports among the letters that these events say were delivered here."""
        self._read.clear()
        addresses = self._addresses()
        if not addresses:
            return []
        wanted = re.compile("|".join(map(re.escape, sorted(addresses))).encode(), re.IGNORECASE)
        found: list[ReportRow] = []
        for row in seen:
            if row.kind == event.DELIVERED:
                found += self._delivered(reader, row, wanted, addresses, now)
        return found

    def done(self) -> None:
        """What was read is kept now: the letters may go."""
        if self.settings.letters == "remove":
            for found in self._read:
                found.remove()
        self._read.clear()

    def _delivered(
        self, reader: Reader, row: EventRow, wanted: re.Pattern[bytes], addresses: frozenset[str], now: int
    ) -> list[ReportRow]:
        """An alias may have led the letter here: then the address stands in its accepted event alone."""
        if _LOCAL not in row.data:
            return []
        accepted = next((one for one in journal.of_letter(reader, row.letter) if one.kind == event.ACCEPTED), None)
        if accepted is None or not (wanted.search(row.data) or wanted.search(accepted.data)):
            return []
        try:
            tried = _tried(row.data)
            taken = _accepted(accepted.data)
            led = [each[2] for each in taken.rewrites if len(each) > 2 and _key(each[1]) in addresses]
            asked = addresses | keys(led)
        except msgspec.MsgspecError:
            return []
        found: list[ReportRow] = []
        for result in tried.results if tried.site == LOCAL else ():
            address = _parsed(result.to)
            if address is not None and key(address) in asked:
                found += self._letter(row.letter, result.n, accepted.at, address, taken.auth, now)
        return found

    def _letter(self, letter: int, n: int, accepted: int, address: Address, auth: str, now: int) -> list[ReportRow]:
        """The reports in one letter of a mailbox; [] with a word in the log."""
        written = ids.text(letter)
        owner = self._directory.account(address)
        if owner is None:
            return []
        most = self.settings.unpacked
        try:
            found = self._lies.find(owner, letter, n, accepted, most)
            if found is None:
                raise ValueError("the letter is not in its mailbox any more")
            rows = aside.read(found.content, now, most=most)
            self._check(rows, auth, now)
        except (OSError, ValueError) as error:
            _log.warning("report not read", letter=written, address=str(address), reason=str(error))
            return []
        self._read.append(found)
        return rows

    def _check(self, rows: Sequence[ReportRow], auth: str, now: int) -> None:
        """ValueError when it is not to be kept: forged, about a stranger's domain, or one too many today."""
        if "dmarc=fail" in auth:
            raise ValueError("its sender failed DMARC: it may be forged")
        for row in rows:
            if row.kind == kinds.TLS and auth and "dkim=pass" not in auth:  # RFC 8460 §3
                raise ValueError("it has no valid DKIM signature, which a TLS report must have")
            if not self.settings.foreign and not self._ours(row.domain):
                raise ValueError(f"it is about {row.domain}, which is no domain of this node (reports.foreign)")
        today = reports.count(self._kept(), kinds.RECEIVED, now // DAY * DAY) + len(self._read) + len(rows)
        if today > self.settings.daily:
            raise ValueError(f"{self.settings.daily} reports were kept today already (reports.daily)")

    def _ours(self, domain: str) -> bool:
        """The domain or one above it is of this node."""
        while domain:
            if self._directory.domain(domain) is not None:
                return True
            domain = domain.partition(".")[2]
        return False


class _Result(msgspec.Struct, frozen=True):
    n: int
    to: str


class _Tried(msgspec.Struct, frozen=True):
    """As much of forms.Tried as is needed here."""

    results: tuple[_Result, ...]
    site: str = ""


class _Accepted(msgspec.Struct, frozen=True):
    """As much of forms.Accepted. `auth`: the findings of Authentication-Results, "" when nothing was checked."""

    auth: str = ""
    rewrites: tuple[tuple[str, ...], ...] = ()  # (what, from, to)


_tried = msgspec.json.Decoder(_Tried).decode
_accepted = msgspec.json.Decoder(_Accepted).decode


def _parsed(written: str) -> Address | None:
    try:
        return Address.parse(written)
    except BadAddress:
        return None


def _key(written: str) -> str:
    address = _parsed(written)
    return key(address) if address is not None else ""


def keys(written: Iterable[str]) -> frozenset[str]:
    """Addresses as people write them, in the form they are compared in; what is none is left out."""
    return frozenset(each for each in map(_key, written) if each)

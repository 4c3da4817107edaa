"""The reports that the store holds, as the command line shows them; files taken in; names of sources.

Called by `hatoba report`. Reads the directory's database; running workers are not asked.
Never decides what a report means: figures sums up, reading reads.
Fails with Unknown for a report that is not there, StoreTrouble when the store cannot be read.
"""

import asyncio
import ipaddress
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from hatoba.app import offline
from hatoba.app.settings import Settings
from hatoba.mailauth.dmarc.aggregate import form
from hatoba.mailauth.tlsrpt import report as tlsrpt
from hatoba.net import dns
from hatoba.reports import figures, kinds, made, reading
from hatoba.reports.complaint import Complaint
from hatoba.store import reports
from hatoba.store.rows import ReportRow
from hatoba.store.sql import Reader, Tx

_DAY = 86_400_000  # ms
PATIENCE = 5.0  # seconds for all names
_MOST = 64 << 20  # octets of a file


class Unknown(ValueError):
    """No such report, or several."""


class Listed(msgspec.Struct, frozen=True):
    """A report in a list. `count` letters, sessions or complaints, `bad` of them failed."""

    id: str
    at: str
    kind: str
    domain: str
    reporter: str
    begins: str
    ends: str
    count: int
    bad: int
    state: str = ""


class Whole(msgspec.Struct, frozen=True):
    """One report with all it says; `columns` and `rows` are its table for people."""

    listed: Listed
    report: Any
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[object, ...], ...] = ()


class Taken(msgspec.Struct, frozen=True):
    """What came of one file."""

    file: str
    new: int = 0
    known: int = 0
    error: str = ""


@contextmanager
def opened(settings: Settings) -> Iterator[Reader]:
    """The directory's database to read from."""
    register = offline.home(settings).register()
    try:
        yield register.reader
    finally:
        register.close()


def listed(reader: Reader, wanted: Sequence[str], days: int, limit: int, domain: str) -> list[Listed]:
    """Reports of the last days, newest first; those still to be sent, too."""
    rows = reports.listed(reader, wanted, _since(days), limit, domain=domain.lower())
    return [_listed(row, figures.content(row)) for row in rows]


def summary(reader: Reader, wanted: Sequence[str], days: int, domain: str) -> figures.Summary:
    """What was reported to us in the last days."""
    return figures.summed(reports.listed(reader, wanted, _since(days), 0, domain=domain.lower()))


def whole(reader: Reader, number: str) -> Whole:
    """The report whose id begins so. Unknown."""
    found = reports.named(reader, number, 2) if number else []
    if len(found) != 1:
        raise Unknown(f"{'several reports' if found else 'no report'} named {number!r}; see: hatoba report list")
    content = figures.content(found[0])
    columns, rows = _table(figures.told(content))
    return Whole(_listed(found[0], content), content, columns, rows)


def lines(shown: Whole) -> Iterator[str]:
    """What stands above the table."""
    for name in Listed.__struct_fields__:
        value = getattr(shown.listed, name)
        if value != "":
            yield f"{name:>9}: {value}"


def take_in(settings: Settings, files: Sequence[Path], now: int) -> list[Taken]:
    """Keeps the reports in files, and in the files of folders."""
    register = offline.home(settings).register()
    try:
        return [_file(register.note, path, now) for path in _walked(files)]
    finally:
        register.close()


def _file(note: Any, path: Path, now: int) -> Taken:
    try:
        if path.stat().st_size > _MOST:
            return Taken(str(path), error=f"it is larger than {_MOST} octets")
        rows = reading.read(path.read_bytes(), now, most=_MOST)
    except (OSError, reading.Unreadable) as error:
        return Taken(str(path), error=str(error))

    def write(tx: Tx) -> int:
        return sum(reports.add(tx, row) for row in rows)

    new = note(write)
    return Taken(str(path), new, len(rows) - new)


def _walked(files: Sequence[Path]) -> Iterator[Path]:
    for path in files:
        if path.is_dir():
            yield from sorted(each for each in path.rglob("*") if each.is_file())
        else:
            yield path


def name(told: figures.Summary, settings: Settings, most: int) -> None:
    """Fills in the names of the first sources of each domain, as far as DNS gives them in time."""
    asked = {source.ip: "" for each in told.dmarc for source in each.sources[:most] if source.ip}
    if not asked:
        return
    asyncio.run(_names(asked, settings))
    for each in told.dmarc:
        for source in each.sources:
            source.name = asked.get(source.ip, "")


async def _names(asked: dict[str, str], settings: Settings) -> None:
    resolver = dns.Resolver(settings.dns)

    async def one(ip: str) -> None:
        try:
            answer = await resolver.query(ipaddress.ip_address(ip).reverse_pointer, "PTR")
        except (dns.DnsTrouble, ValueError):
            return
        asked[ip] = next(iter(answer.records), "")

    tasks = [asyncio.ensure_future(one(ip)) for ip in asked]
    await asyncio.wait(tasks, timeout=PATIENCE)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await resolver.close()


def table(told: figures.Summary) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """The summary as one table: a line for each source, failure and recipient domain."""
    rows: list[tuple[object, ...]] = []
    for each in told.dmarc:
        rows += [(kinds.DMARC, each.domain, s.ip, s.name, s.letters, s.failed, s.dkim, s.spf) for s in each.sources]
    for tls in told.tls:
        rows.append((kinds.TLS, tls.domain, "", "", tls.successes + tls.failures, tls.failures, "", ""))
        rows += [(kinds.TLS, tls.domain, name, "", "", count, "", "") for name, count in tls.types.items()]
    for one in told.complaints:
        rows += [(kinds.COMPLAINT, one.domain, to, "", count, count, "", "") for to, count in one.to.items()]
    return ("kind", "domain", "source", "name", "count", "bad", "dkim", "spf"), rows


def _listed(row: ReportRow, found: figures.Content | None) -> Listed:
    count, bad = figures.brief(found)
    return Listed(
        row.id, _moment(row.at // 1000), row.kind, row.domain, row.reporter, _moment(row.begins), _moment(row.ends),
        count, bad, _state(row, found),
    )  # fmt: skip


def _state(row: ReportRow, found: figures.Content | None) -> str:
    """Of a report of ours: who has it, or why nobody."""
    if not isinstance(found, made.Outgoing):
        return "" if found is not None else "its data cannot be read"
    if row.kind in kinds.DUE.values():
        return f"waits: {found.why}" if found.why else "waits"
    return ", ".join(found.done) or f"not sent: {found.why}"


def _table(report: object) -> tuple[tuple[str, ...], tuple[tuple[object, ...], ...]]:
    match report:
        case form.Report():
            columns = ("source", "letters#", "disposition", "DKIM", "SPF", "From", "signed by", "envelope from")
            return columns, tuple(
                (
                    row.source_ip, row.count, row.disposition, row.dkim, row.spf, row.header_from,
                    ", ".join(f"{each.domain}={each.result}" for each in row.auth_dkim),
                    ", ".join(f"{each.domain}={each.result}" for each in row.auth_spf),
                )
                for row in report.rows
            )  # fmt: skip
        case tlsrpt.Report():
            columns = ("policy", "domain", "result", "sessions#", "host", "address", "from", "reason")
            rows: list[tuple[object, ...]] = []
            for policy in report.policies:
                rows.append((policy.type, policy.domain, "success", policy.successes, "", "", "", ""))
                rows += [
                    (
                        policy.type, policy.domain, f.result, f.count, f.receiving_host, f.receiving_ip, f.sending_ip,
                        f.reason,
                    )
                    for f in policy.details
                ]  # fmt: skip
            return columns, tuple(rows)
        case Complaint():
            pairs = msgspec.structs.asdict(report).items()
            return ("field", "value"), tuple((name, _flat(value)) for name, value in pairs if value)
        case _:
            return (), ()


def _flat(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else value


def _moment(seconds: int) -> str:
    """In UTC, as reports count; "" for 0."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else ""


def _since(days: int) -> int:
    return time.time_ns() // 1_000_000 - days * _DAY

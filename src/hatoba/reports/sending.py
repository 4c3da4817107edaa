"""Sending: a report that is due goes to each address that wants it, and it is written down who has it.

Called by office, which holds the lease for it. That sending begins is on disk before anything leaves.
Never sends to an address that has the report: after a crash the journals are asked which letters were taken in.
Fails by trying again later, six times over a day; then the report is written off with the reason.
"""

import re
import secrets
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import unquote

import msgspec
import structlog

from hatoba.journal import search
from hatoba.kit import ids
from hatoba.model.address import Address, BadAddress
from hatoba.model.status import Refusal
from hatoba.reports import addressees, kinds, letters, made
from hatoba.reports.clerk import Clerk
from hatoba.reports.made import Outgoing, Who
from hatoba.reports.means import Means
from hatoba.store import reports
from hatoba.store.rows import ReportRow
from hatoba.store.sql import Tx
from hatoba.store.trouble import StoreTrouble

FIRST, FACTOR, TRIES = 900_000, 3, 6  # ms until the second try, what each pause is longer by, and the most tries
_HTTPS = re.compile("(?i)https://")
_log = structlog.get_logger("reports")


class Lost(Exception):
    """Another worker makes the reports now."""


Note = Callable[[Callable[[Tx], Any]], Any]  # writes in a transaction that proves that the lease is ours; blocks


class Sender:
    """`clerk` is the thread that writes; `note`: see Note. `who` says in whose name, `sender` is the reverse-path."""

    def __init__(self, means: Means, clerk: Clerk, note: Note, who: Who, sender: Address | None) -> None:
        self._means = means
        self._clerk = clerk
        self._note = note
        self._who = who
        self._sender = sender

    async def send(self, row: ReportRow) -> ReportRow:
        """One report to all who want it; the row as it stands then. StoreTrouble when that cannot be written.

        A bug that meets one report holds up no other.
        """
        try:
            outgoing = made.read(row.data)
        except msgspec.MsgspecError:
            return await self._end(row, Outgoing(row.domain, why="its data cannot be read"))
        try:
            return await self._send(row, outgoing)
        except (StoreTrouble, Lost):
            raise
        except Exception as bug:  # noqa: BLE001  law 6: logged whole, tried again later
            error_id = secrets.token_hex(6)
            _log.error("fault", error_id=error_id, report=row.id, exc_info=bug)
            ill = msgspec.structs.replace(outgoing, begun=True, why=f"internal error {error_id}")
            return await self._again(row, ill)

    async def _send(self, row: ReportRow, outgoing: Outgoing) -> ReportRow:
        kind = kinds.MADE[row.kind]
        wanted = await self._means.ask(addressees.asked(kind, outgoing.domain))
        if wanted.state == "trouble":
            return await self._again(row, msgspec.structs.replace(outgoing, why=wanted.why))
        if wanted.state == "none":
            return await self._end(row, msgspec.structs.replace(outgoing, why=wanted.why))
        outgoing = await self._begin(row, outgoing, wanted.uris)
        failed = ""
        for uri, most in wanted.uris:
            if uri in outgoing.done:
                continue
            why, letter = await self._one(outgoing, uri, most)
            if why:
                failed = failed or f"{uri}: {why}"
            else:
                ids_ = (*outgoing.letters, letter) if letter else outgoing.letters
                outgoing = msgspec.structs.replace(outgoing, done=(*outgoing.done, uri), letters=ids_)
        outgoing = msgspec.structs.replace(outgoing, why=failed)
        return await (self._again(row, outgoing) if failed else self._end(row, outgoing))

    async def _begin(self, row: ReportRow, outgoing: Outgoing, uris: Sequence[tuple[str, int]]) -> Outgoing:
        """Writes down that it may be under way; one that was under way when we died is looked for in the journals."""
        if not outgoing.begun:
            begun = msgspec.structs.replace(outgoing, begun=True)
            await self._put(msgspec.structs.replace(row, data=made.data(begun)))
            return begun
        done, numbers = list(outgoing.done), list(outgoing.letters)
        for uri, _ in uris:
            to = mailbox(uri)
            if uri in done or to is None:
                continue
            name = letters.message_id(outgoing, str(to), self._who)
            found = await self._clerk.do(self._taken, name)
            if found:
                done.append(uri)
                numbers.append(ids.text(found))
        return msgspec.structs.replace(outgoing, done=tuple(done), letters=tuple(numbers))

    def _taken(self, name: str) -> int:
        """The letter with that Message-ID in the journals of all shards, 0 when there is none."""
        for number in self._means.base.numbers():
            with self._means.base.reader(number) as reader:
                found = search.find(reader, f"<{name}>", 1)
                if found:
                    return found[0]
        return 0

    async def _one(self, outgoing: Outgoing, uri: str, most: int) -> tuple[str, str]:
        """(why it failed, the letter's id): the one or the other, or neither for what was posted."""
        if _HTTPS.match(uri) and outgoing.tls is not None:
            return await self._post(uri, letters.packed(outgoing.tls)), ""
        to = mailbox(uri)
        if to is None:
            return "it is no address that we send to", ""
        try:
            number, now = self._means.draw()
            letter = letters.letter(outgoing, to, most, self._who, self._sender, number, now)
            await self._means.enqueue(letter)
        except (Refusal, StoreTrouble, letters.TooLarge) as error:
            return str(error) or type(error).__name__, ""
        return "", ids.text(number)

    async def _post(self, uri: str, octets: bytes) -> str:
        """ "" when it was taken. # RFC 8460 §5.4"""
        try:
            status = await self._means.post(uri, {"Content-Type": letters.GZIP}, octets)
        except OSError as error:
            return str(error) or type(error).__name__
        return "" if 200 <= status < 300 else f"the answer was {status}"

    async def _again(self, row: ReportRow, outgoing: Outgoing) -> ReportRow:
        """Later, unless it was tried often enough."""
        tries = outgoing.tries + 1
        outgoing = msgspec.structs.replace(outgoing, tries=tries)
        if tries >= TRIES:
            return await self._end(row, outgoing)
        pause = FIRST * FACTOR ** (tries - 1)
        due = msgspec.structs.replace(row, at=self._means.clock() + pause, data=made.data(outgoing))
        await self._put(due)
        _log.info("report waits", report=row.id, domain=row.domain, reason=outgoing.why, seconds=pause // 1000)
        return due

    async def _end(self, row: ReportRow, outgoing: Outgoing) -> ReportRow:
        kind = kinds.SENT[kinds.MADE[row.kind]]
        done = msgspec.structs.replace(row, kind=kind, at=self._means.clock(), data=made.data(outgoing))
        await self._put(done)
        facts = {"report": row.id, "domain": row.domain, "addresses": len(outgoing.done), "letters": outgoing.letters}
        if outgoing.why:
            _log.warning("report not sent to all", reason=outgoing.why, **facts)
        else:
            _log.info("report sent", **facts)
        return done

    async def _put(self, row: ReportRow) -> None:
        await self._clerk.do(self._note, lambda tx: reports.put(tx, row))


def mailbox(uri: str) -> Address | None:
    """The address of a mailto: URI; None when it is none. # RFC 6068 §2"""
    scheme, _, rest = uri.partition(":")
    if scheme.lower() != "mailto":
        return None
    try:
        return Address.parse(unquote(rest.partition("?")[0]))
    except BadAddress:
        return None

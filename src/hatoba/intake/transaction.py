"""Transaction: one letter on its way in, from MAIL to the Letter that is queued.

Made by desk.begin, driven by a door: recipient for each RCPT, chunk for content too large for one piece, then end.
Never queues, never speaks a protocol, never reads a clock; writes only a large body, through the store's draft.
Fails with Refusal at each step (a refused recipient leaves the transaction usable); StoreTrouble from a draft.
"""

from hatoba.intake import checks, extent, heading, mend, parameters, trace
from hatoba.intake.case import Case, Place, Visit
from hatoba.kit import ids
from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Letter, Recipient
from hatoba.model.outcome import Verdict
from hatoba.model.status import Refusal, Status
from hatoba.store.blobs import Draft
from hatoba.store.trouble import StoreTrouble

_NO_POSTMASTER = Status("5.1.1", "<postmaster>: no domain lives here")
_NOTHING_ASKED = (0, 0, 0)
_NOBODY = Status("5.5.1", "No recipient was accepted")


class Transaction:
    """`id` names the letter from the start; `draft` holds its body when end() gave a Letter without content.

    Whoever gives a transaction up before its letter is queued calls discard().
    """

    __slots__ = (
        "_asked", "_case", "_fault", "_heading", "_now", "_pieces", "_place", "_seen", "_size", "_visit",
        "draft", "id", "verdicts",
    )  # fmt: skip

    def __init__(self, place: Place, visit: Visit, case: Case, number: int, now: int) -> None:
        self.id = number
        self.draft: Draft | None = None
        self.verdicts: list[Verdict] = []  # those that did not refuse
        self._place = place
        self._visit = visit
        self._case = case
        self._now = now
        self._size = 0
        self._pieces: list[bytes] = []
        self._seen: set[Address] | None = None
        self._heading = heading.NOTHING
        self._fault: Refusal | StoreTrouble | None = None
        self._asked = _NOTHING_ASKED
        mail = case.mail
        for check in checks.SENDER:
            verdict = check(case)
            if verdict is not None:
                checks.settle(verdict, self.verdicts)
        if mail.hold_for or mail.hold_until or mail.by is not None or mail.priority is not None:
            self._asked = parameters.asked(mail, case.settings, case.trusted, now)

    @property
    def ours(self) -> bool:
        """An account or a trusted network hands it in: it may leave with our signature."""
        return self._visit.submitted or self._visit.trusted

    @property
    def recipients(self) -> list[Recipient]:
        """Those accepted so far."""
        return self._case.recipients

    def recipient(self, recipient: Recipient) -> None:
        """Takes one more forward-path, or raises Refusal. An address given twice is kept once."""
        case = self._case
        if not recipient.address.domain:
            recipient = self._postmaster(recipient)
        for check in checks.RECIPIENT:
            verdict = check(case, recipient)
            if verdict is not None:
                checks.settle(verdict, self.verdicts)
        if case.recipients:
            seen = self._seen
            if seen is None:
                seen = self._seen = {known.address for known in case.recipients}
            if recipient.address in seen:
                return
            seen.add(recipient.address)
        case.recipients.append(recipient)

    def _postmaster(self, recipient: Recipient) -> Recipient:
        """RCPT TO:<postmaster>, the one path without a domain. # RFC 5321 §4.1.1.3"""
        home = self._place.directory.home(self._place.hostname)
        if not home:
            raise Refusal(_NO_POSTMASTER)
        return Recipient(Address(recipient.address.local, home), recipient.notify, recipient.orcpt)

    def chunk(self, data: bytes) -> None:
        """A piece of content, canonical. Up to settings.spill octets stay in memory, more go to a draft.

        Raises Refusal (or StoreTrouble) once; what comes after is swallowed and end() raises the same again.
        """
        if self._fault is not None:
            return
        try:
            self._measure(data)
            if self.draft is not None:
                self.draft.append(data)
                return
            self._pieces.append(data)
            if self._size > self._place.spill:
                gathered = b"".join(self._pieces)
                self._pieces.clear()
                top, gathered = self._opened(gathered, self._now)
                self.draft = self._place.drafts(self.id)
                self.draft.append(top)
                self.draft.append(gathered)
        except (Refusal, StoreTrouble) as error:
            self._fault = error
            self.discard()
            raise

    def end(self, data: bytes, *, dotted: bool, eightbit: bool, now: int) -> Letter:
        """The last of the content (all of it, without chunks): checks it and makes the Letter; else Refusal.

        `dotted`, `eightbit`: what was seen in the whole content.
        """
        if self._fault is not None:
            raise self._fault
        if not self._case.recipients:
            raise Refusal(_NOBODY)
        try:
            self._measure(data)
            if self.draft is not None:
                self.draft.append(data)
                return self._letter(None, self.draft.size, dotted, eightbit, now)
            if self._pieces:
                data = b"".join((*self._pieces, data))
                self._pieces.clear()
            top, data = self._opened(data, now)
            content = top + data
            return self._letter(content, len(content), dotted, eightbit, now)
        except (Refusal, StoreTrouble):
            self.discard()
            raise

    def discard(self) -> None:
        """The letter is not wanted any more: RSET, a broken connection, a fault in the content."""
        self._pieces.clear()
        if self.draft is not None:
            self.draft.discard()
            self.draft = None

    def _measure(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._case.settings.size:
            raise extent.too_large(self._case.settings.size)

    def _opened(self, data: bytes, now: int) -> tuple[bytes, bytes]:
        """What goes on top of the content, and the content as it goes on; the content checks run here."""
        place, case, visit = self._place, self._case, self._visit
        settings = case.settings
        read = self._heading = heading.read(data, place.own)
        if read.end > settings.header:
            raise extent.too_large(settings.header, "Header")
        for check in checks.CONTENT:
            verdict = check(case, read)
            if verdict is not None:
                checks.settle(verdict, self.verdicts)
        mail = case.mail
        known = case.recipients
        top = trace.received(
            visit.head.utf8 if mail.smtputf8 else visit.head.plain,
            ids.text(self.id),
            str(known[0].address) if len(known) == 1 else "",
            place.dates.at(now),
        )
        if case.submitted:
            author: Address | str = mail.sender if mail.sender is not None else case.source.account
            top += mend.additions(read, ids.text(self.id), place.hostname, now, author or None)
            data = mend.cut(data, read, settings.remove_bcc)
        elif settings.mend_mx:
            top += mend.additions(read, ids.text(self.id), place.hostname, now, None)
        if not read.end and not read.empty_line:
            top += b"\r\n"  # a text without a header: ours would swallow its first line
        return top, data

    def _letter(self, content: bytes | None, size: int, dotted: bool, eightbit: bool, now: int) -> Letter:
        case = self._case
        mail, read = case.mail, self._heading
        hold, by, priority = self._asked
        expires = (hold or now) + self._place.lifetime
        if by and mail.by_mode != "N":
            expires = min(expires, by)
        envelope = Envelope(
            mail.sender, tuple(case.recipients), mail.body, mail.smtputf8, mail.requiretls, mail.ret, mail.envid,
            priority, hold, by, mail.by_mode, mail.by_trace,
        )  # fmt: skip
        if mail.smtputf8 and not eightbit:
            eightbit = not str(case.recipients[0].address).isascii()  # our Received names it
        return Letter(
            self.id, now, expires, envelope, case.source, size, content, "" if content is not None else self._name(),
            dotted, eightbit, read.message_id, read.header_from, read.subject,
        )  # fmt: skip

    def _name(self) -> str:
        return self.draft.name if self.draft is not None else ""

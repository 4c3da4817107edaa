"""Transaction: one letter on its way in, from MAIL to the Letter that is queued.

Made by desk.begin, driven by a door: recipient for each RCPT, chunk for content too large for one piece, then end.
Never queues, never speaks a protocol, never reads a clock; writes only a large body, through the store's draft.
Fails with Refusal at each step (a refused recipient leaves the transaction usable); StoreTrouble from a draft.

Where checks are to be asked, recipient and end give Steps instead: a generator to be driven (net.asking) that ends in
what they would have given, or raises what they would have raised.
"""

import contextlib
from collections.abc import Sequence
from typing import Any

from hatoba.intake import checks, composing, connection, editing, evidence, extent, heading, parameters, ruling, watches
from hatoba.intake.asking import Steps
from hatoba.intake.case import Case, Place, Visit
from hatoba.intake.inquiry import Inquiry
from hatoba.intake.subject import Subject
from hatoba.model.address import Address
from hatoba.model.envelope import Envelope, Letter, Notes, Recipient
from hatoba.model.event import Event
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
        "_asked", "_block", "_case", "_fault", "_heading", "_inquiry", "_now", "_pieces", "_place", "_refusal",
        "_seals", "_seen", "_size", "_visit", "_watches", "draft", "id", "verdicts",
    )  # fmt: skip

    def __init__(self, place: Place, visit: Visit, case: Case, number: int, now: int) -> None:
        self.id = number
        self.draft: Draft | None = None
        self.verdicts: list[Verdict] = []
        self._place = place
        self._visit = visit
        self._case = case
        self._now = now
        self._size = 0
        self._pieces: list[bytes] = []
        self._seen: set[Address] | None = None
        self._heading = heading.NOTHING
        self._block = b""  # the header as it goes on; it stays out of the draft
        self._fault: Refusal | StoreTrouble | None = None
        self._asked = _NOTHING_ASKED
        self._seals = False  # it is to be sealed (ARC)
        self._inquiry: Inquiry | None = None  # once something was asked
        self._refusal: Refusal | None = None  # what the sender's checks came to
        self._watches = watches.NONE
        mail = case.mail
        for check in checks.SENDER:
            verdict = check(case)
            if verdict is not None:
                checks.settle(verdict, self.verdicts)
        if mail.hold_for or mail.hold_until or mail.by is not None or mail.priority is not None:
            self._asked = parameters.asked(mail, case.settings, case.trusted, now)

    @property
    def ours(self) -> bool:
        """An account or a trusted network hands it in, or it is forwarded under our seal: it wants a key of ours."""
        return self._visit.submitted or self._visit.trusted or self._seals

    @property
    def recipients(self) -> list[Recipient]:
        """Those accepted so far."""
        return self._case.recipients

    # the envelope

    def recipient(self, recipient: Recipient) -> Steps[None] | None:
        """Takes one more forward-path, or raises Refusal; or gives the Steps that do. An address given twice is kept
        once."""
        case = self._case
        if not recipient.address.domain:
            recipient = self._postmaster(recipient)
        self._place.rewriter.takes(case, recipient, self._now)  # who stands behind it is in case.rewritten
        for check in checks.RECIPIENT:
            verdict = check(case, recipient)
            if verdict is not None:
                checks.settle(verdict, self.verdicts)
        if case.recipients:
            seen = self._seen
            if seen is None:
                seen = self._seen = {known.address for known in case.recipients}
            if recipient.address in seen:
                return None
        if self._visit.checks.envelope:
            return self._questioned(recipient)
        if case.recipients:
            self._seen.add(recipient.address)  # type: ignore[union-attr] # made above
        case.recipients.append(recipient)
        return None

    def _take(self, recipient: Recipient) -> None:
        if self._seen is not None:
            self._seen.add(recipient.address)
        self._case.recipients.append(recipient)

    def _questioned(self, recipient: Recipient) -> Steps[None]:
        """The checks about the client, the sender (both once) and this recipient."""
        case, asked = self._case, self._visit.checks
        if self._inquiry is None:
            yield from connection.asked(asked, self._place, case)
            self._inquiry = self._start()
            try:
                yield from self._inquiry.ask("at_sender", asked.sender, case, recipients=(recipient,))
            except Refusal as refusal:
                self._refusal = refusal
        if self._refusal is not None:
            raise self._refusal
        before = len(self._inquiry.verdicts)
        try:
            yield from self._inquiry.ask("at_recipient", asked.recipient, case, recipient, recipients=(recipient,))
        except Refusal:
            self._inquiry.forget(before)
            raise
        self._take(recipient)

    def _start(self) -> Inquiry:
        self.verdicts += self._case.client.verdicts or ()
        return Inquiry(self._visit.checks, self._place.filters.table, self._place.tally, self.verdicts)

    def _postmaster(self, recipient: Recipient) -> Recipient:
        """RCPT TO:<postmaster>, the one path without a domain. # RFC 5321 §4.1.1.3"""
        home = self._place.directory.home(self._place.hostname)
        if not home:
            raise Refusal(_NO_POSTMASTER)
        return Recipient(Address(recipient.address.local, home), recipient.notify, recipient.orcpt)

    # the content

    def chunk(self, data: bytes) -> None:
        """A piece of content, canonical. Up to settings.spill octets stay in memory, more go to a draft.

        Raises Refusal (or StoreTrouble) once; what comes after is swallowed and end() raises the same again.
        """
        if self._fault is not None:
            return
        try:
            self._measure(data)
            if self.draft is not None:
                self._append(self.draft, data)
                return
            self._pieces.append(data)
            if self._size > self._place.spill:
                gathered = b"".join(self._pieces)
                self._pieces.clear()
                self._open(gathered)
                self.draft = self._place.drafts(self.id)
                self.draft.append(gathered[self._heading.end :])
        except (Refusal, StoreTrouble) as error:
            self._fault = error
            self.discard()
            raise

    def end(self, data: bytes, *, dotted: bool, eightbit: bool, now: int) -> Letter | Steps[Letter]:
        """The last of the content (all of it, without chunks): checks it and makes the Letter; else Refusal.

        `dotted`, `eightbit`: what was seen in the whole content. Steps where checks are to be asked.
        """
        if self._fault is not None:
            raise self._fault
        if not self._case.recipients:
            raise Refusal(_NOBODY)
        self._case.now = now
        try:
            self._measure(data)
            if self.draft is not None:
                self._append(self.draft, data)
                data = b""
            else:
                if self._pieces:
                    data = b"".join((*self._pieces, data))
                    self._pieces.clear()
                self._open(data)
            if self._visit.checks.content:
                return self._judged(data, dotted, eightbit)
            return self._letter(data, dotted, eightbit, None if self._inquiry is None else self._ruled(self._inquiry))
        except (Refusal, StoreTrouble):
            self.discard()
            raise

    def refused(self, refusal: Refusal) -> Event | None:
        """What the journal is to say of a letter that its checks refused at the end; None where none was asked."""
        if self._inquiry is None or self._heading is heading.NOTHING:
            return None
        ruled = self._inquiry.ruling(self._case.recipients)
        return evidence.refused(self.id, self._case, self._heading, ruled, refusal.status)

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

    def _open(self, data: bytes) -> None:
        """Reads the header, which is all in `data`; the checks that ask nothing run here, the others begin to watch."""
        case = self._case
        read = self._heading = heading.read(data, self._place.own)
        if read.end > case.settings.header:
            raise extent.too_large(case.settings.header, "Header")
        for check in checks.CONTENT:
            verdict = check(case, read)
            if verdict is not None:
                checks.settle(verdict, self.verdicts)
        self._block = composing.kept(self._place, case, read)
        if self._visit.checks.watching:
            self._watches = watches.Watches(self._visit.checks.watching, case, read)
            self._watches.update(data[read.fields.end :])

    def _ruled(self, inquiry: Inquiry) -> ruling.Ruling:
        """What was said about the envelope, where nothing is asked about the content. Refusal."""
        ruled = inquiry.ruling(self._case.recipients)
        if ruled.refusal is not None:
            raise ruled.refusal
        return ruled

    def _append(self, draft: Draft, data: bytes) -> None:
        draft.append(data)
        self._watches.update(data)

    def _judged(self, data: bytes, dotted: bool, eightbit: bool) -> Steps[Letter]:
        """The checks about the whole letter, then the letter."""
        case, draft = self._case, self.draft
        if self._inquiry is None:
            self._inquiry = self._start()
        rest: Any = data[self._heading.end :] if draft is None else draft.pieces
        size = len(self._block) + (len(rest) if draft is None else draft.size)
        subject = Subject(case, self._heading, self.id, self._block, rest, size, self._place.spill, self._watches)
        try:
            yield from self._inquiry.ask("at_content", self._visit.checks.content, subject, recipients=case.recipients)
            return self._letter(data, dotted, eightbit, self._inquiry.ruling(case.recipients))
        except (Refusal, StoreTrouble):
            self.discard()
            raise

    def _letter(self, data: bytes, dotted: bool, eightbit: bool, ruled: ruling.Ruling | None) -> Letter:
        """`data`: all of the content, b"" where the draft has it."""
        case, read = self._case, self._heading
        mail, now = case.mail, case.now
        top = composing.top(self._place, self._visit, case, read, self.id)
        block, notes, edited = self._block, None, None
        if ruled is not None:
            marks, block, notes = composing.marked(self._place, case, ruled, block)
            edited = editing.carried_out(ruled.verdicts, block, mail.sender, case.recipients)
            top, block, data = edited.above + marks + top, edited.block, self._rewritten(data, edited)
            editing.told(edited, notes)
            self._readdress(edited.recipients)
            if edited.body is not None:
                dotted, eightbit = editing.shape(edited.body)
            eightbit = eightbit or not block.isascii()
        draft = self.draft
        kept, block = block, self._place.rewriter.header(case, read, block)
        sender, recipients, ways, rewrites = self._place.rewriter.envelope(case, read)
        if edited is not None and edited.sender != mail.sender:
            sender = edited.sender  # a service has the last word
        hold, by, priority = self._asked
        expires = (hold or now) + self._place.lifetime
        if by and mail.by_mode != "N":
            expires = min(expires, by)
        envelope = Envelope(
            sender, recipients, mail.body, mail.smtputf8, mail.requiretls, mail.ret, mail.envid,
            priority, hold, by, mail.by_mode, mail.by_trace, tls_optional=read.tls_optional, ways=ways,
        )  # fmt: skip
        if not eightbit:  # our Received names a recipient, or a check or a rule has something to say
            eightbit = not top.isascii() or (block is not kept and not block.isascii())
        content, blob = None, ""
        if draft is not None:
            top += block
            size, blob = len(top) + draft.size, draft.name
        else:
            content = top + data if block is read.fields.block else b"".join((top, block, memoryview(data)[read.end :]))
            size, top = len(content), b""
        if rewrites:
            notes = notes or Notes()
            notes.rewrites = rewrites
            notes.seal = self._place.rewriter.seal(case, recipients, self._place.authserv_id) if ways else None
            self._seals = notes.seal is not None
        return Letter(
            self.id, now, expires, envelope, case.source, size, content, blob, dotted, eightbit,
            read.message_id, read.header_from, read.subject, top, notes,
        )  # fmt: skip

    def _readdress(self, recipients: Sequence[Recipient]) -> None:
        """The recipients that the services left, and those they added, who may stand for others."""
        case = self._case
        known = {recipient.address for recipient in case.recipients}
        for added in recipients:
            if added.address not in known:
                with contextlib.suppress(Refusal):  # then it stays as it is named, and delivery says what is wrong
                    self._place.rewriter.takes(case, added, case.now)
        case.recipients[:] = recipients

    def _rewritten(self, data: bytes, edited: editing.Edited) -> bytes:
        """The content as `data`, b"" where the draft has it: with the new body, where a service wanted one."""
        if edited.body is None:
            return data
        self.discard()
        if len(edited.body) <= self._place.spill:
            return b"".join((self._heading.fields.block, b"\r\n", edited.body))
        self.draft = self._place.drafts(self.id)
        self.draft.append(b"\r\n")
        self.draft.append(edited.body)
        return b""

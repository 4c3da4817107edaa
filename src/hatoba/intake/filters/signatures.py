"""Signatures: DKIM and ARC of a letter, hashed while its content comes in, judged at its end. # RFC 6376, RFC 8617

Fills in `case.authenticity`; what that means for the letter is DMARC's to say.
Never refuses anything: a broken signature is as good as none. # RFC 6376 §6.1
Fails never.
"""

from collections.abc import Sequence

from hatoba.intake import asking
from hatoba.intake.asking import Asking
from hatoba.intake.case import Case
from hatoba.intake.heading import Heading
from hatoba.intake.subject import Subject
from hatoba.mailauth.arc import chain
from hatoba.mailauth.dkim import fields, verify
from hatoba.model.outcome import Verdict

_ANY = (b"dkim-signature", b"arc-seal", b"arc-message-signature", b"arc-authentication-results")


class Watch:
    """The inspections of one letter; None: there is nothing of the kind to look at."""

    def __init__(self, dkim: verify.Inspection | None, arc: chain.Inspection | None) -> None:
        self.dkim = dkim
        self.arc = arc
        self._hashing = [each for each in (dkim, arc) if each is not None and each.hashing]

    def update(self, piece: bytes, /) -> None:
        for each in self._hashing:
            each.update(piece)


class Signatures:
    name = "dkim"
    anyway = True

    def __init__(self, *, dkim: bool = True, arc: bool = True) -> None:
        self._dkim = dkim
        self._arc = arc

    def watch(self, case: Case, heading: Heading) -> Watch | None:
        """Begins with the header; None where there is nothing to verify."""
        if not any(heading.fields.has(name) for name in _ANY):
            return None
        header = fields.Fields(heading.fields.block)
        now = case.now // 1000
        return Watch(
            verify.Inspection(header, now=now) if self._dkim and b"dkim-signature" in header.places else None,
            chain.Inspection(header, now=now) if self._arc else None,
        )

    def at_content(self, subject: Subject) -> Asking[Sequence[Verdict]]:
        known = subject.case.authenticity
        watch = subject.watched.get(self.name) or Watch(None, None)
        known.dkim = () if self._dkim else None
        known.arc = chain.Chain("none") if self._arc else None
        engines = [each.conclude() for each in (watch.dkim, watch.arc) if each is not None]
        if engines:
            found = yield from asking.side_by_side(*engines)
            for result in found:
                if isinstance(result, chain.Chain):
                    known.arc = result
                else:
                    known.dkim = result
        return ()

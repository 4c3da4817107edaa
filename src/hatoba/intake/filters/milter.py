"""milter: a filter of the milter protocol: what it says of a recipient and of a letter, and what it changes.

Made by build from [[milter]]; asked at RCPT (only where the filter itself wants that) and at the end of the
content. Never changes anything itself: the verdict carries what is wanted.
Fails by a Verdict of the settings on_failure and oversize.
"""

from collections.abc import Sequence

from hatoba.intake import asking, editing
from hatoba.intake.case import Case
from hatoba.intake.filters import unheard
from hatoba.intake.service_settings import Milter as Settings
from hatoba.intake.subject import Subject
from hatoba.model import opinion
from hatoba.model.address import Address, BadAddress
from hatoba.model.edits import Edits
from hatoba.model.envelope import Recipient
from hatoba.model.outcome import Verdict
from hatoba.model.status import Status

_ENDS = frozenset({"reject", "defer", "discard"})
_REFUSED = {"reject": Status("5.7.1", "Refused by a filter"), "defer": Status("4.7.1", "Try again later")}


class Milters:
    """See roster.Check. All of them, one after the other: each sees what those before it changed, as a signer must.

    In verdicts each is "milter NAME". A refusal ends the row.
    """

    name = "milter"

    def __init__(self, settings: Sequence[Settings]) -> None:
        self.inside = any(each.submissions for each in settings)
        self._settings = settings

    def at_recipient(self, case: Case, recipient: Recipient) -> asking.Asking[Sequence[Verdict]]:
        """What one refuses here, it refuses for this recipient alone; a failure is left to the end of the content."""
        for settings in self._asked(case):
            if not settings.recipients:
                continue
            check = _name(settings)
            answer = yield from asking.consult(check, asking.At(case, recipient))
            if not isinstance(answer, opinion.Failed) and answer.action in _REFUSED:
                return (_verdict(check, answer),)
        return ()

    def at_content(self, subject: Subject) -> asking.Asking[Sequence[Verdict]]:
        verdicts: list[Verdict] = []
        for settings in self._asked(subject.case):
            verdict = yield from _one(settings, subject)
            verdicts.append(verdict)
            if verdict.action in _ENDS:
                break
            if verdict.edits is not None:
                subject = editing.seen(subject, verdict.edits, verdict.check)
        return verdicts

    def _asked(self, case: Case) -> list[Settings]:
        inside = case.submitted or case.trusted
        return [each for each in self._settings if each.submissions or not inside]


def _name(settings: Settings) -> str:
    return f"milter {settings.name}"


def _one(settings: Settings, subject: Subject) -> asking.Asking[Verdict]:
    check = _name(settings)
    for large in unheard.too_large(check, subject, settings):
        return large
    answer = yield from asking.consult(check, subject)
    if isinstance(answer, opinion.Failed):
        return unheard.failed(check, answer, settings)
    if wrong := _wrong_address(answer.edits):
        return unheard.failed(check, opinion.Failed(wrong), settings)
    return _verdict(check, answer)


def _verdict(check: str, filtered: opinion.Filtered) -> Verdict:
    action = "accept" if filtered.action in ("accept", "continue") else filtered.action
    status = filtered.status or _REFUSED.get(action)
    said = filtered.reason or (status.text if status else "") or told(filtered.edits) or filtered.action
    return Verdict(check, action, status, said, edits=filtered.edits or None)


def _wrong_address(wanted: Edits) -> str:
    """What is no address among those that are wanted, in words; "" for nothing."""
    for written in (*wanted.added, *wanted.removed, *([wanted.sender] if wanted.sender else ())):
        try:
            Address.parse(written)
        except BadAddress as bad:
            return f"it asked for an address that is none: {bad}"
    return ""


def told(wanted: Edits) -> str:
    """The changes in short, for the journal: "DKIM-Signature inserted, body replaced"."""
    words = {"add": "added", "insert": "inserted", "change": "changed"}
    parts = [] if wanted.sender is None else [f"sender changed to <{wanted.sender}>"]
    parts += [f"recipient {address} added" for address in wanted.added]
    parts += [f"recipient {address} removed" for address in wanted.removed]
    if wanted.body is not None:
        parts.append("body replaced")
    for edit in wanted.fields:
        done = words[edit.what] if edit.value else "removed"
        parts.append(f"{edit.name.decode('ascii', 'replace')} {done}")
    more = f" and {len(parts) - 10} more" if len(parts) > 10 else ""
    return ", ".join(parts[:10]) + more

"""milter: a filter of the milter protocol: what it says of a recipient and of a letter, and what it changes.

Made by build from each [[milter]]; asked at RCPT (only where the filter itself wants that) and at the end of the
content. Never changes anything itself: the verdict carries what is wanted.
Fails by a Verdict of the settings on_failure and oversize.
"""

from collections.abc import Sequence

from hatoba.intake import asking
from hatoba.intake.case import Case
from hatoba.intake.filters import unheard
from hatoba.intake.service_settings import Milter as Settings
from hatoba.intake.subject import Subject
from hatoba.model import opinion
from hatoba.model.edits import Edits
from hatoba.model.envelope import Recipient
from hatoba.model.outcome import Verdict
from hatoba.model.status import Status

_REFUSED = {"reject": Status("5.7.1", "Refused by a filter"), "defer": Status("4.7.1", "Try again later")}


class Milter:
    """See roster.Check. Its name in verdicts is "milter NAME"."""

    def __init__(self, settings: Settings) -> None:
        self.name = f"milter {settings.name}"
        self.inside = settings.submissions
        self._settings = settings

    def at_recipient(self, case: Case, recipient: Recipient) -> asking.Asking[Sequence[Verdict]]:
        """What it refuses here, it refuses for this recipient alone; a failure is left to the end of the content."""
        answer = yield from asking.consult(self.name, asking.At(case, recipient))
        if isinstance(answer, opinion.Failed) or answer.action not in _REFUSED:
            return ()
        return (self._verdict(answer),)

    def at_content(self, subject: Subject) -> asking.Asking[Sequence[Verdict]]:
        settings = self._settings
        if large := unheard.too_large(self.name, subject, settings):
            return large
        answer = yield from asking.consult(self.name, subject)
        if isinstance(answer, opinion.Failed):
            return unheard.failed(self.name, answer, settings)
        return (self._verdict(answer),)

    def _verdict(self, filtered: opinion.Filtered) -> Verdict:
        action = "accept" if filtered.action in ("accept", "continue") else filtered.action
        status = filtered.status or _REFUSED.get(action)
        said = filtered.reason or (status.text if status else "") or told(filtered.edits) or filtered.action
        return Verdict(self.name, action, status, said, edits=filtered.edits or None)


def told(wanted: Edits) -> str:
    """The changes in short, for the journal: "DKIM-Signature inserted, body replaced"."""
    words = {"add": "added", "insert": "inserted", "change": "changed"}
    parts = []
    for edit in wanted.fields:
        done = words[edit.what] if edit.value else "removed"
        parts.append(f"{edit.name.decode('ascii', 'replace')} {done}")
    if wanted.body is not None:
        parts.append("body replaced")
    parts += [f"recipient {address} added" for address in wanted.added]
    parts += [f"recipient {address} removed" for address in wanted.removed]
    if wanted.sender is not None:
        parts.append(f"sender changed to <{wanted.sender}>")
    more = f" and {len(parts) - 10} more" if len(parts) > 10 else ""
    return ", ".join(parts[:10]) + more

"""clamav: whether a letter holds a virus that clamd knows.

Made by build from [clamd]; asked at the end of the content, of our own people's letters, too.
Never passed over for an allow list: a friend's machine may be infected.
Fails by a Verdict of the settings on_failure and oversize.
"""

from collections.abc import Sequence

from hatoba.intake import asking
from hatoba.intake.filters import unheard
from hatoba.intake.service_settings import Clamd as Settings
from hatoba.intake.subject import Subject
from hatoba.model import opinion
from hatoba.model.outcome import Verdict
from hatoba.model.status import Status


class Clamav:
    """See roster.Check."""

    name = "clamd"
    always = True

    def __init__(self, settings: Settings) -> None:
        self.inside = settings.submissions
        self._settings = settings

    def at_content(self, subject: Subject) -> asking.Asking[Sequence[Verdict]]:
        settings = self._settings
        if large := unheard.too_large(self.name, subject, settings):
            return large
        answer = yield from asking.consult(self.name, subject)
        if isinstance(answer, opinion.Failed):
            return (unheard.failed(self.name, answer, settings),)
        if answer.signature:
            found = f"Virus found: {answer.signature}"
            status = Status("5.7.1", found) if settings.virus == "reject" else None
            return (Verdict(self.name, settings.virus, status, found),)
        if answer.unscanned:
            return (unheard.unasked(self.name, answer.unscanned, settings.oversize),)
        return (Verdict(self.name, "accept", reason="no virus found"),)

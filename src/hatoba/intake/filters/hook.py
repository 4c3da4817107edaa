"""hook: the verdict of a program of the operator's, told the letter over HTTP.

Made by build from each [[hook]]; asked at the end of the content.
Never refines what it says: action, score, reason and fields are taken as they come.
Fails by a Verdict of the settings on_failure and oversize.
"""

from collections.abc import Sequence

from hatoba.intake import asking
from hatoba.intake.filters import unheard
from hatoba.intake.service_settings import Hook as Settings
from hatoba.intake.subject import Subject
from hatoba.model import opinion
from hatoba.model.outcome import Verdict
from hatoba.model.status import Status

_REFUSED = {
    "reject": Status("5.7.1", "Refused by a filter"),
    "defer": Status("4.7.1", "Try again later"),
    "greylist": Status("4.7.1", "Try again later"),
}


class Hook:
    """See roster.Check. Its name in verdicts is "hook NAME"."""

    def __init__(self, settings: Settings) -> None:
        self.name = f"hook {settings.name}"
        self.inside = settings.submissions
        self._settings = settings

    def at_content(self, subject: Subject) -> asking.Asking[Sequence[Verdict]]:
        settings = self._settings
        if large := unheard.too_large(self.name, subject, settings):
            return large
        answer = yield from asking.consult(self.name, subject)
        if isinstance(answer, opinion.Failed):
            return (unheard.failed(self.name, answer, settings),)
        status = answer.status or _REFUSED.get(answer.action)
        return (Verdict(self.name, answer.action, status, answer.reason, answer.score, answer.fields, answer.remove),)

"""rspamd: its opinion of a complete letter as a verdict: its action, its score, the fields it wants.

Made by build from [rspamd]; asked at the end of the content.
Never greylists: where rspamd's own module does, it says "soft reject".
Fails by a Verdict of the settings on_failure and oversize.
"""

from collections.abc import Sequence

from hatoba.intake import asking
from hatoba.intake.filters import unheard
from hatoba.intake.service_settings import Rspamd as Settings
from hatoba.intake.subject import Subject
from hatoba.message import encode
from hatoba.model import edits, opinion
from hatoba.model.outcome import Verdict
from hatoba.model.status import Status

_ACTIONS = {
    "no action": "accept",
    "greylist": "accept",
    "add header": "junk",
    "rewrite subject": "junk",
    "quarantine": "quarantine",
    "discard": "discard",
    "soft reject": "defer",
}
_SHOWN = 8  # symbols in a reason


class Rspamd:
    """See roster.Check."""

    name = "rspamd"

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
        return (self._verdict(answer),)

    def _verdict(self, rated: opinion.Rated) -> Verdict:
        action = self._settings.reject if rated.action == "reject" else _ACTIONS.get(rated.action, "accept")
        status = None
        if action == "reject":
            status = Status("5.7.1", rated.text or "Refused as spam")
        elif action == "defer":
            status = Status("4.7.1", rated.text or "Try again later")
        wanted = rated.edits
        if rated.action == "rewrite subject" and rated.subject is not None:
            value = b" " + encode.unstructured(rated.subject).encode()
            subject = edits.FieldEdit(edits.CHANGE, b"Subject", value, 1)
            wanted = edits.Edits((*wanted.fields, subject))
        score = round(rated.score * self._settings.weight, 3)
        return Verdict(self.name, action, status, reason(rated), score, edits=wanted or None)


def reason(rated: opinion.Rated) -> str:
    """ "add header, 7.0 of 15.0: TEST_WORD(7.0)"."""
    symbols = ", ".join(f"{name}({score:g})" for name, score in rated.symbols[:_SHOWN])
    more = f" and {len(rated.symbols) - _SHOWN} more" if len(rated.symbols) > _SHOWN else ""
    return f"{rated.action}, {rated.score:g} of {rated.required:g}{': ' if symbols else ''}{symbols}{more}"

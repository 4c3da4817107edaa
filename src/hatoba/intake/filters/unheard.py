"""unheard: the verdicts of a service that was not asked or did not answer: the letter is too large, or it is down.

Called by the checks of rspamd, clamav, milter and hook.
Never decides itself: the settings of the service do.
Fails never.
"""

from hatoba.intake.service_settings import Choice, Service
from hatoba.intake.subject import Subject
from hatoba.kit import units
from hatoba.model.opinion import Failed
from hatoba.model.outcome import Verdict
from hatoba.model.status import Status

_LATER = Status("4.7.1", "A filter cannot be asked now, try again later")
_TOO_LARGE = Status("4.7.1", "This letter is too large for a filter that must see it")


def too_large(check: str, subject: Subject, settings: Service) -> tuple[Verdict, ...]:
    """The verdict on a letter above max_size; none otherwise."""
    if subject.size <= settings.max_size:
        return ()
    return (unasked(check, f"larger than {units.show_bytes(settings.max_size)}", settings.oversize),)


def unasked(check: str, why: str, choice: Choice) -> Verdict:
    """The verdict on a letter that the service did not look at."""
    return _verdict(check, f"not asked: {why}", choice, _TOO_LARGE)


def failed(check: str, answer: Failed, settings: Service) -> Verdict:
    """The verdict when no answer came: fail-open or fail-closed."""
    return _verdict(check, f"failed: {answer.why}", settings.on_failure, _LATER)


def _verdict(check: str, reason: str, choice: Choice, status: Status) -> Verdict:
    return Verdict(check, choice, status if choice == "defer" else None, reason)

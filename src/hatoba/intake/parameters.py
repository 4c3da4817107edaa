"""Parameters: what MAIL asked for, bounded by the settings: hold, deadline, priority.

Called by transaction when it begins, only when one of them was given.
Never reads a clock: `now` is ms since 1970.
Fails with Refusal 5.5.4 on what the settings do not allow.
"""

from hatoba.intake.case import Mail
from hatoba.intake.settings import Settings
from hatoba.model.status import Refusal, Status

_LATEST = 253402300800000  # ms: the year 10000, where dates end


def _refusal(text: str) -> Refusal:
    return Refusal(Status("5.5.4", text))


def asked(mail: Mail, settings: Settings, trusted: bool, now: int) -> tuple[int, int, int]:
    """(hold until, deliver by, priority) as granted; Refusal 5.5.4 where one is not."""
    return hold(mail, settings, now), deadline(mail, settings, now), priority(mail, settings, trusted)


def hold(mail: Mail, settings: Settings, now: int) -> int:
    """When the letter may leave (ms), 0 for at once. # RFC 4865 §4"""
    if mail.hold_for and mail.hold_until:
        raise _refusal("HOLDFOR and HOLDUNTIL exclude each other")
    if not mail.hold_for and not mail.hold_until:
        return 0
    until = now + mail.hold_for * 1000 if mail.hold_for else mail.hold_until
    if until > now + round(settings.hold_max * 1000):
        raise _refusal(f"A letter may be held for {round(settings.hold_max)} seconds at most")
    return until if until > now else 0


def deadline(mail: Mail, settings: Settings, now: int) -> int:
    """When the DELIVERBY time ends (ms), 0 for none. # RFC 2852 §4"""
    by = mail.by
    if by is None:
        return 0
    if mail.by_mode != "N" and by < max(1, settings.deliver_by_min):
        raise _refusal(f"A delivery time with return needs {round(settings.deliver_by_min)} seconds at least")
    return min(max(1, now + by * 1000), _LATEST)


def priority(mail: Mail, settings: Settings, trusted: bool) -> int:
    """The MT-PRIORITY granted: bounded for whom we trust, 0 for everybody else. # RFC 6710 §4.1, §5"""
    if mail.priority is None or not trusted:
        return 0
    return max(settings.priority_min, min(settings.priority_max, mail.priority))

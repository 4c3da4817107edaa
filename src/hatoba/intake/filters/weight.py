"""Weight: what a finding is worth, as the settings say it: points, or an action at once; made into a Verdict.

Used by the settings and the checks of this folder.
Never combines: ruling does.
Fails never.
"""

import msgspec

from hatoba.intake.filter_tables import Weight
from hatoba.model.outcome import Verdict
from hatoba.model.status import Status

_CODES = {"reject": "5.7.1", "defer": "4.7.1", "greylist": "4.7.1"}


def shown(weight: Weight) -> str:
    """ "+4", "-2.5", "reject"; "" where it weighs nothing."""
    if isinstance(weight, str):
        return "" if weight == "off" else weight
    return f"{weight:+g}" if weight else ""


def listed(settings: msgspec.Struct) -> str:
    """The weights among a table's fields that weigh something, as "missing +1, generic reject"."""
    values = ((name, getattr(settings, name)) for name in settings.__struct_fields__)
    worth = [(name, shown(value)) for name, value in values if isinstance(value, float | str)]  # type: ignore[arg-type] # a Weight
    return ", ".join(f"{name.replace('_', ' ')} {weight}" for name, weight in worth if weight)


def verdict(check: str, weight: Weight, reason: str, text: str = "", code: str = "") -> tuple[Verdict, ...]:
    """The Verdict of a finding, none where it weighs nothing. `reason` is for the journal, `text` for the peer.

    `code` is the enhanced status of a refusal, instead of 5.7.1 and 4.7.1; its class follows the action.
    """
    if isinstance(weight, str):
        if weight == "off":
            return ()
        usual = _CODES.get(weight)
        status = Status(usual[0] + (code or usual)[1:], text or reason) if usual else None
        return (Verdict(check, weight, status, reason),)
    return (Verdict(check, "accept", None, reason, weight),) if weight else ()

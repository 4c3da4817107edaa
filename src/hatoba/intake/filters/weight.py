"""Weight: what a finding is worth, as the settings say it: points, or an action at once; made into a Verdict.

Used by the settings and the checks of this folder.
Never combines: ruling does.
Fails never.
"""

from hatoba.intake.filter_tables import Weight
from hatoba.model.outcome import Verdict
from hatoba.model.status import Status

_CODES = {"reject": "5.7.1", "defer": "4.7.1", "greylist": "4.7.1"}


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

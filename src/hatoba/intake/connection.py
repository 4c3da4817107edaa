"""Connection: the checks about a client itself, asked once and remembered for all letters of its connection.

Called by desk before the greeting and by transaction with the first RCPT.
Never asks twice, and remembers nothing of a question that was broken off; never knows a sender.
Fails with the Refusal that their verdicts come to, again for each letter.
"""

from hatoba.intake import ruling
from hatoba.intake.asking import Steps
from hatoba.intake.case import Case, Place
from hatoba.intake.inquiry import Inquiry
from hatoba.intake.roster import Checks
from hatoba.model.status import Refusal


def asked(checks: Checks, place: Place, case: Case) -> Steps[None]:
    """Fills `case.client.verdicts`."""
    client = case.client
    if client.verdicts is not None:
        refusal = ruling.combine(client.verdicts, place.filters.table).refusal
        if refusal is not None:
            raise refusal
        return
    inquiry = Inquiry(checks, place.filters.table, place.tally, [])
    try:
        yield from inquiry.ask("at_connect", checks.connect, case)
    except Refusal:
        client.verdicts = inquiry.verdicts
        raise
    client.verdicts = inquiry.verdicts

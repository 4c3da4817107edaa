"""Inquiry: the rounds of one stage: each phase of its checks side by side, verdicts kept, a refusal as soon as due.

Called by transaction and connection; its generators are driven by a door (net.asking) or by a test.
Never waits and never calls a check itself: it hands out what is to be called.
Fails with the Refusal that the verdicts so far come to.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from hatoba.intake import ruling
from hatoba.intake.asking import Steps
from hatoba.intake.roster import Checks, Phase
from hatoba.intake.tally import Tally
from hatoba.model.envelope import Recipient
from hatoba.model.outcome import Silence, Verdict


class Inquiry:
    """What is common to the stages of one letter. `verdicts`: all that count so far."""

    __slots__ = ("_checks", "_table", "_tally", "verdicts")

    def __init__(self, checks: Checks, table: ruling.Table, tally: Tally, verdicts: list[Verdict]) -> None:
        self._checks = checks
        self._table = table
        self._tally = tally
        self.verdicts = verdicts

    def ask(
        self, stage: str, phases: Iterable[Phase], *arguments: Any, recipients: Sequence[Recipient] = ()
    ) -> Steps[None]:
        """Asks the checks of a stage and adds what they say to `verdicts`. Refusal after the phase that calls for it.

        `recipients`: whose thresholds apply.
        """
        for phase in phases:
            asked = self._wanted(phase)
            if not asked:
                continue
            heard = yield tuple((check.name, partial(getattr(check, stage), *arguments)) for check in asked)
            before = len(self.verdicts)
            for answer in heard:
                self._hear(answer)
            if len(self.verdicts) > before:
                refusal = self.ruling(recipients).refusal
                if refusal is not None:
                    raise refusal

    def ruling(self, recipients: Sequence[Recipient] = ()) -> ruling.Ruling:
        """What the verdicts come to."""
        return ruling.combine(self.verdicts, self._table, recipients)

    def _hear(self, answer: Sequence[Verdict] | Silence | None) -> None:
        if isinstance(answer, Silence):
            self._tally.silence(answer)
            self.verdicts.append(self._table.silent(answer))
            return
        for verdict in answer or ():
            self._tally.verdict(verdict)
            self.verdicts.append(verdict)

    def _wanted(self, phase: Phase) -> Phase:
        """Once a letter is allowed, only what always counts or is to be told anyway is worth a question."""
        if any(verdict.action == ruling.ALLOW for verdict in self.verdicts):
            wanted = self._checks.always | self._checks.anyway
            return tuple(check for check in phase if check.name in wanted)
        return phase

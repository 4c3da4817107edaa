"""Checks asked without a door: a letter's steps driven by tests.support.steps, with a zone and services at hand.

Used by tests of intake's checks: `Scene(desk).letter(…)` gives the Letter or raises the Refusal a door would say.
Never opens a socket; what is waited for elsewhere (a thread, a database) is done in place.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from tests.support import steps
from tests.support import zone as zone_

from hatoba.intake.case import Client, Reverse
from hatoba.intake.desk import Desk
from hatoba.intake.transaction import Transaction
from hatoba.mailauth.questions import Answer, Question
from hatoba.model.address import Address
from hatoba.model.envelope import Letter, Recipient, Source
from hatoba.model.outcome import Verdict
from hatoba.model.status import Refusal

NOW = 1_700_000_000_000
PLAIN = b"From: ann@a.example\r\nSubject: hello\r\n\r\ntext\r\n"


class Answers:
    """DNS from `zone`, services from `services` (name → what gives the answer to a Consult). `asked`: the questions."""

    def __init__(
        self, zone: zone_.Zone | None = None, services: Mapping[str, Callable[[Any], Any]] | None = None
    ) -> None:
        self.zone = dict(zone or {})
        self.services = {"work": lambda consult: consult.subject.call(), **(services or {})}
        self.asked: list[Question] = []

    def look(self, question: Question) -> Answer:
        self.asked.append(question)
        return zone_.look(self.zone)(question)


class Scene:
    """One desk with its answers; `now` is what its clock says (ms). `client` is remembered until `connect`."""

    def __init__(self, desk: Desk, answers: Answers | None = None) -> None:
        self.desk = desk
        self.answers = answers or Answers()
        self.now = NOW
        self.client = Client()
        self.last: Transaction | None = None

    def connect(self) -> None:
        """From now on it is another connection."""
        self.client = Client()

    def begin(
        self, sender: str = "ann@a.example", ip: str = "192.0.2.1", helo: str = "mail.a.example", account: str = ""
    ) -> Transaction:
        source = Source("submission" if account else "mx", ip, 25, helo, "", account)
        mail = Reverse(Address.parse(sender) if sender else None)
        self.last = self.desk.begin(source, mail, 1, self.now, client=self.client)
        return self.last

    def rcpt(self, transaction: Transaction, to: str = "bob@example.org") -> None:
        steps.ended(transaction.recipient(Recipient(Address.parse(to))), self.answers.look, self.answers.services)

    def letter(self, content: bytes = PLAIN, *, to: Sequence[str] = ("bob@example.org",), **source: Any) -> Letter:
        transaction = self.begin(**source)
        for address in to:
            self.rcpt(transaction, address)
        made = transaction.end(content, dotted=False, eightbit=not content.isascii(), now=self.now)
        letter = steps.ended(made, self.answers.look, self.answers.services)
        assert isinstance(letter, Letter)
        return letter

    @property
    def verdicts(self) -> list[Verdict]:
        """Of the last letter."""
        assert self.last is not None
        return self.last.verdicts

    def said(self, check: str) -> list[tuple[str, float]]:
        """(action, score) of a check's verdicts about the last letter."""
        return [(each.action, each.score) for each in self.verdicts if each.check == check]


def refused(scene: Scene, **words: Any) -> str:
    """What a letter is told that must be refused."""
    with pytest.raises(Refusal) as caught:
        scene.letter(**words)
    return str(caught.value.status)

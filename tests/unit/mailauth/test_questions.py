"""Questions: engines are driven to their end, answers come in the order of the questions, names in one form."""

import pytest
from tests.support import zone

from hatoba.mailauth import questions
from hatoba.mailauth.questions import Answer, Question

ZONE = zone.look({"a.example": {"A": ["192.0.2.1"], "TXT": [b"one"], "MX": questions.TROUBLE}, "b.example": {}})


def several() -> questions.Asking[list[str]]:
    first = yield from questions.ask("A.Example.", "A")
    second, third = yield (Question("b.example", "A"), Question("c.example", "A"))
    fourth = yield from questions.ask("a.example", "MX")
    return [first.status, second.status, third.status, fourth.status]


def test_answers_come_in_order() -> None:
    assert questions.run(several(), ZONE) == ["ok", "nodata", "nxdomain", "trouble"]


def test_an_engine_may_ask_nothing() -> None:
    def silent() -> questions.Asking[int]:
        yield from ()
        return 7

    assert questions.run(silent(), ZONE) == 7


@pytest.mark.parametrize(
    ("answer", "void"),
    [(questions.NODATA, True), (questions.NXDOMAIN, True), (questions.TROUBLE, False), (Answer(("x",)), False)],
)
def test_void(answer: Answer, void: bool) -> None:
    assert answer.void is void

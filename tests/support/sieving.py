"""Sieve in tests: a script run over a letter with the answers that a test gives.

Called by tests of the room sieve.
Never catches what the room raises.
"""

from collections.abc import Callable, Mapping
from typing import Any

from hatoba.message import words
from hatoba.sieve import actions, engine, extensions, faults, questions, script, situation

NOW = 1_700_000_000_000  # 2023-11-14 22:13:20 UTC, a Tuesday
LETTER = (
    b"From: Fuyu <fuyu@example.net>\r\nTo: aki+lists@example.org\r\nSubject: =?utf-8?B?5YawIGhlbGxv?=\r\n"
    b"Date: Mon, 3 Jan 2022 10:20:30 +0900\r\nMessage-ID: <1@example.net>\r\n\r\nHello Aki,\r\nhow are you?\r\n"
)
_ALL = "require [" + ", ".join(f'"{name}"' for name in extensions.ALL) + "];\n"


def run(
    text: str,
    letter: bytes = LETTER,
    *,
    answers: Mapping[questions.Question, questions.Answer] | None = None,
    asked: list[questions.Question] | None = None,
    require: bool = True,
    **about: Any,
) -> actions.Result:
    """What the script comes to; all extensions are required for it unless `require` is False."""
    given = {"now": NOW, "sender": "fuyu@example.net", "recipient": "aki@example.org", **about}
    compiled = script.compile(_ALL + text if require else text)
    return questions.run(engine.run(compiled, letter, situation.Situation(**given)), answering(answers or {}, asked))


def answering(
    answers: Mapping[questions.Question, questions.Answer], asked: list[questions.Question] | None = None
) -> Callable[[questions.Question], questions.Answer]:
    """One who answers so, and otherwise knows of nothing."""

    def look(question: questions.Question) -> questions.Answer:
        if asked is not None:
            asked.append(question)
        return answers.get(question, questions.nothing(question))

    return look


def holds(test: str, letter: bytes = LETTER, **about: Any) -> bool:
    """Whether a test holds."""
    result = run(f'if {test} {{ fileinto "YES"; }} else {{ fileinto "NO"; }}', letter, **about)
    assert result.fault is None, result.fault
    (action,) = result.actions
    assert isinstance(action, actions.FileInto)
    return action.mailbox == "YES"


def value(text: str, letter: bytes = LETTER, **about: Any) -> str:
    """The variable x when the script is done."""
    result = run(f'{text}\naddheader "X-Value" "<${{x}}>";', letter, **about)
    assert result.fault is None, result.fault
    return words.decode(result.edits[-1].value)[1:-1]


def complaints(text: str, *, require: bool = True, **more: Any) -> list[str]:
    """The faults that compile finds; lines are those of `text`."""
    try:
        script.compile(_ALL + text if require else text, **more)
    except faults.SieveError as error:
        shift = 1 if require else 0
        return [str(fault._replace(line=fault.line - shift)) for fault in error.faults]
    return []

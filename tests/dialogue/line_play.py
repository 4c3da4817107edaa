"""Plays a script whose S: lines stand for one line each (POP3, ManageSieve) against a bare engine.

Called by test_pop3_engine and test_managesieve_engine.
Never opens a connection.
Fails with AssertionError, naming the line of the script.
"""

from collections.abc import Callable
from typing import Any, Protocol

from tests.dialogue import script

from hatoba.wire.engine import Signal


class Engine(Protocol):
    def receive(self, data: bytes, /) -> None: ...
    def next_event(self) -> Any: ...
    def send(self, answer: Any, /) -> bytes | list[bytes]: ...


def hear(engine: Engine, answer: Callable[[Any], Any], data: bytes) -> tuple[bytes, list[Any]]:
    """What is said to these octets, and the events with the signal they end in."""
    said = b""
    seen: list[Any] = []
    engine.receive(data)
    while not isinstance(event := engine.next_event(), Signal):
        seen.append(event)
        sent = engine.send(answer(event))
        said += sent if isinstance(sent, bytes) else b"".join(sent)
    return said, [*seen, event]


def play(played: script.Script, engine: Engine, answer: Callable[[Any], Any], step: int) -> None:
    """`step` octets at a time; 0, or where the script needs "whole": as it is written."""
    said = b""
    for move in played.steps:
        if move.kind == "send":
            width = len(move.data) if "whole" in played.needs else step or len(move.data)
            for at in range(0, len(move.data), width):
                said += hear(engine, answer, move.data[at : at + width])[0]
        elif move.kind == "closed":
            assert not said
            assert engine.next_event() is Signal.CLOSED
        else:
            line, end, said = said.partition(b"\r\n")
            assert end, f"{played.name}, line {move.line}: nothing said"
            assert line.startswith(move.text.encode()), f"{played.name}, line {move.line}: {line!r}"
    assert not said

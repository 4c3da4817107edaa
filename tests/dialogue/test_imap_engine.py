"""The scripts of tests/dialogue/imap against the bare server engine, whole and octet by octet.

They are written as script.py says, but for S: a line of the server begins so; S+ and S- speak of anywhere in that line.
"""

from pathlib import Path

import pytest
from tests.dialogue import script
from tests.support.imap_dialogue import OFFER, Bare

from hatoba.wire.engine import Signal

SCRIPTS = sorted((Path(__file__).parent / "imap").glob("*.txt"))


@pytest.mark.parametrize("step", [0, 1, 7], ids=["whole", "octets", "sevens"])
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_script(path: Path, step: int) -> None:
    play = script.read(path)
    bare = Bare(OFFER.replace(tls="tls" in play.needs, login="nologin" not in play.needs))
    step = 0 if "whole" in play.needs else step  # what is injected must be there with the command
    line = b""
    for move in play.steps:
        where = f"{path.name}:{move.line}"
        if move.kind == "send":
            width = step or len(move.data)
            for at in range(0, len(move.data), width):
                bare.hear(move.data[at : at + width])
        elif move.kind == "closed":
            assert not bare.said, where
            assert bare.engine.next_event() is Signal.CLOSED, where
        elif move.kind == "reply":
            line, end, bare.said = bare.said.partition(b"\r\n")
            assert end, f"{where}: nothing was said"
            assert line.decode().startswith(move.text), f"{where}: {line!r}"
        else:
            assert (move.text in line.decode()) == (move.kind == "has"), f"{where}: {line!r}"
    assert not bare.said, path.name

"""The control door over a real Unix socket: verbs answered, refusals told, bugs hidden behind an id, mode 0600."""

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hatoba.doors.control import call, serve
from hatoba.model.status import Refusal, Status


async def _later(arguments: dict[str, Any]) -> Any:
    await asyncio.sleep(0)
    return {"heard": arguments}


def _refuses(arguments: dict[str, Any]) -> Any:
    raise Refusal(Status("5.7.1", "not for you"))


def _fails(arguments: dict[str, Any]) -> Any:
    raise RuntimeError("a secret detail")


VERBS: dict[str, serve.Verb] = {
    "ping": lambda arguments: True,
    "later": _later,
    "refuses": _refuses,
    "needs": lambda arguments: arguments["what"],
    "fails": _fails,
}


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Path]:
    path = tmp_path / "run" / "worker-0.sock"
    server = await serve.serve(path, VERBS)
    yield path
    server.close()


async def ask(path: Path, verb: str, arguments: dict[str, Any] | None = None) -> Any:
    return await asyncio.to_thread(call.call, path, verb, arguments, timeout=10.0)


async def test_verbs_answer_at_once_or_later(door: Path) -> None:
    assert await ask(door, "ping") is True
    assert await ask(door, "later", {"a": [1, "二"]}) == {"heard": {"a": [1, "二"]}}


async def test_what_is_refused_says_why(door: Path) -> None:
    for verb, words in (("refuses", "not for you"), ("needs", "what"), ("nothing", "no verb 'nothing'; known: fails")):
        with pytest.raises(call.Failed, match=words):
            await ask(door, verb)


async def test_a_bug_is_an_id_and_the_door_stays_open(door: Path) -> None:
    with pytest.raises(call.Failed, match=r"internal error [0-9a-f]{8}") as told:
        await ask(door, "fails")
    assert "secret" not in str(told.value)
    assert await ask(door, "ping") is True


async def test_rubbish_is_answered_and_an_endless_line_ends_the_connection(door: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(door)
    writer.write(b"rubbish\n")
    assert b'"error"' in await reader.readline()
    writer.write(b"x" * (serve.MOST_LINE + 10))
    assert await reader.read() == b""
    writer.close()


async def test_only_the_owner_may_enter(door: Path) -> None:
    assert stat.S_IMODE(door.stat().st_mode) == 0o600
    assert stat.S_IMODE(door.parent.stat().st_mode) == 0o700


async def test_a_stale_socket_is_replaced(door: Path) -> None:
    second = await serve.serve(door, {"ping": lambda arguments: "second"})
    assert await ask(door, "ping") == "second"
    second.close()


def test_nobody_there_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(call.Unreachable):
        call.call(tmp_path / "none.sock", "ping")

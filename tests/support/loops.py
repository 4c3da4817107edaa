"""Both event loops: tests of what stands on sockets run on plain asyncio and on uvloop.

Called by tests of net and doors: `@pytest.mark.parametrize("loop", LOOPS)`, then `run(loop, main())`.
Never leaves a loop behind.
Fails with TimeoutError when `main` takes longer than `seconds`.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")
Factory = Callable[[], asyncio.AbstractEventLoop]

LOOPS: dict[str, Factory] = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def run(loop: str, main: Coroutine[Any, Any, T], seconds: float = 20) -> T:
    """Runs `main` on the loop of that name; errors nobody caught in a callback are raised."""
    stray: list[dict[str, Any]] = []

    async def guarded() -> T:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: stray.append(context))
        async with asyncio.timeout(seconds):
            return await main

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        result = runner.run(guarded())
    assert not stray, stray
    return result


async def until(true: Callable[[], object], seconds: float = 10) -> None:
    """Returns once `true()` is; TimeoutError after `seconds`."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.002)

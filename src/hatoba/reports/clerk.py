"""Clerk: a thread with a connection of its own to the directory, for work that must not hold up the loop.

Made by office and leader, one each; so each connection is used by one thread, and what was begun is ended at the close.
Never opens anything before there is work.
Fails with what the work raises; StoreTrouble when the directory cannot be opened.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from hatoba.store import base

T = TypeVar("T")
P = ParamSpec("P")


class Clerk:
    """`opener` opens the directory."""

    def __init__(self, name: str, opener: Callable[[], base.Register]) -> None:
        self._opener = opener
        self._thread = ThreadPoolExecutor(1, name)
        self._register: base.Register | None = None

    @property
    def register(self) -> base.Register:
        """The directory; asked in the thread alone."""
        if self._register is None:
            self._register = self._opener()
        return self._register

    async def do(self, function: Callable[P, T], /, *args: P.args, **words: P.kwargs) -> T:
        """Calls it in the thread, behind what was asked before."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: function(*args, **words))

    async def close(self) -> None:
        """Waits for what was begun."""
        await asyncio.to_thread(self._thread.shutdown)
        if self._register is not None:
            self._register.close()
            self._register = None

"""The one pump: bytes off a transport into an engine, its events to a session, all answers out in ONE write.

Called by the event loop, as the asyncio.Protocol of every connection, inward (server) and outward (client).
Never starts a task for a command, never reads ahead of an answer past 256 KiB, never lets plaintext cross into TLS.
A PeerError is answered by the session and closes; any other exception is logged whole with an id and closes.
"""

from __future__ import annotations

import inspect
import secrets
from functools import partial
from typing import TYPE_CHECKING, Any

from hatoba.model import status
from hatoba.net import session as sessions
from hatoba.net.connection import BLOCKED, CLOSING, STREAMING, UPGRADING, WAITING, Connection
from hatoba.wire import engine as engines

if TYPE_CHECKING:
    import asyncio
    import ssl
    from collections.abc import Callable, Iterator

AHEAD = 256 * 1024  # bytes taken in while an answer is awaited; then reading is paused
JOIN = 32 * 1024  # answers up to this size are joined into one buffer, larger ones go out as a list

_SIGNAL = engines.Signal
_KINDS, _kind = sessions.KINDS, sessions.kind
_SAYS, _PLAIN, _THEN, _LATER = sessions.SAYS, sessions.PLAIN, sessions.THEN, sessions.LATER


class Pump(Connection):
    """One connection with its engine and session. See Connection for `peer`, `local`, `tls`, `closing`, `idle`."""

    __slots__ = ("_ahead", "_drained", "_late", "_log", "_out", "_pieces", "_turning", "engine", "session")

    def __init__(
        self,
        engine: sessions.Engine,
        session: sessions.Session,
        *,
        loop: asyncio.AbstractEventLoop,
        log: sessions.Log,
        tls_context: ssl.SSLContext | None = None,
        server_side: bool = True,
        server_hostname: str | None = None,
        implicit_tls: bool = False,
        idle: float,
        handshake: float = 30.0,
    ) -> None:
        super().__init__(loop, tls_context, server_side, server_hostname, implicit_tls, idle, handshake)
        self.engine = engine
        self.session = session
        self._log = log
        self._out: list[bytes] = []
        self._late: list[Any] = []
        self._pieces: Iterator[bytes] | None = None
        self._ahead = 0
        self._turning = False
        self._drained: asyncio.Future[None] | None = None

    # ---- what the transport calls

    def data_received(self, data: bytes) -> None:
        if self._stopped & CLOSING:
            return
        if self._plain:
            self.abort()  # it speaks plaintext on a TLS port, or somebody else does
            return
        self._last = self._clock()
        try:
            self.engine.receive(data)
        except Exception as error:  # noqa: BLE001 # law 6: any bug is logged whole and closes this connection only
            self._failed(error)
            return
        if not self._stopped:
            self._turn()
            return
        self._ahead += len(data)
        if self._ahead > AHEAD and not self._paused and self.transport is not None:
            self._paused = True
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """Keeps a plain connection half open until what stands before the EOF is answered."""
        self._eof = True
        self.data_received(b"")
        return not self.tls and not self._stopped & CLOSING

    def pause_writing(self) -> None:
        self._stopped |= BLOCKED

    def resume_writing(self) -> None:
        self._stopped &= ~BLOCKED
        self._last = self._clock()
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        if self._pieces is not None:
            self._pour()
        self._turn()

    # ---- what sessions and their owners call

    def push(self, answer: object) -> None:
        """Sends an unsolicited answer (a client's next commands, a server's 421) now, or behind the event at hand."""
        if self._stopped & CLOSING:
            return
        if self._turning or self._stopped & (UPGRADING | STREAMING):
            self._late.append(answer)
            return
        self._last = self._clock()
        self._start(lambda: answer)

    def stream(self, pieces: Iterator[bytes]) -> None:
        """Sends large content behind what was said so far, a piece at a time as the peer takes it.

        Until the last piece is out no event is taken and pushes wait. The pieces are wire form, the end included.
        """
        self._pieces = pieces
        self._stopped |= STREAMING
        if not self._turning:
            self._turn()

    async def drained(self, patience: float) -> None:
        """Waits until the peer has taken so much that more may be pushed; for a session's coroutine with a long answer.

        A peer that takes nothing for `patience` seconds is cut off. The coroutine is cancelled when the peer leaves.
        """
        while self._stopped & BLOCKED and not self._stopped & CLOSING:
            self._drained = self._loop.create_future()
            waiting = self._loop.call_later(patience, self.abort)
            try:
                await self._drained
            finally:
                waiting.cancel()
                self._drained = None

    def close(self) -> None:
        """Ends the connection after what is already written. Twice is once."""
        self._stop()
        if not self._turning:
            self._flush()

    def abort(self) -> None:
        self._out.clear()
        super().abort()

    @property
    def waiting(self) -> bool:
        """An answer of ours is awaited (a commit, a lookup)."""
        return bool(self._stopped & WAITING)

    # ---- the turn

    def _turn(self) -> None:
        """Takes events until the engine wants bytes or something is awaited; then one write."""
        next_event, on = self.engine.next_event, self.session.on
        self._turning = True
        try:
            while not self._stopped:
                if self._late:
                    self._give(self._late.pop(0))
                    continue
                event = next_event()
                if event.__class__ is _SIGNAL:
                    if event is engines.CLOSED:
                        self._stop()
                    break
                answer = on(event)
                if answer is not None:
                    self._give(answer)
        except Exception as error:  # noqa: BLE001 # law 6, as above
            self._failed(error)
        self._turning = False
        if self._paused and not self._stopped:
            self._resume_reading()
        self._flush()

    def _start(self, call: Callable[..., Any], *arguments: Any) -> None:
        """Runs one of the session's other verbs, then a turn."""
        self._turning = True
        try:
            answer = call(*arguments)
            if answer is not None:
                self._give(answer)
        except Exception as error:  # noqa: BLE001 # law 6, as above
            self._failed(error)
        self._turn()

    def _give(self, answer: Any) -> None:
        kind = _KINDS.get(answer.__class__) or _kind(answer)
        if kind is _SAYS:
            data = self.engine.send(answer)
            if answer.then:
                self._follow(answer.then, data)
                return
        elif kind is _PLAIN:
            data = self.engine.send(answer)
        elif kind is _THEN:
            self._follow(answer.then, b"" if answer.answer is None else self.engine.send(answer.answer))
            return
        else:
            self._await(answer, kind)
            return
        if isinstance(data, bytes):
            self._out.append(data)
        else:  # large: it goes out before another event is taken, so that a peer who does not read stops us
            self._out += data
            self._write()

    def _await(self, answer: Any, kind: int) -> None:
        self._stopped |= WAITING
        if kind is _LATER:
            answer.future.add_done_callback(partial(self._answered, answer.finish))
            return
        if inspect.iscoroutine(answer):
            answer = self._task = self._loop.create_task(answer)
        answer.add_done_callback(partial(self._answered, _result))

    def _answered(self, finish: Callable[[asyncio.Future[Any]], Any], future: asyncio.Future[Any]) -> None:
        self._stopped &= ~WAITING
        self._task = None
        self._last = self._clock()
        if not self._stopped & CLOSING:
            self._start(finish, future)
        elif not future.cancelled():  # the peer has gone: the result is still heard, so that it can be logged
            try:
                finish(future)
            except Exception as error:  # noqa: BLE001 # law 6, as above
                self._report(error)

    def _follow(self, then: str, data: bytes | list[bytes]) -> None:
        if then == "tls":
            self._stop_for_tls()  # before the 220 goes out: what is buffered by now came as plaintext
            self.engine.tls_started()  # PeerError when there is some  # RFC 3207 §4.2
        if isinstance(data, bytes):
            self._out.append(data)
        else:
            self._out += data
        if then == "close":
            self._stop()

    def _write(self) -> None:
        out, transport = self._out, self.transport
        if transport is None or transport.is_closing():
            return
        self._out = []
        if len(out) == 1:
            transport.write(out[0])
        elif sum(map(len, out)) <= JOIN:
            transport.write(b"".join(out))
        else:
            transport.writelines(out)

    def _flush(self) -> None:
        if self._out:
            self._write()
        if self._stopped >= STREAMING:
            if self._stopped & CLOSING:
                self._close()
            elif self._stopped & UPGRADING:
                self._upgrade()
            elif self._pieces is not None and not self._stopped & BLOCKED:
                self._pour()
                self._turn()

    def _pour(self) -> None:
        """Writes pieces until the transport has enough or they end."""
        assert self._pieces is not None and self.transport is not None  # noqa: S101,PT018 # the callers looked
        try:
            for piece in self._pieces:
                self.transport.write(piece)
                if self._stopped & (BLOCKED | CLOSING):
                    return
        except Exception as error:  # noqa: BLE001 # law 6; half a content cannot be ended in order: cut it
            self._report(error)
            self.abort()
        self._pieces = None
        self._stopped &= ~STREAMING

    def _resume_reading(self) -> None:
        self._paused, self._ahead = False, 0
        if self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()

    # ---- what the connection calls

    def _opened(self) -> None:
        self._start(self.session.opened, self)

    def _secured(self) -> None:
        self._start(self.session.tls_started, self.tls)

    def _idled(self) -> None:
        self._last_words(self.session.timed_out)

    def _hear_out(self) -> None:
        self._pieces = None
        self._stopped &= ~(STREAMING | BLOCKED)
        if rest := self.left_behind():
            self.data_received(rest)

    def _lost(self, error: BaseException | None) -> None:
        self._pieces = None
        try:
            self.session.closed(error)
        except Exception as bug:  # noqa: BLE001 # law 6, as above
            self._report(bug)

    # ---- errors

    def _failed(self, error: Exception) -> None:
        if isinstance(error, status.PeerError):
            self._last_words(self.session.peer_error, error)
        else:
            self._last_words(self.session.fault, self._report(error))

    def _last_words(self, call: Callable[..., Any], *arguments: Any) -> None:
        """One answer, then the end."""
        try:
            answer = call(*arguments)
            if answer is not None:
                data = self.engine.send(answer)
                self._out += [data] if isinstance(data, bytes) else data
        except Exception as error:  # noqa: BLE001 # the last word failed too: log and close
            self._report(error)
        self._stop()
        if not self._turning:
            self._flush()

    def _report(self, error: Exception) -> str:
        error_id = secrets.token_hex(6)
        self._log.error("fault", error_id=error_id, peer=self.peer[0], exc_info=error)
        return error_id


def _result(future: asyncio.Future[Any]) -> Any:
    return future.result()

"""One connection below the pump: its transport, addresses, idle time, TLS upgrade and its two ways to end.

Called by pump, which adds the engine and the session on top.
Never reads a byte between the decision for TLS and the handshake; never arms a timer for a byte.
A failed handshake ends the connection with the error the TLS library gave.
"""

from __future__ import annotations

import array
import asyncio
import fcntl
import os
import socket
import ssl
import termios
from typing import TYPE_CHECKING, Any, cast

from hatoba.net import tls

if TYPE_CHECKING:
    from collections.abc import Callable

LINGER = 2.0  # seconds a closed server connection waits for the peer's FIN, so that our last reply is not reset away
LEFT = 64 * 1024  # octets of last words read from a broken connection
ABORT = 10.0  # seconds a closing connection may take to flush

WAITING, BLOCKED, STREAMING, UPGRADING, CLOSING = 1, 2, 4, 8, 16  # why no event is taken now


class Connection(asyncio.Protocol):
    """`idle` seconds without a byte end it. `implicit_tls` is a client's: TLS before the first word (a server's
    listener does that itself, before there is a pump).

    `peer` and `local` are (ip, port), `tls` is "" or "TLSv1.3 TLS_AES_256_GCM_SHA384"; `closing` is True from the
    moment the end was decided. `origin` (and `origin_tls`, for the log only) is what a trusted proxy said of its peer.
    """

    __slots__ = (
        "_clock", "_eof", "_gone", "_idle", "_last", "_loop", "_paused", "_plain", "_server_hostname", "_server_side",
        "_stopped", "_task", "_timer", "_tls_context", "_unsent", "closing", "handshake", "implicit_tls", "local",
        "on_gone", "origin", "origin_tls", "peer", "tls", "transport",
    )  # fmt: skip

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        tls_context: ssl.SSLContext | None,
        server_side: bool,
        server_hostname: str | None,
        implicit_tls: bool,
        idle: float,
        handshake: float,
    ) -> None:
        self.peer: tuple[str, int] = ("", 0)
        self.local: tuple[str, int] = ("", 0)
        self.origin: tuple[str, int] | None = None
        self.origin_tls = ""
        self.tls = ""
        self.closing = False
        self.implicit_tls = implicit_tls
        self.handshake = handshake
        self.on_gone: Callable[[Any], object] | None = None  # whoever keeps the set of connections
        self.transport: asyncio.Transport | None = None
        self._tls_context = tls_context
        self._server_side = server_side
        self._server_hostname = server_hostname
        self._loop = loop
        self._clock = loop.time
        self._idle = idle
        self._last = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[Any] | None = None
        self._stopped = 0
        self._unsent = 0
        self._paused = self._gone = self._eof = False
        self._plain = False  # implicit TLS whose handshake has not begun: uvloop reads whatever we say

    # ---- what pump adds

    def _opened(self) -> None:
        """The connection is ready for its first word."""
        raise NotImplementedError

    def _secured(self) -> None:
        """A handshake that followed STARTTLS is over."""
        raise NotImplementedError

    def _idled(self) -> None:
        """The idle time is over."""
        raise NotImplementedError

    def _hear_out(self) -> None:
        """A client's connection broke: what the peer said before it left may still lie in the socket."""
        raise NotImplementedError

    def _lost(self, error: BaseException | None) -> None:
        """The connection is gone; called once."""
        raise NotImplementedError

    # ---- begin

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        local = transport.get_extra_info("sockname")
        self.peer = self.origin or ((peer[0], peer[1]) if isinstance(peer, tuple) else ("", 0))
        self.local = (local[0], local[1]) if isinstance(local, tuple) else ("", 0)
        self._last = self._clock()
        self._timer = self._loop.call_later(self._idle, self._look)
        self.tls = tls.describe(transport.get_extra_info("ssl_object"))
        if self.implicit_tls and not self.tls:
            self._stop_for_tls()
            self._plain = True
            self._upgrade()
        else:
            self._opened()

    def now(self) -> float:
        """The loop's time, seconds."""
        return self._clock()

    def unread(self) -> int:
        """Octets that have come but were not read yet."""
        sock = self.transport.get_extra_info("socket") if self.transport is not None else None
        if sock is None:
            return 0
        count = array.array("i", [0])
        try:
            fcntl.ioctl(sock.fileno(), termios.FIONREAD, count)
        except OSError:  # gone meanwhile
            return 0
        return count[0]

    def left_behind(self) -> bytes:
        """Plain octets that came before the connection broke and that the loop did not read: a peer who refuses in
        the middle of a content answers and resets, and our next write fails before its answer is read."""
        sock = self.transport.get_extra_info("socket") if self.transport is not None and not self.tls else None
        if sock is None:
            return b""
        try:
            with socket.socket(fileno=os.dup(sock.fileno())) as left:
                left.setblocking(False)
                return left.recv(LEFT)
        except OSError:  # nothing there, or gone altogether
            return b""

    # ---- TLS

    def set_tls_context(self, context: ssl.SSLContext, server_hostname: str | None = None) -> None:
        """The context of a later STARTTLS (a client knows it only once the host is chosen)."""
        self._tls_context = context
        self._server_hostname = server_hostname

    def peer_certificate(self) -> bytes | None:
        """The peer's certificate in DER, once TLS stands and it showed one."""
        secured = self.transport.get_extra_info("ssl_object") if self.transport is not None else None
        return secured.getpeercert(binary_form=True) if secured is not None else None

    def peer_chain(self) -> tuple[bytes, ...]:
        """All certificates the peer sent, its own first, in DER; () without TLS."""
        return tls.chain(self.transport.get_extra_info("ssl_object") if self.transport is not None else None)

    def bindings(self) -> dict[str, bytes]:
        """What a client may bind its login to, of TLS with us as the server: see tls.bindings."""
        return tls.bindings(self.transport.get_extra_info("ssl_object") if self.transport is not None else None)

    def _stop_for_tls(self) -> None:
        """From here on no plaintext is read."""
        if self._tls_context is None or self.transport is None or self.tls:
            raise RuntimeError("TLS asked for, without a context or twice")
        self.transport.pause_reading()
        self._paused = False  # start_tls resumes reading by itself
        self._stopped |= UPGRADING

    def _upgrade(self) -> None:
        if self._task is None:
            self._task = self._loop.create_task(self._shake_hands())

    async def _shake_hands(self) -> None:
        self._plain = False
        if self._stopped & CLOSING:  # cut before it began
            self._task = None
            return
        assert self.transport is not None and self._tls_context is not None  # noqa: S101,PT018 # _stop_for_tls saw to it
        try:
            upgraded = await self._loop.start_tls(
                self.transport,
                self,
                self._tls_context,
                server_side=self._server_side,
                server_hostname=self._server_hostname,
                ssl_handshake_timeout=self.handshake,
            )
            if upgraded is None:
                raise ConnectionResetError("the peer left during the TLS handshake")
        except (TimeoutError, OSError) as error:
            self._task = None
            self.transport.abort()
            self.connection_lost(error)  # the loop tells only its own TLS layer
            return
        self._task = None
        if self._gone or self._stopped & CLOSING:
            upgraded.abort()
            self.connection_lost(None)
            return
        self.transport = upgraded
        self.tls = tls.describe(upgraded.get_extra_info("ssl_object"))
        self._last = self._clock()
        self._stopped &= ~UPGRADING
        if self.implicit_tls:
            self._opened()
        else:
            self._secured()

    # ---- idle

    def set_idle(self, seconds: float) -> None:
        """Another idle time, counted from now: free where it grows, one timer re-armed where it shrinks."""
        shorter = seconds < self._idle
        self._idle = seconds
        self._last = self._clock()
        if shorter and self._timer is not None:
            self._timer.cancel()
            self._timer = self._loop.call_later(seconds, self._look)

    def _look(self) -> None:
        """The idle timer: re-arms for what is left, so that a byte costs no timer."""
        left = self._last + self._idle - self._clock()
        unsent = self.transport.get_write_buffer_size() if self.transport is not None else 0
        busy = self._stopped & (WAITING | UPGRADING)  # we are the slow ones, or the handshake has its own time
        if busy or (unsent and unsent != self._unsent):  # or the peer is reading, slowly
            left = self._idle
        self._unsent = unsent
        if left > 0.001:
            self._timer = self._loop.call_later(left, self._look)
            return
        self._timer = None
        if not self._stopped & CLOSING:
            self._idled()

    # ---- end

    def abort(self) -> None:
        """Cuts the connection at once; what is not yet sent is lost."""
        self._stop()
        if self.transport is not None:
            self.transport.abort()

    def _stop(self) -> None:
        self._stopped |= CLOSING
        self.closing = True

    def _close(self) -> None:
        """Ends it after what was written. A server waits a little for the peer's FIN: a close on top of unread
        bytes would be a reset, which may destroy the last reply on its way. # RFC 9293 §3.6.1"""
        transport = self.transport
        if transport is None or transport.is_closing() or self._gone:
            return
        if self._timer is not None:
            self._timer.cancel()
        if self._server_side and not self._eof and not self.tls and transport.can_write_eof():
            try:
                transport.write_eof()
            except OSError:  # reset by the peer, and the loop has not heard of it yet
                transport.abort()
                return
            if self._paused:
                self._paused = False
                transport.resume_reading()
            self._timer = self._loop.call_later(LINGER, transport.abort)
        else:
            transport.close()
            self._timer = self._loop.call_later(ABORT, transport.abort)

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._gone:
            return
        if exc is not None and not self._server_side and not self._stopped & (UPGRADING | CLOSING):
            self._hear_out()
        self._gone = True
        self._stop()
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
        self._lost(exc)
        if self.on_gone is not None:
            self.on_gone(self)

"""One exchange with one DNS server: a datagram from a fresh port, or TCP where the answer is too long.

Called by dns alone.
Never takes an answer with another id, question or sender: it goes on waiting, for a forger may be guessing.
Fails with TimeoutError, OSError, or Malformed when the server's message cannot be read.
"""

from __future__ import annotations

import asyncio
import secrets
import socket

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

PAYLOAD = 1232  # octets of a datagram that no path fragments  # DNS flag day 2020
_TCP_MOST = 65535


class Malformed(Exception):
    """The server sent what is no DNS message."""


def question(name: str, rtype: str, *, edns: bool) -> dns.message.QueryMessage:
    """A recursive question with a fresh id that asks for the AD bit. ValueError when the name is none."""
    try:
        query = dns.message.make_query(name, rtype, use_edns=0 if edns else None, payload=PAYLOAD)
    except (dns.exception.DNSException, UnicodeError) as error:
        raise ValueError(f"{name!r} cannot be asked for: {error}") from error
    query.id = secrets.randbits(16)
    query.flags |= dns.flags.AD  # RFC 6840 §5.7
    return query


class _Datagram(asyncio.DatagramProtocol):
    """Waits for the one answer to `query`."""

    def __init__(self, query: dns.message.Message, wire: bytes, answer: asyncio.Future[dns.message.Message]) -> None:
        self._query, self._wire, self._answer = query, wire, answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.sendto(self._wire)  # type: ignore[attr-defined] # a datagram transport, says create_datagram_endpoint

    def datagram_received(self, data: bytes, addr: object) -> None:
        if self._answer.done() or data[:2] != self._wire[:2]:
            return
        try:
            reply = _read(data)
        except Malformed as error:
            self._answer.set_exception(error)
            return
        if self._query.is_response(reply):
            self._answer.set_result(reply)

    def error_received(self, exc: Exception) -> None:
        if not self._answer.done():
            self._answer.set_exception(exc)


def _read(data: bytes) -> dns.message.Message:
    try:
        return dns.message.from_wire(data, ignore_trailing=True, raise_on_truncation=False)
    except (dns.exception.DNSException, ValueError) as error:
        raise Malformed(str(error) or type(error).__name__) from error


async def ask(query: dns.message.Message, host: str, port: int, timeout: float) -> dns.message.Message:
    """The reply, over TCP when it did not fit a datagram. `timeout` seconds for all of it."""
    loop = asyncio.get_running_loop()
    wire = query.to_wire()
    async with asyncio.timeout(timeout):
        answer: asyncio.Future[dns.message.Message] = loop.create_future()
        # A socket of our own, connected: no look-up of the literal in a thread, and the kernel draws the port.
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.connect((host, port))
            transport, _ = await loop.create_datagram_endpoint(lambda: _Datagram(query, wire, answer), sock=sock)
        except BaseException:
            sock.close()
            raise
        try:
            reply = await answer
        finally:
            transport.close()
        if reply.flags & dns.flags.TC:
            reply = await _ask_tcp(query, wire, host, port)
    return reply


async def _ask_tcp(query: dns.message.Message, wire: bytes, host: str, port: int) -> dns.message.Message:
    """# RFC 7766"""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(len(wire).to_bytes(2, "big") + wire)
        head = await reader.readexactly(2)
        reply = _read(await reader.readexactly(min(int.from_bytes(head, "big"), _TCP_MOST)))
    except asyncio.IncompleteReadError as error:
        raise ConnectionResetError("the server closed the TCP connection") from error
    finally:
        writer.transport.abort()
    if not query.is_response(reply):
        raise Malformed("an answer to another question")
    return reply

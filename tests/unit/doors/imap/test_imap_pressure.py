"""Clients that do not read, leave in the middle, or are shown out; and many who wait at the same time."""

from __future__ import annotations

import asyncio
import socket

from tests.support.imap_site import PASSWORD, ImapClient, Site, connected, letter

from hatoba.doors.imap.door import Door

LARGE = letter("large", ("y" * 998 + "\r\n") * 8000)  # 8 MB


def blocking(port: int) -> socket.socket:
    """A client that reads only when told to, with small buffers."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", port))
    sock.setblocking(False)
    return sock


async def said(sock: socket.socket, *lines: bytes) -> None:
    loop = asyncio.get_running_loop()
    for line in lines:
        await loop.sock_sendall(sock, line + b"\r\n")
        seen = b""
        while b"\r\n" + line.split()[0] + b" OK" not in b"\r\n" + seen:
            seen += await loop.sock_recv(sock, 4096)


async def test_who_does_not_read_is_not_sent_more_than_a_little(imap: Door, alice: ImapClient) -> None:
    await alice.append("INBOX", LARGE)
    loop = asyncio.get_running_loop()
    sock = blocking(imap.port)
    try:
        await said(sock, f'a LOGIN alice@example.org "{PASSWORD}"'.encode(), b"b SELECT INBOX")
        await loop.sock_sendall(sock, b"c UID FETCH 1:* BODY.PEEK[]\r\n")
        async with asyncio.timeout(30):
            while not (busy := [one for one in imap.sessions if one.commanding]):
                await asyncio.sleep(0)
        (session,) = busy
        assert session.pump.transport is not None
        async with asyncio.timeout(30):
            while not session.pump.transport.get_write_buffer_size():
                await asyncio.sleep(0)
            await alice.ok("NOOP")  # the others are served meanwhile
            assert session.pump.transport.get_write_buffer_size() < 1_000_000
            octets = 0
            while octets < len(LARGE):
                octets += len(await loop.sock_recv(sock, 1 << 20))
    finally:
        sock.close()


async def test_who_leaves_in_the_middle_leaves_nothing_behind(imap: Door, alice: ImapClient, mail_site: Site) -> None:
    await alice.append("INBOX", LARGE)
    sock = blocking(imap.port)
    await said(sock, f'a LOGIN alice@example.org "{PASSWORD}"'.encode(), b"b SELECT INBOX")
    await asyncio.get_running_loop().sock_sendall(sock, b"c UID FETCH 1:* BODY.PEEK[]\r\n")
    sock.close()
    async with asyncio.timeout(30):
        while len(imap.sessions) > 1:
            await asyncio.sleep(0)
    assert (await alice.ok("FETCH 1 RFC822.SIZE")) == [b"* 1 FETCH (RFC822.SIZE %d)" % len(LARGE)]
    assert not [fields for level, _, fields in mail_site.log.said if level == "error"]


async def test_a_half_sent_letter_is_forgotten(imap: Door, mail_site: Site) -> None:
    async with connected(imap.port, "alice") as client:
        client.writer.write(b"a APPEND INBOX {500000+}\r\n" + b"x" * 400_000)
        async with asyncio.timeout(30):
            while not list(mail_site.folder.path.glob("*.part")):
                await asyncio.sleep(0)
    async with asyncio.timeout(30):
        while list(mail_site.folder.path.glob("*.part")):
            await asyncio.sleep(0)


async def test_many_wait_at_the_same_time_and_all_hear(mail_site: Site) -> None:
    house = mail_site.house(connections_per_account=200)
    async with mail_site.door(house=house) as door, connected(door.port, "alice") as writer:
        ears = []
        for _ in range(60):
            reader, out = await asyncio.open_connection("127.0.0.1", door.port)
            ear = ImapClient(reader, out)
            await ear.answer()
            await ear.login()
            await ear.ok("SELECT INBOX")
            out.write(b"i IDLE\r\n")
            assert await ear.answer() == b"+ idling"
            ears.append(ear)
        await writer.append("INBOX", letter())
        async with asyncio.timeout(30):
            for ear in ears:
                assert await ear.answer() == b"* 1 EXISTS"
        for ear in ears:
            await ear.close()


async def test_a_drained_door_says_good_bye_to_idle_clients(mail_site: Site) -> None:
    async with mail_site.door() as door, connected(door.port, "alice") as client:
        client.writer.write(b"i IDLE\r\n")
        assert await client.answer() == b"+ idling"
        await door.drain(2)
        assert (await client.answer()).startswith(b"* BYE")
        assert await client.reader.read() == b""

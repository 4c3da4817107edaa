"""The POP3 door where something goes wrong: slow and idle clients, limits, troubles of the store, the door's end."""

import asyncio
import poplib
import socket

import pytest
from tests.support import letters
from tests.support.loops import LOOPS, run, until
from tests.support.mail_site import ALICE, MailSite
from tests.support.pop3_site import client, house, opened, refused, say, serve
from tests.support.smtp_site import PASSWORD, Lines

from hatoba.doors.pop3 import door
from hatoba.doors.pop3.counts import Counts
from hatoba.doors.pop3.settings import Listener
from hatoba.net import listen, tls

both = pytest.mark.parametrize("loop", LOOPS)
LARGE = b"Subject: large\r\n\r\n" + b".a line of many\r\n" * 60_000
RAWS = [letters.octets(1, "one"), letters.octets(2, "two")]


@both
def test_a_client_that_does_not_read_stops_us(loop: str, mail_site: MailSite) -> None:
    """A large letter goes out piece by piece; what waits for the client is bounded."""
    mail_site.fill([b"Subject: x\r\n\r\n" + b"0123456789abcdef\r\n" * 300_000])

    async def main() -> None:
        made = house(mail_site, cleartext=("127.0.0.1",))
        async with opened(mail_site, "pop3", made) as found:
            reader, writer = await asyncio.open_connection("127.0.0.1", found.port, limit=1 << 16)
            writer.write(f"USER {ALICE}\r\nPASS {PASSWORD}\r\nRETR 1\r\n".encode())
            for _ in range(4):
                assert (await reader.readline()).startswith(b"+OK")
            (session,) = found.sessions
            transport = session.pump.transport
            assert transport is not None
            await until(lambda: transport.get_write_buffer_size() > 0)
            most = 0
            for _ in range(50):
                await asyncio.sleep(0.002)
                most = max(most, transport.get_write_buffer_size())
            assert 0 < most < 1 << 20
            octets = 0
            while (line := await reader.readline()) != b".\r\n":
                octets += len(line)
            assert octets == 14 + 5_400_000
            writer.write(b"QUIT\r\n")
            assert (await reader.read()).startswith(b"+OK")
            writer.close()

    run(loop, main(), 60)


@both
def test_limits_of_connections(loop: str, mail_site: MailSite) -> None:
    made = house(mail_site, connections=2, connections_per_account=1)

    def part(port: int) -> None:
        with client(port) as one:
            assert "[IN-USE]" in refused(port)
            with (
                client(port, "bob@example.org"),
                socket.create_connection(("127.0.0.1", port), 10) as bare,
                tls.client_context().wrap_socket(bare) as third,
                third.makefile("rb") as lines,
            ):
                assert lines.readline().startswith(b"-ERR [SYS/TEMP] Too many connections")
            one.quit()

    serve(loop, mail_site, part, made=made)
    assert made.counts.open == 0
    assert made.counts.turned_away == 1
    assert mail_site.counters.count("pop3 connections") == 0


def test_too_many_errors_end_it(mail_site: MailSite) -> None:
    def part(port: int) -> None:
        with client(port) as one:
            for _ in range(3):
                with pytest.raises(poplib.error_proto, match="recognized"):
                    say(one, "XYZZY")
            with pytest.raises(poplib.error_proto, match="Too many errors"):
                one.retr(1)
            with pytest.raises((poplib.error_proto, OSError)):
                one.noop()

    serve("asyncio", mail_site, part, made=house(mail_site, errors=3))


@both
def test_a_store_in_trouble_is_told_and_loses_nothing(loop: str, mail_site: MailSite) -> None:
    mail_site.fill(RAWS[:2])
    shard = mail_site.store.shard(ALICE)

    def part(port: int) -> None:
        with client(port) as one:
            one.dele(1)
            shard.wait(lambda tx: tx.run("ALTER TABLE message RENAME TO away"))
            with pytest.raises(poplib.error_proto, match="SYS/TEMP"):
                one.retr(2)
            with pytest.raises(poplib.error_proto, match="SYS/TEMP"):
                one.quit()
        assert "[SYS/TEMP]" in refused(port)

    made = house(mail_site)
    serve(loop, mail_site, part, made=made)
    assert made.counts.store_troubles == 3
    assert made.counts.deleted == 0
    shard.wait(lambda tx: tx.run("ALTER TABLE away RENAME TO message"))
    assert len(mail_site.inbox()) == 2


@both
def test_an_idle_client_is_cut_without_a_word_and_nothing_deleted(loop: str, mail_site: MailSite) -> None:
    mail_site.fill(RAWS[:1])

    async def main() -> None:
        made = house(mail_site, cleartext=("127.0.0.1",), login=0.2)
        async with opened(mail_site, "pop3", made) as found:
            reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
            assert (await reader.readline()).startswith(b"+OK")
            assert await reader.read() == b""
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
            writer.write(f"USER {ALICE}\r\nPASS {PASSWORD}\r\nDELE 1\r\n".encode())
            for _ in range(4):
                assert (await reader.readline()).startswith(b"+OK")
            found.sessions[0].pump.set_idle(0.05)
            assert await reader.read() == b""
            writer.close()
        assert made.counts.timeouts == 2

    run(loop, main())
    assert len(mail_site.inbox()) == 1


@both
def test_a_closing_door_lets_who_has_marked_something_quit(loop: str, mail_site: MailSite) -> None:
    mail_site.fill(RAWS[:2])

    async def main() -> None:
        made = house(mail_site, cleartext=("127.0.0.1",))
        listener = Listener(kind="pop3", port=0, address=("127.0.0.1",))
        found = await door.open_door(listen.bind("127.0.0.1", 0), listener, made)
        idle, quiet = await asyncio.open_connection("127.0.0.1", found.port)
        await idle.readline()
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        writer.write(f"USER {ALICE}\r\nPASS {PASSWORD}\r\nDELE 1\r\n".encode())
        for _ in range(4):
            await reader.readline()
        closing = asyncio.ensure_future(found.drain(10))
        assert (await idle.read()).startswith(b"-ERR [SYS/TEMP]")
        writer.write(b"QUIT\r\n")
        assert (await reader.read()).startswith(b"+OK")
        await closing
        writer.close()
        quiet.close()

    run(loop, main())
    assert len(mail_site.inbox()) == 1


def test_a_bug_is_an_error_with_an_id(mail_site: MailSite) -> None:
    mail_site.fill(RAWS[:1])

    async def main() -> Lines:
        made = house(mail_site, cleartext=("127.0.0.1",))
        async with opened(mail_site, "pop3", made) as found:
            reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
            writer.write(f"USER {ALICE}\r\nPASS {PASSWORD}\r\n".encode())
            for _ in range(3):
                await reader.readline()
            found.sessions[0].drop = None
            writer.write(b"STAT\r\n")
            assert (await reader.read()).startswith(b"-ERR [SYS/TEMP] Internal error ")
            writer.close()
            assert made.counts.faults == 1
        return mail_site.log

    assert "fault" in run("asyncio", main()).events()


def test_a_letter_that_breaks_off_cuts_the_connection(mail_site: MailSite) -> None:
    """Half a letter must not look like a whole one."""
    mail_site.fill([LARGE])
    shard = mail_site.store.shard(ALICE)
    shard.wait(lambda tx: tx.run("DELETE FROM piece WHERE id = (SELECT max(id) FROM piece)"))

    def part(port: int) -> None:
        with client(port) as one, pytest.raises((poplib.error_proto, OSError)):
            one.retr(1)

    serve("uvloop", mail_site, part)
    assert "letter broken off" in mail_site.log.events()


def test_a_letter_that_is_not_there_is_told_so(mail_site: MailSite) -> None:
    mail_site.fill([LARGE, RAWS[0]])
    shard = mail_site.store.shard(ALICE)
    shard.wait(lambda tx: tx.run("DELETE FROM header"))

    def part(port: int) -> None:
        with client(port) as one:
            for number in (1, 2):
                with pytest.raises(poplib.error_proto, match="SYS/TEMP"):
                    one.retr(number)
            with pytest.raises(poplib.error_proto, match="SYS/TEMP"):
                one.top(2, 0)
            one.noop()
            one.quit()

    serve("uvloop", mail_site, part)


def test_a_listener_with_implicit_tls_needs_a_certificate(mail_site: MailSite) -> None:
    async def main() -> None:
        with listen.bind("127.0.0.1", 0) as sock, pytest.raises(ValueError, match="certificate"):
            await door.open_door(sock, Listener(kind="pop3s", port=0), house(mail_site, with_tls=False))

    run("asyncio", main())


def test_counts_say_what_they_are() -> None:
    assert {name: value for name, about, value in Counts(open=3).rows() if about and value} == {"open": 3}

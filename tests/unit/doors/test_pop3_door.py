"""The POP3 door on real sockets and TLS, with poplib for a client: logging in, reading, deleting at QUIT."""

import asyncio
import base64
import poplib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import pytest
from tests.support import letters, mail_site
from tests.support.loops import LOOPS, run, until
from tests.support.mail_site import ALICE, HOSTNAME, MailSite, aside
from tests.support.smtp_site import PASSWORD, Lines

from hatoba.doors.pop3 import door
from hatoba.doors.pop3.house import House
from hatoba.doors.pop3.settings import Listener, Settings
from hatoba.net import listen, tls
from hatoba.store import trouble
from hatoba.wire.pop3 import languages

both = pytest.mark.parametrize("loop", LOOPS)
DOTTED = b"Subject: dots\r\n\r\n.\r\n..\r\n.text\r\nend"
LARGE = b"Subject: large\r\n\r\n" + b".a line of many\r\n" * 60_000
RAWS = [letters.octets(1, "one"), DOTTED, letters.octets(3, "three", "x\r\ny\r\nz"), LARGE]


def house(site: MailSite, *, with_tls: bool = True, **settings: Any) -> House:
    return House(
        settings=Settings(**settings),
        hostname=HOSTNAME,
        login=site.login,
        post=site.post,
        clock=site.clock,
        counters=site.counters,
        headroom=site.headroom,
        log=site.log,
        tls=site.tls if with_tls else None,
        version="0.0",
    )


@asynccontextmanager
async def opened(site: MailSite, kind: Any = "pop3s", made: House | None = None) -> AsyncIterator[door.Door]:
    listener = Listener(kind=kind, port=0, address=("127.0.0.1",))
    async with mail_site.opened(door.open_door(listen.bind("127.0.0.1", 0), listener, made or house(site))) as found:
        yield found


@contextmanager
def secure(port: int) -> Iterator[poplib.POP3_SSL]:
    one = poplib.POP3_SSL("127.0.0.1", port, timeout=10, context=tls.client_context())
    try:
        yield one
    finally:
        one.close()


@contextmanager
def client(port: int, name: str = ALICE, secret: str = PASSWORD) -> Iterator[poplib.POP3_SSL]:
    """Logged in."""
    with secure(port) as one:
        one.user(name)
        one.pass_(secret)
        yield one


@contextmanager
def plain(port: int) -> Iterator[poplib.POP3]:
    one = poplib.POP3("127.0.0.1", port, timeout=10)
    try:
        yield one
    finally:
        one.close()


def refused(port: int, name: str = ALICE, secret: str = PASSWORD) -> str:
    """What a login is refused with."""
    with pytest.raises(poplib.error_proto) as caught, client(port, name, secret):
        pass
    return str(caught.value)


def serve(loop: str, site: MailSite, part: Callable[[int], Any], kind: Any = "pop3s", made: House | None = None) -> Any:
    """What the client's part comes to."""

    async def main() -> Any:
        async with opened(site, kind, made) as found:
            return await aside(part, found.port)

    return run(loop, main())


def crlf(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\r\n" for line in lines)


@both
def test_reading_and_leaving_on_the_server(loop: str, mail_site: MailSite) -> None:
    mail_site.fill(RAWS)

    def part(port: int) -> list[bytes]:
        with client(port) as one:
            assert one.stat() == (4, sum(map(len, RAWS)))
            assert one.list()[1] == [b"%d %d" % (n, len(raw)) for n, raw in enumerate(RAWS, 1)]
            for number, raw in enumerate(RAWS, 1):
                said, lines, _ = one.retr(number)
                assert said == b"+OK %d octets" % len(raw)
                assert crlf(lines) == raw + (b"" if raw.endswith(b"\n") else b"\r\n")
            assert crlf(one.top(3, 2)[1]).endswith(b"\r\n\r\nx\r\ny\r\n")
            assert one.top(4, 1)[1] == [b"Subject: large", b"", b".a line of many"]
            assert one.top(2, 0)[1] == [b"Subject: dots", b""]
            found: list[bytes] = one.uidl()[1]
            assert one.uidl(2).split()[2] == found[1].split()[1]
            one.quit()
            return found

    uids = serve(loop, mail_site, part)
    assert len({line.split()[1] for line in uids}) == 4
    assert all(len(line.split()[1]) <= 70 for line in uids)
    assert list(mail_site.inbox().values()) == [{"\\Seen"}] * 4


@both
def test_what_is_deleted_goes_at_quit_and_keeps_the_others_names(loop: str, mail_site: MailSite) -> None:
    mail_site.fill(RAWS[:3])

    def part(port: int) -> tuple[list[bytes], list[bytes]]:
        with client(port) as one:
            before = [line.split()[1] for line in one.uidl()[1]]
            one.dele(1)
            assert one.stat()[0] == 2
            assert one.list()[1] == [b"2 %d" % len(RAWS[1]), b"3 %d" % len(RAWS[2])]
            for refused in (one.retr, one.dele, one.list, one.uidl):
                with pytest.raises(poplib.error_proto, match="No such message"):
                    refused(1)
            one.rset()
            assert one.stat()[0] == 3
            one.dele(2)
            one.quit()
            with client(port) as two:
                after = [line.split()[1] for line in two.uidl()[1]]
                two.quit()
                return before, after

    before, after = serve(loop, mail_site, part)
    assert after == [before[0], before[2]]
    assert len(mail_site.inbox()) == 2


@both
def test_nothing_is_deleted_without_quit(loop: str, mail_site: MailSite) -> None:
    mail_site.fill(RAWS[:2])

    def part(port: int) -> None:
        with client(port) as one:
            one.retr(1)
            one.dele(1)
            one.close()

    serve(loop, mail_site, part)
    assert list(mail_site.inbox().values()) == [set(), set()]


@both
def test_sessions_are_still_views(loop: str, mail_site: MailSite) -> None:
    """Two of one account, and an IMAP client in between: none is shut out, and numbers stay what they were."""
    mail_site.fill(RAWS[:3])

    def part(port: int) -> None:
        with client(port) as one, client(port) as two:
            one.dele(1)
            one.dele(3)
            one.quit()
            mail_site.fill([letters.octets(9, "late")])
            assert two.stat()[0] == 3
            assert crlf(two.retr(3)[1]) == RAWS[2]
            assert crlf(two.retr(1)[1]) == RAWS[0]
            two.dele(1)
            two.dele(2)
            two.quit()
        with client(port) as three:
            assert three.stat()[0] == 1

    serve(loop, mail_site, part)


def test_reading_may_leave_no_mark(mail_site: MailSite) -> None:
    mail_site.fill(RAWS[:1])

    def part(port: int) -> None:
        with client(port) as one:
            one.retr(1)
            one.quit()

    serve("asyncio", mail_site, part, made=house(mail_site, seen=False))
    assert list(mail_site.inbox().values()) == [set()]


@both
def test_stls_and_nothing_before_it(loop: str, mail_site: MailSite) -> None:
    mail_site.fill(RAWS[:1])

    def part(port: int) -> None:
        with plain(port) as one:
            assert "STLS" in one.capa()
            assert not {"USER", "SASL"} & set(one.capa())
            for refused in (one.user, one._shortcmd):
                with pytest.raises(poplib.error_proto, match=r"\[AUTH\]|recognized"):
                    refused(ALICE)
            one.stls(tls.client_context())
            capable = one.capa()
            assert capable["SASL"][:2] == ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]
            assert capable["EXPIRE"] == ["NEVER"]
            assert capable["IMPLEMENTATION"] == ["hatoba-0.0"]
            assert "STLS" not in capable
            one.user(ALICE)
            one.pass_(PASSWORD)
            assert one.stat()[0] == 1
            one.quit()

    serve(loop, mail_site, part, "pop3")


def test_plaintext_behind_stls_is_not_taken(mail_site: MailSite) -> None:
    def part(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), 10) as sock, sock.makefile("rb") as lines:
            assert lines.readline().startswith(b"+OK")
            sock.sendall(b"STLS\r\nUSER alice\r\n")
            assert lines.readline().startswith(b"-ERR STLS must be the last")
            assert lines.read() == b""

    serve("uvloop", mail_site, part, "pop3")


def test_a_named_network_may_do_without_tls(mail_site: MailSite) -> None:
    def part(port: int) -> None:
        with plain(port) as one:
            one.user(ALICE)
            one.pass_(PASSWORD)
            assert one.stat() == (0, 0)
            assert one.list()[1] == []
            one.quit()

    serve("uvloop", mail_site, part, "pop3", house(mail_site, cleartext=("127.0.0.0/8",), with_tls=False))


@both
def test_wrong_passwords_are_told_alike_and_lock_out(loop: str, mail_site: MailSite) -> None:
    def part(port: int) -> list[str]:
        names = (ALICE, ALICE, "nobody@example.org", "off@example.org", ALICE, ALICE, ALICE, ALICE)
        return [refused(port, name, "wrong") for name in names]

    said = serve(loop, mail_site, part)
    assert ["[AUTH] Authentication failed" in line for line in said] == [True] * 7 + [False]
    assert "[SYS/TEMP] Too many failed logins" in said[7]


@both
def test_sasl(loop: str, mail_site: MailSite) -> None:
    def part(port: int) -> None:
        with secure(port) as one:
            assert one._shortcmd("AUTH PLAIN") == b"+ "
            assert one._shortcmd(base64.b64encode(f"\0{ALICE}\0{PASSWORD}".encode()).decode()) == b"+OK Logged in"
            one.quit()
            with secure(port) as two:
                assert [line.split()[0] for line in two._longcmd("AUTH")[1]][-2:] == [b"PLAIN", b"LOGIN"]
                two._shortcmd("AUTH LOGIN")
                with pytest.raises(poplib.error_proto, match="cancelled"):
                    two._shortcmd("*")
                two._shortcmd("AUTH LOGIN")
                with pytest.raises(poplib.error_proto, match="Not base64"):
                    two._shortcmd("?")
                assert (
                    two._shortcmd("AUTH PLAIN " + base64.b64encode(f"\0{ALICE}\0{PASSWORD}".encode()).decode())[:3]
                    == b"+OK"
                )
                assert two.stat() == (0, 0)
                two.quit()

    serve(loop, mail_site, part)


@both
def test_languages_and_utf8(loop: str, mail_site: MailSite) -> None:
    def part(port: int) -> None:
        with secure(port) as one:
            one.encoding = "utf-8"
            assert [line.decode() for line in one._longcmd("LANG")[1]] == [
                f"{t} {n}" for t, n in languages.NAMES.items()
            ]
            assert one._shortcmd("LANG ja").decode() == "+OK ja 日本語"
            assert one._shortcmd("UTF8").decode() == "+OK UTF-8 にします"
            one.user(ALICE)
            with pytest.raises(poplib.error_proto) as caught:
                one.pass_("かぎ")
            assert caught.value.args[0].decode() == "-ERR [AUTH] 認証に失敗しました"
            with pytest.raises(poplib.error_proto):
                one._shortcmd("LANG de")
            assert one._shortcmd("LANG *").decode() == "+OK en English"
            one.quit()

    serve(loop, mail_site, part)


@both
def test_pipelined_commands_are_answered_in_order(loop: str, mail_site: MailSite) -> None:
    raws = [letters.octets(n, f"number {n}") for n in range(1, 201)]
    mail_site.fill(raws)

    def part(port: int) -> None:
        context = tls.client_context()
        with (
            socket.create_connection(("127.0.0.1", port), 10) as plain,
            context.wrap_socket(plain, server_hostname=HOSTNAME) as sock,
            sock.makefile("rb") as lines,
        ):
            retrs = b"".join(b"RETR %d\r\n" % n for n in range(1, 201))
            sock.sendall(f"USER {ALICE}\r\nPASS {PASSWORD}\r\n".encode() + retrs + b"NOOP\r\nQUIT\r\n")
            assert [lines.readline()[:3] for _ in range(3)] == [b"+OK"] * 3
            for raw in raws:
                assert lines.readline() == b"+OK %d octets\r\n" % len(raw)
                assert lines.read(len(raw)) == raw
                assert lines.readline() == b".\r\n"
            assert [lines.readline()[:3] for _ in range(2)] == [b"+OK"] * 2
            with suppress(ssl.SSLEOFError):
                assert lines.read() == b""

    serve(loop, mail_site, part)


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
            with client(port, "bob@example.org"):
                with socket.create_connection(("127.0.0.1", port), 10) as bare:
                    with tls.client_context().wrap_socket(bare) as third, third.makefile("rb") as lines:
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
                    one._shortcmd("XYZZY")
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
        with client(port) as one:
            with pytest.raises((poplib.error_proto, OSError)):
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
    from hatoba.doors.pop3.counts import Counts

    assert {name: value for name, about, value in Counts(open=3).rows() if about and value} == {"open": 3}
    assert trouble.StoreTrouble("x").kind is not None

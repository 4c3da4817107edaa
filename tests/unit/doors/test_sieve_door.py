"""The ManageSieve door on real sockets and TLS: logging in, every command about scripts, and what is refused."""

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from tests.support import mail_site
from tests.support.loops import LOOPS, run, until
from tests.support.mail_site import ALICE, HOSTNAME, MailSite
from tests.support.smtp_site import PASSWORD

from hatoba.doors.sieve import door
from hatoba.doors.sieve.counts import Counts
from hatoba.doors.sieve.house import House
from hatoba.doors.sieve.settings import Listener, Settings
from hatoba.net import listen, tls
from hatoba.store.mailboxes import accounts, scripts

both = pytest.mark.parametrize("loop", LOOPS)
KEEP = 'require "fileinto";\r\nif header :contains "Subject" "x" { fileinto "Archive"; }\r\n'


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


class Client:
    """A plain client in the test's own loop."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def answer(self) -> str:
        """Lines up to and with OK, NO or BYE; literals inside are taken along."""
        said = ""
        while True:
            line = (await self.reader.readline()).decode()
            assert line, said
            while found := re.search(r"\{(\d+)\}\r\n\Z", line):
                line += (await self.reader.readexactly(int(found[1]))).decode()
                line += (await self.reader.readline()).decode()
            said += line
            if re.match(r"(OK|NO|BYE)\b", line):
                return said

    async def say(self, line: str) -> str:
        self.writer.write(line.encode() + b"\r\n")
        return await self.answer()

    async def put(self, name: str, script: str, verb: str = "PUTSCRIPT") -> str:
        octets = len(script.encode())
        named = f' "{name}"' if name else ""
        return await self.say(f"{verb}{named} {{{octets}+}}\r\n{script}")

    async def secure(self) -> str:
        assert (await self.say("STARTTLS")).startswith("OK")
        await self.writer.start_tls(tls.client_context(), server_hostname=HOSTNAME)
        return await self.answer()

    async def login(self, name: str = ALICE, secret: str = PASSWORD) -> str:
        said = base64.b64encode(f"\0{name}\0{secret}".encode()).decode()
        return await self.say(f'AUTHENTICATE "PLAIN" "{said}"')


@asynccontextmanager
async def connected(site: MailSite, made: House | None = None) -> AsyncIterator[tuple[Client, door.Door]]:
    listener = Listener(kind="sieve", port=0, address=("127.0.0.1",))
    made = made or house(site, cleartext=("127.0.0.1",))
    async with mail_site.opened(door.open_door(listen.bind("127.0.0.1", 0), listener, made)) as found:
        client = Client(*await asyncio.open_connection("127.0.0.1", found.port))
        try:
            yield client, found
        finally:
            client.writer.close()


@both
def test_nothing_before_tls(loop: str, mail_site: MailSite) -> None:
    async def main() -> None:
        async with connected(mail_site, house(mail_site)) as (client, _):
            greeting = await client.answer()
            assert '"SASL" ""\r\n' in greeting
            assert '"STARTTLS"\r\n' in greeting
            assert '"IMPLEMENTATION" "hatoba 0.0"\r\n' in greeting
            assert '"VERSION" "1.0"\r\n' in greeting
            assert (await client.login()).startswith("NO (ENCRYPT-NEEDED)")
            again = await client.secure()
            assert '"SASL" "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN"\r\n' in again
            assert "STARTTLS" not in again
            assert (await client.login()).startswith("OK")
            assert f'"OWNER" "{ALICE}"\r\n' in await client.say("CAPABILITY")
            assert await client.say("LISTSCRIPTS") == 'OK "Done"\r\n'
            assert (await client.say("UNAUTHENTICATE")).startswith("OK")
            assert (await client.say("LISTSCRIPTS")).startswith("NO")
            assert "OWNER" not in await client.say("CAPABILITY")
            assert (await client.say("LOGOUT")).startswith("OK")
            assert await client.reader.read() == b""

    run(loop, main())


@both
def test_every_command_about_scripts(loop: str, mail_site: MailSite) -> None:
    async def main() -> None:
        async with connected(mail_site) as (client, _):
            await client.answer()
            await client.login()
            assert (await client.say('HAVESPACE "mine" 1000')).startswith("OK")
            assert (await client.put("mine", KEEP)).startswith("OK")
            assert (await client.put("休暇", "keep;")).startswith("OK")
            assert (await client.say('SETACTIVE "mine"')).startswith("OK")
            assert await client.say("LISTSCRIPTS") == '"mine" ACTIVE\r\n"休暇"\r\nOK "Done"\r\n'
            assert await client.say('GETSCRIPT "mine"') == f'{{{len(KEEP)}}}\r\n{KEEP}\r\nOK "Done"\r\n'
            assert (await client.say('GETSCRIPT "none"')).startswith("NO (NONEXISTENT)")
            assert (await client.say('SETACTIVE "none"')).startswith("NO (NONEXISTENT)")
            assert (await client.say('DELETESCRIPT "mine"')).startswith("NO (ACTIVE)")
            assert (await client.say('RENAMESCRIPT "mine" "休暇"')).startswith("NO (ALREADYEXISTS)")
            assert (await client.say('RENAMESCRIPT "mine" "ours"')).startswith("OK")
            assert (await client.put("ours", "discard;")).startswith("OK")
            assert '"ours" ACTIVE\r\n' in await client.say("LISTSCRIPTS")
            assert (await client.say('SETACTIVE ""')).startswith("OK")
            assert (await client.say('DELETESCRIPT "ours"')).startswith("OK")
            assert (await client.say('DELETESCRIPT "ours"')).startswith("NO (NONEXISTENT)")
            assert await client.say('NOOP "place"') == 'OK (TAG "place") "Done"\r\n'
            assert await client.say("NOOP") == 'OK "Done"\r\n'

    run(loop, main())
    shard = mail_site.store.shard(ALICE)
    number = shard.look(lambda reader: accounts.find(reader, ALICE))
    assert number is not None
    assert [each.name for each in shard.look(lambda reader: scripts.all_of(reader, number))] == ["休暇"]


@both
def test_a_script_that_does_not_compile_is_not_kept(loop: str, mail_site: MailSite) -> None:
    made = house(mail_site, cleartext=("127.0.0.1",))

    async def main() -> None:
        async with connected(mail_site, made) as (client, _):
            await client.answer()
            await client.login()
            assert (await client.put("mine", "keep;")).startswith("OK")
            faulty = "keep;\r\nno such command;\r\nfileinto 7;\r\n"
            for verb, name in (("PUTSCRIPT", "mine"), ("CHECKSCRIPT", "")):
                said = await client.put(name, faulty, verb)
                assert said.startswith("NO ")
                assert "line 2" in said
            assert await client.put("", "keep;", "CHECKSCRIPT") == 'OK "Done"\r\n'
            assert "keep;" in await client.say('GETSCRIPT "mine"')

    run(loop, main())
    assert (made.counts.put, made.counts.faulty) == (1, 2)


@both
def test_what_an_account_may_keep(loop: str, mail_site: MailSite) -> None:
    made = house(mail_site, cleartext=("127.0.0.1",), scripts=2, script=1024, octets=1500)

    async def main() -> None:
        async with connected(mail_site, made) as (client, _):
            await client.answer()
            await client.login()
            long = "#" + "x" * 1000 + "\r\n"
            assert (await client.put("a", long)).startswith("OK")
            assert (await client.put("a", long)).startswith("OK"), "it replaces itself"
            assert (await client.put("b", long)).startswith("NO (QUOTA/MAXSIZE)")
            assert (await client.put("b", "#" * 1100)).startswith("NO (QUOTA/MAXSIZE)")
            assert (await client.say('HAVESPACE "b" 1100')).startswith("NO (QUOTA/MAXSIZE)")
            assert (await client.say('HAVESPACE "b" 400')).startswith("OK")
            assert (await client.put("b", "keep;")).startswith("OK")
            assert (await client.put("c", "keep;")).startswith("NO (QUOTA/MAXSCRIPTS)")
            assert (await client.say('HAVESPACE "c" 1')).startswith("NO (QUOTA/MAXSCRIPTS)")

    run(loop, main())


@both
def test_logins_that_fail(loop: str, mail_site: MailSite) -> None:
    async def main() -> None:
        async with connected(mail_site) as (client, _):
            await client.answer()
            assert (await client.login(secret="wrong")).startswith("NO")
            assert (await client.login("nobody@example.org")).startswith("NO")
            assert await client.say('AUTHENTICATE "PLAIN" "AA=="') == 'NO "Malformed authentication response"\r\n'
            client.writer.write(b'AUTHENTICATE "LOGIN"\r\n')
            assert await client.reader.readline() == b'"VXNlcm5hbWU6"\r\n'
            assert "cancelled" in await client.say('"*"')
            client.writer.write(b'AUTHENTICATE "LOGIN"\r\n')
            await client.reader.readline()
            assert "Not base64" in await client.say('"?"')
            for _ in range(4):
                assert (await client.login(secret="wrong")).startswith("NO")
            assert (await client.login()).startswith("NO (TRYLATER)")

    run(loop, main())


@both
def test_a_store_in_trouble(loop: str, mail_site: MailSite) -> None:
    async def main() -> None:
        async with connected(mail_site) as (client, _):
            await client.answer()
            await client.login()
            await client.put("mine", "keep;")
            shard = mail_site.store.shard(ALICE)
            await shard.do(lambda tx: tx.run("ALTER TABLE script RENAME TO away"))
            assert (await client.say("LISTSCRIPTS")).startswith("NO (TRYLATER)")
            assert (await client.put("mine", "discard;")).startswith("NO (TRYLATER)")
            await shard.do(lambda tx: tx.run("ALTER TABLE away RENAME TO script"))
            assert "keep;" in await client.say('GETSCRIPT "mine"')

    run(loop, main())


@both
def test_limits_errors_and_the_end(loop: str, mail_site: MailSite) -> None:
    made = house(mail_site, cleartext=("127.0.0.1",), connections=1, errors=2, login=0.3)

    async def main() -> None:
        async with connected(mail_site, made) as (client, found):
            await client.answer()
            other = Client(*await asyncio.open_connection("127.0.0.1", found.port))
            assert (await other.answer()).startswith("BYE (TRYLATER)")
            other.writer.close()
            assert (await client.say("XYZZY")).startswith("NO")
            assert (await client.say("GETSCRIPT")).startswith("NO")
            assert (await client.say("XYZZY")).startswith("BYE")
            assert await client.reader.read() == b""
            client.writer.close()
            await until(lambda: not made.counts.open)
            slow = Client(*await asyncio.open_connection("127.0.0.1", found.port))
            await slow.answer()
            assert (await slow.answer()).startswith("BYE")
            slow.writer.close()

    run(loop, main())
    assert (made.counts.turned_away, made.counts.timeouts, made.counts.open) == (1, 1, 0)


@both
def test_a_closing_door_says_bye(loop: str, mail_site: MailSite) -> None:
    async def main() -> None:
        async with connected(mail_site) as (client, found):
            await client.answer()
            await client.login()
            closing = asyncio.ensure_future(found.drain(5))
            assert (await client.answer()).startswith("BYE (TRYLATER)")
            await closing

    run(loop, main())


def test_a_bug_is_a_bye_with_an_id(mail_site: MailSite) -> None:
    async def main() -> None:
        made = house(mail_site, cleartext=("127.0.0.1",))
        async with connected(mail_site, made) as (client, found):
            await client.answer()
            await client.login()
            cast("Any", found.sessions[0]).place = None
            assert "Internal error" in await client.put("mine", "keep;")
            assert made.counts.faults == 1

    run("asyncio", main())
    assert "fault" in mail_site.log.events()


def test_starttls_without_a_certificate_is_not_offered(mail_site: MailSite) -> None:
    async def main() -> None:
        async with connected(mail_site, house(mail_site, with_tls=False)) as (client, _):
            assert "STARTTLS" not in await client.answer()
            assert (await client.say("STARTTLS")).startswith("NO")

    run("asyncio", main())


def test_counts_say_what_they_are() -> None:
    assert {name: value for name, about, value in Counts(put=3).rows() if about and value} == {"put": 3}

"""AUTH at the submission doors: every mechanism, nothing before TLS, failures slowed, then locked out."""

import asyncio
import base64
from typing import Any

import pytest
from tests.support.loops import LOOPS, run

from hatoba.net import tls
from hatoba.wire import sasl

both = pytest.mark.parametrize("loop", LOOPS)
PASSWORD = "correct horse"


def b64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def plain(name: str, password: str) -> str:
    return "AUTH PLAIN " + b64(f"\0{name}\0{password}")


@both
def test_submission_demands_tls_then_auth(loop: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        async with site.door("submission") as door, dial(door.port) as client:
            assert "AUTH" not in await client.greet()
            assert (await client.say(plain("alice@example.org", PASSWORD))).startswith("538 5.7.11")
            assert (await client.say("MAIL FROM:<alice@example.org>")).startswith("530 5.7.0")
            await client.secure()
            offered = await client.say("EHLO client.example")
            assert "AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN" in offered
            assert "FUTURERELEASE 604800 20" in offered
            assert (await client.say("MAIL FROM:<alice@example.org>")).startswith("530 5.7.0")
            assert await client.say(plain("alice@example.org", PASSWORD)) == "235 2.7.0 Authentication successful"
            assert (await client.say(plain("alice@example.org", PASSWORD))).startswith("503")
            assert (await client.say("MAIL FROM:<bob@example.org>")).startswith("550 5.7.1")
            said = await client.letter("x@elsewhere.example", sender="alice+tag@example.org")
            assert said.startswith("250 2.0.0 Ok: queued as")

    run(loop, main())
    letter = site.seam.letters[0]
    assert letter.source.account == "alice@example.org"
    assert letter.source.door == "submission"
    assert b"Date: " in letter.content
    assert PASSWORD not in repr(site.log.said)


@both
def test_login_and_scram(loop: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        async with site.door("submissions") as door:
            async with dial(door.port, tls.client_context()) as client:
                await client.greet()
                assert await client.say("AUTH LOGIN") == "334 " + b64("Username:")
                assert await client.say(b64("alice@example.org")) == "334 " + b64("Password:")
                assert (await client.say(b64(PASSWORD))).startswith("235")
            async with dial(door.port, tls.client_context()) as client:
                await client.greet()
                exchange = sasl.client("SCRAM-SHA-256", "bob@example.org", PASSWORD, nonce="fyko")
                said = await client.say("AUTH SCRAM-SHA-256 " + b64(exchange.initial() or b""))
                while said.startswith("334 "):
                    said = await client.say(b64(exchange.step(base64.b64decode(said[4:]))))
                assert said.startswith("235")
                assert exchange.done

    run(loop, main())
    assert site.houses[0].counts.logins == 2


@both
def test_wrong_unknown_and_disabled_are_told_alike(loop: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        async with site.door("submissions") as door, dial(door.port, tls.client_context()) as client:
            await client.greet()
            attempts = (("alice@example.org", "no"), ("nobody@example.org", PASSWORD), ("off@example.org", PASSWORD))
            said = {await client.say(plain(*attempt)) for attempt in attempts}
            assert said == {"535 5.7.8 Authentication credentials invalid"}
            exchange = sasl.client("SCRAM-SHA-256", "nobody@example.org", PASSWORD, nonce="fyko")
            first = await client.say("AUTH SCRAM-SHA-256 " + b64(exchange.initial() or b""))
            assert first.startswith("334 ")
            assert (await client.say(b64(exchange.step(base64.b64decode(first[4:]))))).startswith("535 5.7.8")

    run(loop, main())
    assert site.houses[0].counts.failed_logins == 4


@both
def test_cancelled_and_malformed_exchanges(loop: str, site: Any, dial: Any) -> None:
    async def main() -> None:
        async with site.door("submissions") as door, dial(door.port, tls.client_context()) as client:
            await client.greet()
            assert (await client.say("AUTH LOGIN")).startswith("334")
            assert (await client.say("*")).startswith("501 5.7.0")
            assert (await client.say("AUTH PLAIN " + b64("no nuls"))).startswith("501 5.5.2")
            assert (await client.say("AUTH PLAIN !!!")).startswith("501 5.5.2")
            assert (await client.say("AUTH NTLM")).startswith("504")
            assert (await client.say("AUTH XOAUTH2 " + b64("x"))).startswith("504")
            assert (await client.say("NOOP")).startswith("250")

    run(loop, main())


@both
def test_failures_lock_the_name_out_then_the_network(loop: str, site: Any, dial: Any) -> None:
    house = site.house(login={"failures": 2, "failures_per_ip": 4, "delay_most": 0.05})

    async def main() -> None:
        async with site.door("submissions", house=house) as door:
            async with dial(door.port, tls.client_context()) as client:
                await client.greet()
                for _ in range(2):
                    assert (await client.say(plain("alice@example.org", "no"))).startswith("535")
                assert (await client.say(plain("Alice@example.org", PASSWORD))).startswith("454 4.7.0")
                assert (await client.say(plain("bob@example.org", PASSWORD))).startswith("235")
            async with dial(door.port, tls.client_context()) as client:
                await client.greet()
                for _ in range(2):
                    assert (await client.say(plain("zoe@example.org", "no"))).startswith("535")
                assert (await client.say(plain("bob@example.org", PASSWORD))).startswith("421 4.7.0")
                assert await client.ended()

    run(loop, main())
    assert house.counts.locked_out == 2


async def scram(client: Any, name: str, password: str) -> str:
    """The last reply to a SCRAM exchange."""
    exchange = sasl.client("SCRAM-SHA-256", name, password, nonce="fyko")
    said = str(await client.say("AUTH SCRAM-SHA-256 " + b64(exchange.initial() or b"")))
    while said.startswith("334 "):
        said = await client.say(b64(exchange.step(base64.b64decode(said[4:]))))
    return said


@both
def test_neither_scram_nor_another_spelling_gives_more_tries(loop: str, site: Any, dial: Any) -> None:
    house = site.house(login={"failures": 2, "delay_most": 0.01})

    async def main() -> None:
        async with site.door("submissions", house=house) as door, dial(door.port, tls.client_context()) as client:
            await client.greet()
            for _ in range(2):
                assert (await scram(client, "alice@example.org", "no")).startswith("535")
            assert (await scram(client, "alice@example.org", PASSWORD)).startswith("454 4.7.0")
            for spelling in ('"alice"@example.org', r'"al\ice"@example.org', "ALICE@EXAMPLE.org"):
                assert (await client.say(plain(spelling, PASSWORD))).startswith("454 4.7.0"), spelling
            assert (await scram(client, "bob@example.org", PASSWORD)).startswith("235")

    run(loop, main())


@both
def test_a_failed_login_waits_longer_each_time(loop: str, site: Any, dial: Any) -> None:
    house = site.house(login={"delay": 0.02})

    async def main() -> list[float]:
        waits = []
        async with site.door("submissions", house=house) as door, dial(door.port, tls.client_context()) as client:
            await client.greet()
            now = asyncio.get_running_loop().time
            for name in ("a", "b", "c", "d"):
                start = now()
                assert (await client.say("AUTH PLAIN " + b64(f"\0{name}\0"))).startswith("535")  # no hash is computed
                waits.append(now() - start)
        return waits

    waits = run(loop, main())
    assert all(wait >= 0.02 * 2**n - 0.002 for n, wait in enumerate(waits))


@both
def test_only_so_many_passwords_wait(loop: str, site: Any, dial: Any) -> None:
    house = site.house(login={"waiting": 1})

    async def main() -> None:
        busy: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        house.login.checking.add(busy)
        async with site.door("submissions", house=house) as door, dial(door.port, tls.client_context()) as client:
            await client.greet()
            assert (await client.say(plain("alice@example.org", PASSWORD))).startswith("454 4.7.0")
            house.login.checking.discard(busy)
            assert (await client.say(plain("alice@example.org", PASSWORD))).startswith("235")

    run(loop, main())


@both
def test_bearer_tokens_through_the_hook(loop: str, site: Any, dial: Any) -> None:
    async def tokens(name: str, token: str) -> str:
        await asyncio.sleep(0)
        return "alice@example.org" if (name, token) == ("alice@example.org", "good") else ""

    house = site.house(tokens=tokens)

    def xoauth2(token: str) -> str:
        return "AUTH XOAUTH2 " + b64(f"user=alice@example.org\1auth=Bearer {token}\1\1")

    async def main() -> None:
        async with site.door("submissions", house=house) as door, dial(door.port, tls.client_context()) as client:
            assert "XOAUTH2 OAUTHBEARER" in await client.greet()
            assert (await client.say(xoauth2("bad"))).startswith("334 ")
            assert (await client.say("")).startswith("535")
            assert (await client.say(xoauth2("good"))).startswith("235")

    run(loop, main())

"""The exchange without a door: what each step comes to, by value."""

import asyncio
from typing import Any

import pytest

from hatoba.doors.login import answers
from hatoba.doors.login.exchange import Exchange
from hatoba.net.session import Later
from hatoba.wire import sasl

PASSWORD = "correct horse"
ALICE = "alice@example.org"


async def end(said: answers.Said) -> answers.Answer:
    """The answer, awaited as a pump would."""
    while isinstance(said, Later):
        await asyncio.wait([said.future])
        said = said.finish(said.future)
    return said


class Lines:
    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, object]]] = []

    def __call__(self, event: str, **fields: object) -> None:
        self.said.append((event, fields))


def exchange(house: Any, *, secured: bool = True, network: str = "192.0.2.1") -> tuple[Exchange, Lines]:
    lines = Lines()
    return Exchange(house.login, "imap", network, lines, secured=secured), lines


async def test_a_password_said_plainly(site: Any) -> None:
    made, lines = exchange(site.house())
    assert await end(made.password(ALICE, PASSWORD)) == answers.In(ALICE, ALICE, "plain")
    assert await end(made.password(ALICE, "no")) == answers.Wrong()
    assert await end(made.password("nobody@example.org", PASSWORD)) == answers.Wrong()
    assert await end(made.password("no\u00adbody\x00", PASSWORD)) == answers.Wrong()
    assert not made.running
    assert [event for event, _ in lines.said] == ["login", "login failed", "login failed", "login failed"]
    assert PASSWORD not in repr(lines.said)


async def test_nothing_before_tls(site: Any) -> None:
    house = site.house()
    made, _ = exchange(house, secured=False)
    assert house.login.mechanisms(secured=False) == ()
    assert made.password(ALICE, PASSWORD) == answers.Unoffered()
    assert made.begin("PLAIN", b"\0alice@example.org\0correct horse") == answers.Unoffered()
    assert not made.running


@pytest.mark.parametrize("mechanism", ["NTLM", "XOAUTH2", "plain", ""])
async def test_what_is_not_offered(site: Any, mechanism: str) -> None:
    made, _ = exchange(site.house())
    assert made.begin(mechanism, None) == answers.Unoffered()


async def test_steps(site: Any) -> None:
    made, _ = exchange(site.house())
    assert made.begin("PLAIN", None) == answers.Challenge(b"")
    assert await end(made.respond(f"\0{ALICE}\0{PASSWORD}".encode())) == answers.In(ALICE, ALICE, "PLAIN")
    assert not made.running
    assert made.begin("LOGIN", None) == answers.Challenge(b"Username:")
    assert made.respond(b"alice@example.org") == answers.Challenge(b"Password:")
    assert made.respond(None) == answers.Cancelled()
    assert not made.running
    assert made.begin("PLAIN", b"no nuls") == answers.Malformed()
    assert not made.running


async def test_scram_ends_in_the_servers_proof(site: Any) -> None:
    made, _ = exchange(site.house())
    client = sasl.client("SCRAM-SHA-256", ALICE, PASSWORD, nonce="fyko")
    said: answers.Said = made.begin("SCRAM-SHA-256", client.initial())
    while isinstance(said, answers.Challenge):
        said = made.respond(client.step(said.data))
    assert said == answers.In(ALICE, ALICE, "SCRAM-SHA-256")
    assert client.done


async def test_failures_count_over_exchanges_and_protocols(site: Any) -> None:
    house = site.house(login={"failures": 2, "failures_per_ip": 3, "delay": 0})
    made, _ = exchange(house)
    other = Exchange(house.login, "pop3", "192.0.2.1", Lines(), secured=True)
    assert await end(made.password(ALICE, "no")) == answers.Wrong()
    assert await end(other.password(ALICE, "no")) == answers.Wrong()
    assert await end(made.password('"alice"@example.org', PASSWORD)) == answers.Locked()
    assert await end(other.password("bob@example.org", "no")) == answers.Wrong()
    assert other.password("bob@example.org", PASSWORD) == answers.Shut()
    assert made.begin("PLAIN", None) == answers.Shut()
    elsewhere, _ = exchange(house, network="198.51.100.1")
    assert await end(elsewhere.password(ALICE, PASSWORD)) == answers.In(ALICE, ALICE, "plain")


async def test_busy(site: Any) -> None:
    house = site.house(login={"waiting": 1})
    made, _ = exchange(house)
    house.login.checking.add(asyncio.get_running_loop().create_future())
    assert made.password(ALICE, PASSWORD) == answers.Busy()
    house.login.checking.clear()
    assert await end(made.password(ALICE, PASSWORD)) == answers.In(ALICE, ALICE, "plain")


async def test_told_translates_what_comes_later(site: Any) -> None:
    made, _ = exchange(site.house())
    said = answers.told(made.password(ALICE, PASSWORD), lambda answer: type(answer).__name__)
    assert isinstance(said, Later)
    await asyncio.wait([said.future])
    assert said.finish(said.future) == "In"
    assert answers.told(answers.Cancelled(), lambda answer: type(answer).__name__) == "Cancelled"

"""The exchange without a door: what each step comes to, by value."""

import asyncio
from typing import Any

import pytest

from hatoba.directory import allowing, app_passwords
from hatoba.directory.access import Protocol
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


def exchange(
    house: Any, *, secured: bool = True, network: str = "192.0.2.1", protocol: Protocol = "imap"
) -> tuple[Exchange, Lines]:
    lines = Lines()
    return Exchange(house.login, protocol, network, lines, secured=secured), lines


def scram(made: Exchange, name: str, password: str) -> answers.Said:
    """A whole SCRAM exchange; its last answer."""
    client = sasl.client("SCRAM-SHA-256", name, password, nonce="fyko")
    said: answers.Said = made.begin("SCRAM-SHA-256", client.initial())
    while isinstance(said, answers.Challenge):
        said = made.respond(client.step(said.data))
    return said


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
    assert scram(made, ALICE, PASSWORD) == answers.In(ALICE, ALICE, "SCRAM-SHA-256")


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


async def test_an_app_password_for_one_protocol(site: Any) -> None:
    made, text = app_passwords.add(site.directory, ALICE, "phone", ["imap"], bytes(range(19)), 1)
    reading, lines = exchange(site.house())
    sending, refused = exchange(site.house(), protocol="smtp")
    for written in (text, text.replace("-", ""), text.upper() + " "):
        assert await end(reading.password(ALICE, written)) == answers.In(ALICE, ALICE, "plain", made.id)
    assert await end(sending.password(ALICE, text)) == answers.Wrong()
    assert refused.said[-1][1]["reason"] == "the app password 'phone' is not for smtp"
    assert scram(reading, ALICE, text) == answers.In(ALICE, ALICE, "SCRAM-SHA-256", made.id)
    assert scram(reading, ALICE, PASSWORD) == answers.In(ALICE, ALICE, "SCRAM-SHA-256")
    assert await end(scram(sending, ALICE, text)) == answers.Wrong()
    assert lines.said[0] == ("login", {"account": ALICE, "mechanism": "plain", "app_password": made.id})
    assert text not in repr(lines.said + refused.said)
    app_passwords.revoke(site.directory, ALICE, ["phone"])
    assert await end(reading.password(ALICE, text)) == answers.Wrong()
    assert await end(scram(reading, ALICE, text)) == answers.Wrong()


async def test_a_protocol_that_is_off(site: Any) -> None:
    async def tokens(name: str, token: str) -> str:
        return name

    allowing.switch(site.directory, ALICE, ["imap"], False, 1)
    house = site.house(tokens=tokens)
    made, lines = exchange(house)
    other, _ = exchange(house, protocol="pop3")
    assert await end(made.password(ALICE, PASSWORD)) == answers.Wrong()
    assert await end(scram(made, ALICE, PASSWORD)) == answers.Wrong()
    refused = await end(made.begin("XOAUTH2", b"user=alice@example.org\1auth=Bearer x\1\1"))
    assert isinstance(refused, answers.Challenge)
    assert await end(made.respond(b"")) == answers.Wrong()
    assert {str(fields["reason"]) for _, fields in lines.said} == {"imap is off for the account"}
    assert await end(other.password(ALICE, PASSWORD)) == answers.In(ALICE, ALICE, "plain")
    allowing.switch(site.directory, ALICE, ["imap"], True, 1)
    assert await end(made.password(ALICE, PASSWORD)) == answers.In(ALICE, ALICE, "plain")


async def test_the_last_login_of_each_kind_is_noted(site: Any) -> None:
    made, text = app_passwords.add(site.directory, ALICE, "phone", [], bytes(range(19)), 1)
    house = site.house()
    reading, _ = exchange(house)
    before = site.directory.snapshot()
    await end(reading.password(ALICE, PASSWORD))
    await end(reading.password(ALICE, text))
    scram(exchange(house, protocol="pop3")[0], ALICE, text)
    house.login.threads.shutdown()  # waits for what is being written
    rows = allowing.logins(site.directory)[ALICE]
    assert [(row.protocol, row.password) for row in rows] == [("imap", ""), ("imap", made.id), ("pop3", made.id)]
    assert site.directory.refresh(0) is False, "nobody loads the directory anew for a login"
    assert site.directory.snapshot() is before

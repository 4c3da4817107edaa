"""Aliases over real sockets: every refusal with its reply code, no relay, no bomb, no backscatter."""

from typing import Any

import pytest

from hatoba.directory import returns, roster
from hatoba.directory.aliases import Roll
from hatoba.directory.directory import Directory
from hatoba.directory.settings import Settings
from hatoba.model.address import Address

NOW = 1_700_000_000_000
SENDER = "carol@remote.example"


@pytest.fixture
def peopled(site: Any) -> Any:
    """The site with aliases, and narrow bounds."""
    returns.ensure(site.directory, b"s" * 32, NOW)
    for address, *targets in (
        ("info@example.org", "alice@example.org", "bob@example.org"),
        ("away@example.org", "away@far.example"),
        ("deep2@example.org", "info@example.org"),
        ("deep3@example.org", "deep2@example.org"),
        ("many@example.org", *(f"u{n}@far.example" for n in range(6))),
        ("gone@example.org", "reject 5.1.6 Moved away"),
        ("dead@example.org", "off@example.org"),
        ("null@example.org", "discard"),
    ):
        roster.add(site.directory, roster.shaped(site.directory, address, targets, NOW))
    members = ["bob@example.org", "x@far.example"]
    roll = Roll("alice@example.org", True)
    roster.add(site.directory, roster.shaped(site.directory, "closed@example.org", members, NOW, roll=roll))
    site.directory = Directory(site.register, Settings(alias_depth=2, alias_expansion=5), b"0123456789abcdef")
    return site


async def rcpt(dial: Any, port: int, to: str, sender: str = SENDER) -> str:
    """The reply to one RCPT."""
    async with dial(port) as client:
        await client.greet()
        assert (await client.say(f"MAIL FROM:<{sender}>")).startswith("250")
        said: str = await client.say(f"RCPT TO:<{to}>")
        return said


async def test_every_refusal_has_its_code(peopled: Any, dial: Any) -> None:
    async with peopled.door() as door:
        for to, sender, code in (
            ("info@example.org", SENDER, "250 2.1.5"),
            ("null@example.org", SENDER, "250 2.1.5"),
            ("nobody@example.org", SENDER, "550 5.1.1"),
            ("gone@example.org", SENDER, "550 5.1.6 Moved away"),
            ("dead@example.org", SENDER, "550 5.2.1"),
            ("deep2@example.org", SENDER, "250 2.1.5"),
            ("deep3@example.org", SENDER, "550 5.2.4"),
            ("many@example.org", SENDER, "550 5.2.4"),
            ("closed@example.org", SENDER, "550 5.7.2"),
            ("closed@example.org", "bob@example.org", "550 5.7.2"),
            ("closed@example.org", "x@far.example", "250 2.1.5"),
            ("closed@example.org", "", "250 2.1.5"),
            ("away@far.example", SENDER, "550 5.7.1"),
            ("SRS0=AAAAAA=AA=victim.example=v@example.org", "", "550 5.1.1"),
            ("SRS0=AAAAAA=AA=victim.example=v@far.example", "", "550 5.7.1"),
        ):
            assert (await rcpt(dial, door.port, to, sender)).startswith(code), (to, sender)
    assert peopled.seam.letters == []


async def test_a_return_address_is_no_relay(peopled: Any, dial: Any) -> None:
    async with peopled.door() as door, dial(door.port) as client:
        await client.greet()
        assert (await client.letter("away@example.org")).startswith("250")
        there = str(peopled.seam.letters[0].envelope.reverse(0))
        assert (await rcpt(dial, door.port, there)).startswith("550 5.7.1")
        assert (await rcpt(dial, door.port, there.replace("carol", "victim"), "")).startswith("550 5.1.1")
        assert (await client.letter(there.lower(), sender="")).startswith("250")
    bounce = peopled.seam.letters[1]
    assert [one.address for one in bounce.envelope.recipients] == [Address.parse(SENDER)]


async def test_no_room_left_is_for_now(peopled: Any, dial: Any) -> None:
    """Two and one and two fit; what comes then goes in another transaction."""
    async with peopled.door() as door, dial(door.port) as client:
        await client.greet()
        await client.say(f"MAIL FROM:<{SENDER}>")
        for to in ("info@example.org", "away@example.org", "closed@example.org"):
            code = "550 5.7.2" if to.startswith("closed") else "250"
            assert (await client.say(f"RCPT TO:<{to}>")).startswith(code)
        assert (await client.say("RCPT TO:<deep2@example.org>")).startswith("250")
        assert (await client.say("RCPT TO:<away+x@example.org>")).startswith("452 4.5.3")
        assert (await client.say("RCPT TO:<carol@example.org>")).startswith("250")
        assert (await client.say("DATA")).startswith("354")
        assert (await client.say("Subject: x\r\n\r\nhi\r\n.")).startswith("250")
    (made,) = peopled.seam.letters
    assert [str(one.address) for one in made.envelope.recipients] == [
        "alice@example.org",
        "bob@example.org",
        "away@far.example",
        "carol@example.org",
    ]


async def test_a_loop_ends_at_the_content(peopled: Any, dial: Any) -> None:
    async with peopled.door() as door, dial(door.port) as client:
        await client.greet()
        text = "Delivered-To: away@example.org\r\nSubject: x\r\n\r\nhi"
        assert (await client.letter("away@example.org", text=text)).startswith("554 5.4.6")
    assert peopled.seam.letters == []

"""Forwarded letters under our seal: the next host can see what was found here, and no other letter gets one."""

from collections.abc import Callable

import pytest
from tests.support import authentic, steps, zone

from hatoba.directory import returns, roster
from hatoba.directory.directory import Directory
from hatoba.directory.dkim.ring import Hand
from hatoba.intake import signature
from hatoba.intake.case import Client, Reverse
from hatoba.intake.desk import Desk
from hatoba.intake.filter_settings import Auth, Settings
from hatoba.intake.filters import build
from hatoba.intake.rewriting import sealing
from hatoba.intake.rewriting import settings as rewriting
from hatoba.intake.transaction import Transaction
from hatoba.mailauth import questions
from hatoba.mailauth.arc import chain
from hatoba.model.address import Address
from hatoba.model.envelope import Letter, Recipient, Source

NOW = authentic.NOW * 1000
HAND = Hand("example.org", (authentic.signer("example.org"),), ("example.org e",), ours=True)
Make = Callable[..., Desk]


@pytest.fixture
def take(desk: Make, directories: Callable[..., Directory]) -> Callable[..., tuple[Transaction, Letter]]:
    """Brings a letter in for one recipient."""
    directory = directories()
    returns.ensure(directory, b"s" * 32, NOW)
    roster.add(directory, roster.shaped(directory, "away@example.org", ["away@far.example"], NOW))
    roster.add(directory, roster.shaped(directory, "info@example.org", ["bob@example.org"], NOW))

    def taken(
        to: str = "away@example.org", content: bytes = authentic.genuine(), arc: bool = True, ip: str = authentic.IP
    ) -> tuple[Transaction, Letter]:
        look = zone.look(authentic.zone())
        filters = build.build(Auth(), Settings(), hostname="mx.example.org")
        house = desk(
            filters=filters, rewrite=rewriting.Settings(arc=arc), of=directory, relay_networks=("203.0.113.9",)
        )
        source = Source("mx", ip, 25, "mail.example.org")
        transaction = house.begin(source, Reverse(Address.parse("alice@example.org")), 7, NOW, client=Client())
        steps.ended(transaction.recipient(Recipient(Address.parse(to))), look)
        made = steps.ended(transaction.end(content, dotted=True, eightbit=False, now=NOW), look)
        assert isinstance(made, Letter)
        return transaction, made

    return taken


def judged(letter: Letter) -> chain.Chain:
    """The chain as the next host finds it."""
    assert letter.content is not None
    found = authentic.zone()
    return questions.run(chain.check(letter.content, now=authentic.NOW), zone.look(found))


def test_a_forward_is_sealed(take: Callable[..., tuple[Transaction, Letter]]) -> None:
    transaction, letter = take()
    assert transaction.ours
    size = letter.size
    wanted = signature.seal_of(letter)
    assert wanted is not None
    assert wanted.domain == "example.org"
    signature.sign(letter, HAND, (), NOW)
    assert letter.content is not None
    assert letter.size == len(letter.content) > size
    assert letter.content.startswith(b"ARC-Seal:")
    assert letter.content.count(b"DKIM-Signature:") == 1  # the author's own: we are not the author
    found = judged(letter)
    assert (found.result, found.instance) == ("pass", 1)
    assert b"i=1; mx.example.org" in letter.content
    assert b"dkim=pass" in letter.content.partition(b"Received:")[0]
    assert letter.notes is not None
    assert letter.notes.rewrites[-1] == ("sealed (ARC)", "", "example.org e")
    assert letter.signed == ()


def test_a_chain_goes_on(take: Callable[..., tuple[Transaction, Letter]]) -> None:
    _, letter = take()
    signature.sign(letter, HAND, (), NOW)
    again = letter.content or b""
    _, second = take(content=again)
    signature.sign(second, HAND, (), NOW)
    found = judged(second)
    assert (found.result, found.instance) == ("pass", 2)


def test_nothing_else_is(take: Callable[..., tuple[Transaction, Letter]]) -> None:
    for to, options in (
        ("away@example.org", {"arc": False}),
        ("info@example.org", {}),
        ("bob@example.org", {}),
        ("away@example.org", {"ip": "203.0.113.9"}),  # ours: signed, not sealed
    ):
        transaction, letter = take(to, **options)
        assert signature.seal_of(letter) is None
        assert transaction.ours == ("ip" in options)


def test_a_large_letter_goes_on_without(take: Callable[..., tuple[Transaction, Letter]]) -> None:
    _, letter = take()
    wanted = signature.seal_of(letter)
    assert wanted is not None
    letter.content = None
    assert not sealing.seal(letter, wanted, HAND.signers[0], NOW)

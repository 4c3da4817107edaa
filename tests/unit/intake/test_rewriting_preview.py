"""What rewriting would make of a letter, told beforehand: the same as it does, and nothing is taken in."""

from collections.abc import Callable

from hatoba.directory import returns, roster
from hatoba.directory.aliases import Roll
from hatoba.directory.directory import Directory
from hatoba.intake.case import Reverse
from hatoba.intake.desk import Desk
from hatoba.intake.rewriting.settings import Canonical, HeaderRule, Settings
from hatoba.model.address import Address
from hatoba.model.envelope import Letter, Recipient, Source

NOW = 1_700_000_000_000
MX = Source("mx", "192.0.2.1", 25, "client.example")
CONTENT = b"From: a@old.example\r\nDate: x\r\nMessage-ID: <1@b>\r\nSubject: Hi\r\n\r\nHello\r\n"
RULES = Settings(
    canonical=(Canonical("@old.example", "@new.example", letters="all"),),
    header=(HeaderRule("X-Rule", "add", value="yes"),),
)
Make = Callable[..., Desk]


def test_as_it_is_done(desk: Make, directories: Callable[..., Directory]) -> None:
    directory = directories()
    returns.ensure(directory, b"s" * 32, NOW)
    members = ["bob@example.org", "x@far.example"]
    for alias in (
        roster.shaped(directory, "team@example.org", members, NOW, roll=Roll("alice@example.org")),
        roster.shaped(directory, "away@example.org", ["away@far.example"], NOW),
        roster.shaped(directory, "null@example.org", ["discard"], NOW),
    ):
        roster.add(directory, alias)
    house = desk(rewrite=RULES, of=directory)
    mail = Reverse(Address.parse("s@old.example"))
    names = ("team@example.org", "away@example.org", "null@example.org", "alice@example.org", "nobody@example.org")
    people = [Recipient(Address.parse(name)) for name in names]
    told = house.preview(MX, mail, people, CONTENT, NOW)
    assert [(name, status.code) for name, status in told.refused] == [("nobody@example.org", "5.1.1")]
    assert told.sender == "s@new.example"
    assert b"X-Rule: yes\r\nFrom: a@new.example\r\n" in told.header
    transaction = house.begin(MX, mail, 1 << 60, NOW)
    for one in people[:-1]:
        transaction.recipient(one)
    made = transaction.end(CONTENT, dotted=False, eightbit=False, now=NOW)
    assert isinstance(made, Letter)
    envelope = made.envelope
    assert [(copy.to, copy.sender, copy.top, copy.ends) for copy in told.copies] == [
        (
            str(one.address),
            str(envelope.way(n).sender) if envelope.way(n).sender is not None else None,
            envelope.way(n).top,
            envelope.way(n).ends,
        )
        for n, one in enumerate(envelope.recipients)
    ]
    assert made.notes is not None
    assert told.rewrites == made.notes.rewrites


def test_a_letter_that_nobody_gets(desk: Make, directories: Callable[..., Directory]) -> None:
    directory = directories()
    roster.add(directory, roster.shaped(directory, "away@example.org", ["away@far.example"], NOW))
    people = [Recipient(Address.parse("away@example.org"))]
    looped = b"Delivered-To: away@example.org\r\n" + CONTENT
    told = desk(of=directory).preview(MX, Reverse(None), people, looped, NOW)
    assert [(name, status.code) for name, status in told.refused] == [("away@example.org", "5.4.6")]
    assert (told.copies, told.sender) == ([], "")

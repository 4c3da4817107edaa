"""Recipients that stand for others: who gets the letter, with which reverse-path, and whom it may not reach."""

from collections.abc import Callable

import pytest

from hatoba.directory import changes, returns, roster
from hatoba.directory.aliases import Roll
from hatoba.directory.directory import Directory
from hatoba.intake.case import Reverse
from hatoba.intake.desk import Desk
from hatoba.intake.rewriting.settings import Settings, Srs
from hatoba.intake.transaction import Transaction
from hatoba.model.address import Address
from hatoba.model.envelope import Letter, Recipient, Source
from hatoba.model.status import Refusal

NOW = 1_700_000_000_000
DAY = 86_400_000
NUMBER = 1 << 60
SALT = b"0123456789abcdef"
MX = Source("mx", "192.0.2.1", 25, "client.example")
ALICE = Source("submission", "2001:db8::1", 587, "laptop", "TLSv1.3 X", "alice@example.org")
PLAIN = b"From: a@b.example\r\nDate: x\r\nMessage-ID: <1@b>\r\nSubject: Hi\r\n\r\nHello\r\n"
SECRET = b"s" * 32
Make = Callable[..., Desk]
Directories = Callable[..., Directory]


@pytest.fixture
def directory(directories: Directories) -> Directory:
    """With aliases of every kind."""
    made = directories()
    returns.ensure(made, SECRET, NOW)
    for address, *targets in (
        ("info@example.org", "alice@example.org", "bob@example.org"),
        ("office@example.org", "bob@example.org"),
        ("away@example.org", "away@elsewhere.example"),
        ("both@example.org", "bob@example.org", "away@elsewhere.example"),
        ("null@example.org", "discard"),
        ("moved@example.org", "reject 5.1.6 Moved to x@y.example"),
        ("dead@example.org", "off@example.org"),
        ("@empty.example", "bob@example.org"),
    ):
        roster.add(made, roster.shaped(made, address, targets, NOW))
    members = ["bob@example.org", "x@one.example", "y@two.example"]
    roster.add(
        made, roster.shaped(made, "team@example.org", members, NOW, roll=Roll("alice@example.org", False, "Team"))
    )
    roster.add(made, roster.shaped(made, "closed@example.org", members, NOW, roll=Roll("", True)))
    return made


def begin(desk: Desk, sender: str = "carol@sender.example", source: Source = MX, **mail: object) -> Transaction:
    reverse = Reverse(Address.parse(sender) if sender else None, **mail)  # type: ignore[arg-type] # by name
    return desk.begin(source, reverse, NUMBER, NOW)


def letter(
    desk: Desk,
    to: str,
    sender: str = "carol@sender.example",
    source: Source = MX,
    content: bytes = PLAIN,
    notify: str = "",
    orcpt: str = "",
    **mail: object,
) -> Letter:
    transaction = begin(desk, sender, source, **mail)
    for one in to.split():
        transaction.recipient(Recipient(Address.parse(one), notify, orcpt))
    made = transaction.end(content, dotted=False, eightbit=False, now=NOW)
    assert isinstance(made, Letter)
    return made


def refused(desk: Desk, to: str, sender: str = "carol@sender.example", source: Source = MX) -> str:
    with pytest.raises(Refusal) as caught:
        begin(desk, sender, source).recipient(Recipient(Address.parse(to)))
    return caught.value.status.code


def names(made: Letter) -> list[str]:
    return [str(recipient.address) for recipient in made.envelope.recipients]


def rewrites(made: Letter) -> tuple[tuple[str, str, str], ...]:
    return made.notes.rewrites if made.notes is not None else ()


def test_an_account_needs_no_rewriting(desk: Make, directory: Directory) -> None:
    made = letter(desk(of=directory), "bob@example.org bob+x@example.org postmaster@example.org")
    assert names(made) == ["bob@example.org", "bob+x@example.org", "postmaster@example.org"]
    assert (made.envelope.ways, made.notes) == ((), None)


def test_an_alias_and_its_story(desk: Make, directory: Directory) -> None:
    made = letter(desk(of=directory), "info@example.org")
    assert names(made) == ["alice@example.org", "bob@example.org"]
    assert {recipient.orcpt for recipient in made.envelope.recipients} == {"rfc822;info@example.org"}
    assert made.envelope.way(0).top == b"X-Original-To: info@example.org\r\n"
    assert made.envelope.reverse(0) == Address.parse("carol@sender.example")
    assert rewrites(made) == (("alias", "info@example.org", "alice@example.org, bob@example.org"),)
    assert made.content is not None
    assert b"for <info@example.org>" in made.content  # who stands behind it is nobody's business
    assert b"bob" not in made.content


def test_each_recipient_once_however_it_is_reached(desk: Make, directory: Directory) -> None:
    made = letter(desk(of=directory), "bob@example.org info@example.org BOB@example.org office@example.org")
    assert names(made) == ["bob@example.org", "alice@example.org"]


def test_a_forward_has_a_return_address(desk: Make, directory: Directory) -> None:
    made = letter(desk(of=directory), "away@example.org")
    assert names(made) == ["away@elsewhere.example"]
    there = made.envelope.reverse(0)
    assert there is not None
    assert there.domain == "example.org"
    assert there.local.startswith("SRS0=")
    assert made.envelope.told(0) == made.envelope.sender == Address.parse("carol@sender.example")
    assert made.envelope.way(0).top == b"Delivered-To: away@example.org\r\n"
    assert ("SRS", "carol@sender.example", str(there)) in rewrites(made)
    assert ("forward", "away@example.org", "away@elsewhere.example") in rewrites(made)


def test_who_is_local_or_nobody_needs_none(desk: Make, directory: Directory) -> None:
    for sender, source in (("alice@example.org", ALICE), ("", MX), ("x@example.net", MX)):
        made = letter(desk(of=directory), "away@example.org", sender, source)
        assert made.envelope.reverse(0) == made.envelope.sender
    local = letter(desk(of=directory), "both@example.org")
    assert local.envelope.reverse(0) == Address.parse("carol@sender.example")  # bob's copy stays here
    assert local.envelope.reverse(1) != local.envelope.reverse(0)


def test_srs_by_the_settings(desk: Make, directory: Directory) -> None:
    off = letter(desk(of=directory, rewrite=Settings(srs=Srs(enabled=False))), "away@example.org")
    assert off.envelope.reverse(0) == off.envelope.sender
    elsewhere = desk(of=directory, rewrite=Settings(srs=Srs(domain="bounces.example", hash=10)))
    there = letter(elsewhere, "away@example.org").envelope.reverse(0)
    assert there is not None
    assert there.domain == "bounces.example"
    assert len(there.local.split("=")[1]) == 10
    assert names(letter(elsewhere, str(there), "")) == [
        "carol@sender.example"
    ]  # though no such domain is in the directory
    short = letter(
        desk(of=directory, rewrite=Settings(srs=Srs(longest=64))), "away@example.org", f"{'c' * 60}@s.example"
    )
    assert short.envelope.reverse(0) == short.envelope.sender
    assert ("SRS not applied", f"{'c' * 60}@s.example", "") in rewrites(short)


def test_a_bounce_finds_its_way_back(desk: Make, directory: Directory) -> None:
    there = letter(desk(of=directory), "away@example.org").envelope.reverse(0)
    back = letter(desk(of=directory), str(there), "")
    assert names(back) == ["carol@sender.example"]
    assert back.envelope.sender is None
    assert rewrites(back) == (("SRS reversed", str(there), "carol@sender.example"),)
    assert names(letter(desk(of=directory), str(there).lower(), "")) == ["carol@sender.example"]


def test_a_return_address_is_no_relay_for_strangers(desk: Make, directory: Directory) -> None:
    house = desk(of=directory)
    there = str(letter(house, "away@example.org").envelope.reverse(0))
    assert refused(house, there) == "5.7.1"  # bounces only
    assert refused(house, there.replace("=carol", "=victim"), "") == "5.1.1"
    assert refused(house, there.replace("=sender.example", "=victim.example"), "") == "5.1.1"
    assert refused(house, "SRS0=AAAAAA=AA=victim.example=x@example.org", "") == "5.1.1"
    assert refused(house, "SRS1=AAAAAA=victim.example==x=y=z@example.org", "") == "5.1.1"
    assert refused(house, "SRS0=AAAAAA=AA=victim.example=x@nowhere.example", "") == "5.7.1"
    assert refused(desk(of=directory, rewrite=Settings(srs=Srs(enabled=False))), there, "") == "5.1.1"
    lax = desk(of=directory, rewrite=Settings(srs=Srs(any_sender=True)))
    assert names(letter(lax, there)) == ["carol@sender.example"]


def test_a_return_address_grows_stale(desk: Make, directory: Directory) -> None:
    house = desk(of=directory)
    there = letter(house, "away@example.org").envelope.reverse(0)
    assert there is not None
    late = house.begin(MX, Reverse(None), NUMBER, NOW + 22 * DAY)
    with pytest.raises(Refusal) as caught:
        late.recipient(Recipient(there))
    assert caught.value.status.code == "5.7.1"


def test_return_addresses_of_the_host_behind_us(desk: Make, directory: Directory) -> None:
    """example.net is passed on: what its host writes, its host reads."""
    theirs = "SRS0=AAAA=BB=x.example=y@example.net"
    assert names(letter(desk(of=directory), theirs, "")) == [theirs]


def test_a_list(desk: Make, directory: Directory) -> None:
    made = letter(desk(of=directory), "team@example.org", ret="FULL", envid="id", notify="FAILURE", orcpt="rfc822;t@x")
    assert names(made) == ["bob@example.org", "x@one.example", "y@two.example"]
    owner = Address.parse("alice@example.org")
    for n in range(3):
        assert (made.envelope.reverse(n), made.envelope.told(n)) == (owner, owner)
        assert made.envelope.way(n).anew
        assert made.envelope.recipients[n].notify == "FAILURE"
        assert made.envelope.recipients[n].orcpt == ""
    top = made.envelope.way(1).top
    assert top == (
        b"Delivered-To: team@example.org\r\nList-Id: Team <team.example.org>\r\n"
        b"List-Post: <mailto:team@example.org>\r\nPrecedence: list\r\n"
    )
    assert made.envelope.way(0).top == b"X-Original-To: team@example.org\r\n" + top
    listed = PLAIN.replace(b"Subject", b"List-ID: <other.example>\r\nSubject")
    assert b"List-Id" not in letter(desk(of=directory), "team@example.org", content=listed).envelope.way(1).top


def test_what_comes_back_to_a_list_goes_to_its_owner(desk: Make, directory: Directory) -> None:
    made = letter(desk(of=directory), "team@example.org", "")
    assert names(made) == ["alice@example.org"]
    assert made.envelope.told(0) is None


def test_only_members_may_write_to_a_closed_list(desk: Make, directory: Directory) -> None:
    house = desk(of=directory)
    assert len(names(letter(house, "closed@example.org", "x@one.example"))) == 3
    assert refused(house, "closed@example.org") == "5.7.2"
    assert refused(house, "closed@example.org", "bob@example.org") == "5.7.2"  # bob would have logged in
    assert refused(house, "closed@example.org", "alice@example.org", ALICE) == "5.7.2"
    bob = Source("submission", "2001:db8::1", 587, "laptop", "TLSv1.3 X", "bob@example.org")
    assert len(names(letter(house, "closed@example.org", "bob@example.org", bob))) == 3
    inside = desk(of=directory, relay_networks=("192.0.2.0/24",))
    assert len(names(letter(inside, "closed@example.org", "bob@example.org"))) == 3
    roster.add(directory, roster.shaped(directory, "door@example.org", ["closed@example.org"], NOW))
    assert refused(house, "door@example.org") == "5.7.2"  # nor round the back


def test_success_is_told_where_it_ends(desk: Make, directory: Directory) -> None:
    """RFC 3461 §5.2.7: one target carries the wish on, several answer it with "expanded", a list with "delivered"."""
    house = desk(of=directory)
    one = letter(house, "office@example.org", notify="SUCCESS,FAILURE", orcpt="rfc822;o@x.example")
    assert [(r.notify, r.orcpt) for r in one.envelope.recipients] == [("SUCCESS,FAILURE", "rfc822;o@x.example")]
    several = letter(house, "info@example.org", notify="SUCCESS,FAILURE")
    assert [r.notify for r in several.envelope.recipients] == ["SUCCESS", "FAILURE", "FAILURE"]
    assert several.envelope.way(0).ends == "expanded"
    assert names(several)[0] == "info@example.org"
    alone = letter(house, "info@example.org", notify="SUCCESS")
    assert [r.notify for r in alone.envelope.recipients] == ["SUCCESS", "NEVER", "NEVER"]
    listed = letter(house, "team@example.org", notify="SUCCESS")
    assert listed.envelope.way(0).ends == "listed"
    assert [r.notify for r in listed.envelope.recipients] == ["SUCCESS", "FAILURE", "FAILURE", "FAILURE"]
    never = letter(house, "info@example.org", notify="NEVER")
    assert [r.notify for r in never.envelope.recipients] == ["NEVER", "NEVER"]


def test_ends(desk: Make, directory: Directory) -> None:
    house = desk(of=directory)
    made = letter(house, "null@example.org", notify="SUCCESS")
    assert names(made) == ["null@example.org"]
    assert made.envelope.way(0).ends == "discarded"
    assert rewrites(made) == (("discarded", "null@example.org", "null@example.org (nowhere)"),)
    assert refused(house, "moved@example.org") == "5.1.6"
    assert refused(house, "dead@example.org") == "5.2.1"
    assert refused(house, "nobody@example.org") == "5.1.1"
    assert names(letter(house, "anybody@empty.example")) == ["bob@example.org"]
    roster.pause(directory, "office@example.org", ["bob@example.org"], True)
    assert refused(house, "office@example.org") == "5.2.1"


def test_expansion_has_bounds(desk: Make, directory: Directory, directories: Directories) -> None:
    narrow = desk(of=directories(alias_expansion=2))
    assert len(names(letter(narrow, "info@example.org"))) == 2
    assert refused(narrow, "team@example.org") == "5.2.4"
    transaction = begin(narrow)
    transaction.recipient(Recipient(Address.parse("info@example.org")))
    with pytest.raises(Refusal) as caught:
        transaction.recipient(Recipient(Address.parse("both@example.org")))
    assert caught.value.status.code == "4.5.3"  # there is room in the next transaction
    transaction.recipient(Recipient(Address.parse("info@example.org")))  # said twice, counted once
    roster.add(directory, roster.shaped(directory, "a@example.org", ["office@example.org"], NOW))
    assert refused(desk(of=directories(alias_depth=1)), "a@example.org") == "5.2.4"


def test_a_forward_that_comes_back_is_a_loop(desk: Make, directory: Directory) -> None:
    back = b"Delivered-To: AWAY@example.org\r\n" + PLAIN
    transaction = begin(desk(of=directory))
    transaction.recipient(Recipient(Address.parse("away@example.org")))
    with pytest.raises(Refusal) as caught:
        transaction.end(back, dotted=False, eightbit=False, now=NOW)
    assert caught.value.status.code == "5.4.6"
    made = letter(desk(of=directory), "away@example.org bob@example.org", content=back)
    assert names(made) == ["bob@example.org"]
    assert ("left out: it was here before", "away@example.org", "away@elsewhere.example") in rewrites(made)


def test_a_route_in_a_local_part_is_not_carried_on(desk: Make, directory: Directory) -> None:
    roster.remove(directory, "@empty.example")
    roster.add(directory, roster.shaped(directory, "@empty.example", ["@example.net"], NOW))
    house = desk(of=directory)
    assert names(letter(house, "user@empty.example")) == ["user@example.net"]
    for local in ("victim%target.example", "target.example!victim", '"victim@target.example"'):
        assert refused(house, f"{local}@empty.example") == "5.7.1"


def test_beyond_ascii_behind_an_alias(desk: Make, directory: Directory) -> None:
    roster.add(directory, roster.shaped(directory, "jp@example.org", ["\u9ce9@elsewhere.example"], NOW))
    assert refused(desk(of=directory), "jp@example.org") == "5.6.7"
    assert names(letter(desk(of=directory), "jp@example.org", smtputf8=True)) == ["\u9ce9@elsewhere.example"]


def test_an_alias_opens_no_relay(desk: Make, directory: Directory) -> None:
    house = desk(of=directory)
    for address in ("x@elsewhere.example", "away@elsewhere.example", "away+x@elsewhere.example"):
        assert refused(house, address) == "5.7.1"
    assert names(letter(house, "away+x@example.org")) == ["away@elsewhere.example"]


def test_a_new_alias_counts_at_once(desk: Make, directory: Directory, directories: Directories) -> None:
    house = desk(of=directory)
    assert refused(house, "fresh@example.org") == "5.1.1"
    roster.add(directories(), roster.shaped(directory, "fresh@example.org", ["bob@example.org"], NOW))
    assert names(letter(house, "fresh@example.org")) == ["bob@example.org"]
    changes.add_domain(directories(), "brandnew.example", "local", NOW)
    roster.add(directories(), roster.shaped(directories(), "@brandnew.example", ["bob@example.org"], NOW))
    assert names(letter(house, "x@brandnew.example")) == ["bob@example.org"]


def test_our_own_letters_find_aliases_and_return_addresses(desk: Make, directory: Directory) -> None:
    house = desk(of=directory)
    there = letter(house, "away@example.org").envelope.reverse(0)
    for to, expected in (
        ("info@example.org", ["alice@example.org", "bob@example.org"]),
        ("team@example.org", ["alice@example.org"]),  # a list's owner, never its members
        (str(there), ["carol@sender.example"]),
        ("bob@example.org", ["bob@example.org"]),
        ("nobody@example.org", ["nobody@example.org"]),
        ("x@y.example", ["x@y.example"]),
        ("SRS0=AAAAAA=AA=x.example=y@example.org", ["SRS0=AAAAAA=AA=x.example=y@example.org"]),
    ):
        made = letter(house, "bob@example.org", "")
        made.envelope = type(made.envelope)(None, (Recipient(Address.parse(to), "NEVER"),))
        assert names(house.readdress(made, NOW)) == expected
        assert {recipient.notify for recipient in made.envelope.recipients} == {"NEVER"}

"""SRS: a way back for every sender, for nobody else's, and not for ever."""

import base64
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.intake.rewriting import srs
from hatoba.intake.rewriting.srs import BadReturn, Srs
from hatoba.model.address import Address, BadAddress

NOW = 1_700_000_000_000
DAY = 86_400_000
ONE, TWO = b"1" * 32, b"2" * 32
SIGNER = Srs([ONE])
ALICE = Address("alice", "sender.example")

# Every local part that is one, the carriers' forms among them.
LOCALS = st.text(min_size=1, max_size=40).filter(lambda text: parsed(text) is not None)
PLAIN = st.from_regex(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,40}", fullmatch=True)
DOMAINS = st.sampled_from(["x.example", "sub.sender.example", "docomo.ne.jp", "[192.0.2.1]", "[IPv6:2001:db8::1]"])


def parsed(local: str, domain: str = "x.example") -> Address | None:
    try:
        return Address.parse(str(Address(local, domain)))
    except BadAddress:
        return None


def flip(text: str) -> str:
    """A-Z and a-z changed over, as hosts on the way may do."""
    return "".join(c.swapcase() if c.isascii() else c for c in text)


@given(LOCALS | PLAIN, DOMAINS, st.integers(0, 1 << 43), st.integers(0, 21))
def test_there_and_back_for_every_local_part(local: str, domain: str, now: int, days: int) -> None:
    sender = Address(local, domain)
    there = Srs([ONE], longest=1000).forward(sender, "here.example", now)
    if there is None:  # no path can hold it
        assert len(str(sender)) > 150
        return
    wire = str(there)
    assert len(wire.encode()) <= 254
    assert Address.parse(wire) == there
    assert SIGNER.reverse(Address.parse(wire), now + days * DAY) == sender


@given(LOCALS | PLAIN, DOMAINS)
def test_case_on_the_way_does_not_matter(local: str, domain: str) -> None:
    sender = Address(local, domain)
    there = SIGNER.forward(sender, "here.example", NOW)
    if there is None or not local.isascii():
        return
    back = SIGNER.reverse(Address(flip(there.local), "here.example"), NOW)
    assert (back.local, back.domain) == (flip(local), domain.lower() if domain[0] != "[" else domain)


def test_the_carriers_forms_survive() -> None:
    for written in ("a..b@docomo.ne.jp", "a.@ezweb.ne.jp", '"a..b"@docomo.ne.jp'):
        sender = Address.parse(written)
        there = SIGNER.forward(sender, "here.example", NOW)
        assert there is not None
        assert str(there).startswith('"SRS0=')
        assert SIGNER.reverse(Address.parse(str(there)), NOW) == sender


def test_the_form() -> None:
    there = SIGNER.forward(ALICE, "here.example", NOW)
    assert there is not None
    tag, signed, day, domain, local = there.local.split("=", 4)
    assert (tag, len(signed), len(day), domain, local) == ("SRS0", 6, 2, "sender.example", "alice")
    assert there.domain == "here.example"
    other = Srs([ONE], width=12).forward(ALICE, "here.example", NOW)
    assert other is not None
    assert len(other.local.split("=")[1]) == 12


def test_forwarded_again_and_again_it_grows_once() -> None:
    first = SIGNER.forward(ALICE, "first.example", NOW)
    assert first is not None
    second_host, third_host = Srs([TWO]), Srs([b"3" * 32])
    second = second_host.forward(first, "second.example", NOW)
    assert second is not None
    assert second.local.startswith("SRS1=")
    assert second.local.split("=")[2:4] == ["first.example", ""]
    third = third_host.forward(second, "third.example", NOW)
    assert third is not None
    assert third.domain == "third.example"
    assert len(third.local) == len(second.local)
    for host, address in ((third_host, third), (second_host, second)):
        assert host.reverse(address, NOW) == first  # straight to the first forwarder, who knows the sender
    assert SIGNER.reverse(first, NOW) == ALICE


@pytest.mark.parametrize("separator", ["+", "-"])
def test_other_separators_of_others(separator: str) -> None:
    theirs = Address(f"SRS0{separator}HHHH=TT=sender.example=alice", "first.example")
    there = SIGNER.forward(theirs, "here.example", NOW)
    assert there is not None
    assert there.local.endswith(f"=first.example={separator}HHHH=TT=sender.example=alice")
    assert SIGNER.reverse(there, NOW) == theirs


def test_it_ends_after_its_days() -> None:
    there = SIGNER.forward(ALICE, "here.example", NOW)
    assert there is not None
    assert SIGNER.reverse(there, NOW + 21 * DAY) == ALICE
    assert SIGNER.reverse(there, NOW - DAY) == ALICE  # another node's clock
    for now in (NOW + 22 * DAY, NOW + 500 * DAY, NOW - 2 * DAY):
        with pytest.raises(BadReturn) as caught:
            SIGNER.reverse(there, now)
        assert caught.value.stale


def test_secrets_in_turn() -> None:
    old = SIGNER.forward(ALICE, "here.example", NOW)
    both = Srs([TWO, ONE])
    assert old is not None
    assert both.reverse(old, NOW) == ALICE
    new = both.forward(ALICE, "here.example", NOW)
    assert new is not None
    assert Srs([TWO]).reverse(new, NOW) == ALICE
    for signer, address in ((SIGNER, new), (Srs([TWO]), old)):
        with pytest.raises(BadReturn, match="not made here"):
            signer.reverse(address, NOW)
    with pytest.raises(ValueError, match="secret"):
        Srs([])


def test_nothing_of_it_can_be_changed() -> None:
    there = SIGNER.forward(ALICE, "here.example", NOW)
    assert there is not None
    tag, signed, day, domain, local = there.local.split("=", 4)
    for parts in (
        (tag, signed, day, domain, "bob"),
        (tag, signed, day, "victim.example", local),
        (tag, signed, "AA", domain, local),
        (tag, "AAAAAA", day, domain, local),
        (tag, signed[:-1], day, domain, local),
        (tag, signed[:3], day, domain, local),
        (tag, "", day, domain, local),
        ("SRS1", signed, day, domain, local),
    ):
        with pytest.raises(BadReturn):
            SIGNER.reverse(Address("=".join(parts), "here.example"), NOW)


def test_a_short_hash_is_not_believed_though_its_characters_are_right() -> None:
    """What `width` asks for is the least: 4 characters could be guessed a thousand times sooner than 6."""
    short = Srs([ONE], width=4).forward(ALICE, "here.example", NOW)
    assert short is not None
    with pytest.raises(BadReturn):
        SIGNER.reverse(short, NOW)
    long = Srs([ONE], width=10).forward(ALICE, "here.example", NOW)
    assert long is not None
    assert SIGNER.reverse(long, NOW) == ALICE


@given(st.text(max_size=60))
def test_rubbish_is_refused(text: str) -> None:
    for local in (text, f"SRS0={text}", f"SRS1={text}", f"srs0+{text}", f"SRS0=AAAAAA=AA=x.example={text}"):
        with pytest.raises(BadReturn):
            SIGNER.reverse(Address(local, "here.example"), NOW)


@pytest.mark.parametrize("local", ["SRS0", "SRS0=", "SRS2=x", "SRSX=a", "alice", "", "SRS0xabc"])
def test_what_has_not_the_form(local: str) -> None:
    assert not srs.tagged(local)


def test_too_long_is_not_made() -> None:
    sender = Address("x" * 60, "some.long.domain.name.of.a.sender.example")
    assert Srs([ONE], longest=64).forward(sender, "here.example", NOW) is None
    made = SIGNER.forward(sender, "here.example", NOW)
    assert made is not None
    assert len(made.local) > 64
    assert Address.parse(str(made)) == made  # and it is taken when it comes back
    with pytest.raises(BadAddress):
        Address.parse("y" * 65 + "@here.example")
    assert SIGNER.forward(sender, f"{'a' * 60}.{'b' * 60}.{'c' * 60}.example", NOW) is None


def test_the_hash_is_a_keyed_one() -> None:
    there = SIGNER.forward(ALICE, "here.example", NOW)
    assert there is not None
    _, signed, day, _, _ = there.local.split("=", 4)
    plain = "\0".join((day, "sender.example", "alice")).casefold().encode()
    assert signed == base64.b32encode(hmac.digest(ONE, plain, "sha256")).decode()[:6]

"""Who signs which letter, and that the signature is good: small letters, and large ones read in pieces."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import signed
from tests.support import zone as zones
from tests.unit.intake.conftest import NOW, SALT

from hatoba.directory import changes as people
from hatoba.directory.directory import Directory
from hatoba.directory.dkim import changes
from hatoba.directory.dkim.making import Made
from hatoba.directory.dkim.ring import Hand, Ring
from hatoba.directory.dkim.settings import Settings
from hatoba.directory.settings import Settings as DirectorySettings
from hatoba.intake import signature
from hatoba.kit import sealing
from hatoba.mailauth import questions
from hatoba.mailauth.dkim import keys, sign, verify
from hatoba.model.envelope import Envelope, Letter, Source
from hatoba.store import directory as rows
from hatoba.store.settings import Settings as StoreSettings

ORG = "example.org"
MASTER = sealing.Master(b"m" * 32)
BOTH = (f"{ORG} 1-rsa", f"{ORG} 1-ed25519")
SIGNERS = (sign.Signer(ORG, "1-rsa", signed.rsa_key()), sign.Signer(ORG, "1-ed25519", signed.ed25519_key()))
HAND = Hand(ORG, SIGNERS, BOTH, ours=True, slow=True)
LOOK = zones.look(
    {f"{signer.selector}._domainkey.{ORG}": {"TXT": [keys.record(signer.key).encode()]} for signer in SIGNERS}
)


@pytest.fixture
def directory(data: Path) -> Iterator[Directory]:
    """example.org has keys that sign, empty.example keys that wait, example.net none; carol is at empty.example."""
    register = rows.attach(data, StoreSettings())
    directory = Directory(register, DirectorySettings(), SALT)
    made = [Made("1-rsa", signed.rsa_key()), Made("1-ed25519", signed.ed25519_key())]
    changes.add(directory, MASTER, ORG, made, NOW, bytes, signs=NOW)
    changes.add(directory, MASTER, "empty.example", made, NOW, bytes)
    people.add_account(directory, "carol@empty.example", "correct horse", SALT, NOW)
    yield directory
    register.close()


Choose = Callable[..., Hand]


@pytest.fixture
def choose(directory: Directory) -> Choose:
    def call(header_from: str, account: str = "", content: bytes | None = b"", **settings: object) -> Hand:
        ring = Ring(directory, Settings(**settings), lambda: MASTER, lambda key, why: None)  # type: ignore[arg-type]
        return signature.choose(letter(content, header_from, account), ring, directory, NOW)

    return call


def letter(content: bytes | None, header_from: str = f"alice@{ORG}", account: str = "") -> Letter:
    source = Source("submission" if account else "mx", account=account)
    return Letter(1, NOW, NOW, Envelope(None, ()), source, len(content or b""), content, header_from=header_from)


def results(content: bytes) -> list[tuple[str, str]]:
    found = questions.run(verify.check(content, now=NOW // 1000), LOOK)
    return [(result.selector, result.result) for result in found]


@pytest.mark.parametrize(
    ("header_from", "account"),
    [
        ("alice@example.org", "alice@example.org"),
        ("Alice <ALICE@Example.ORG>", "alice@example.org"),
        ('"a@elsewhere.example" <bob@example.org>', "alice@example.org"),
        ("news@news.example.org", "alice@example.org"),
        ("alice@example.org", ""),
        ("a@elsewhere.example, alice@example.org", ""),
    ],
)
def test_letters_of_ours_are_signed_by_the_author_domain(choose: Choose, header_from: str, account: str) -> None:
    hand = choose(header_from, account)
    assert (hand.domain, hand.names) == (ORG, BOTH)


@pytest.mark.parametrize(
    ("header_from", "account", "why", "ours"),
    [
        ("x@elsewhere.example", "", "", False),
        ("", "", "", False),
        ("nobody", "alice@example.org", "", False),
        ("x@example.net", "", "example.net has no DKIM key: hatoba dkim new example.net", True),
        ("carol@empty.example", "carol@empty.example",
         "the DKIM keys of empty.example wait to be published: hatoba dns empty.example", True),
        ("alice@example.org", "carol@empty.example",
         "carol@empty.example may not speak for example.org (dkim.any_author)", False),
    ],
)  # fmt: skip
def test_the_others_are_not(choose: Choose, header_from: str, account: str, why: str, ours: bool) -> None:
    hand = choose(header_from, account)
    assert (hand.signers, hand.why, hand.ours) == ((), why, ours)


def test_an_account_may_be_trusted_with_every_domain(choose: Choose) -> None:
    assert choose("alice@example.org", "carol@empty.example", any_author=True).names == BOTH


def test_a_long_from_is_read_whole(choose: Choose) -> None:
    name = "An-extraordinarily-long-name." * 12
    content = f"From: {name} <alice@{ORG}>\r\n\r\nx".encode()
    assert choose(f"{name} <alice@{ORG}>"[:320], content=content).names == BOTH


def test_a_small_letter() -> None:
    one = letter(signed.LETTER)
    signature.sign(one, HAND, (), NOW)
    assert one.content is not None
    assert one.content.endswith(signed.LETTER)
    assert one.size == len(one.content)
    assert one.signed == BOTH
    assert results(one.content) == [("1-rsa", "pass"), ("1-ed25519", "pass")]


def test_a_fields_order_and_lifetime() -> None:
    brief = msgspec.structs.replace(SIGNERS[1], lifetime=60, stamped=False)
    one = letter(signed.LETTER)
    signature.sign(one, Hand(ORG, (brief,), BOTH[1:]), (), NOW)
    assert one.content is not None
    field = one.content.partition(b"\r\nReceived")[0]
    assert b" t=" not in field
    assert b"\tt=" not in field
    assert b"x=%d;" % (NOW // 1000 + 60) in field
    assert results(one.content) == [("1-ed25519", "pass")]
    late = questions.run(verify.check(one.content, now=NOW // 1000 + 61), LOOK)
    assert late[0].result != "pass"


def cut(content: bytes, places: Sequence[int]) -> list[bytes]:
    at = [0, *sorted(place % (len(content) + 1) for place in places), len(content)]
    return [content[a:b] for a, b in itertools.pairwise(at)]


@given(
    st.lists(st.integers(0, 10_000), max_size=6),
    st.binary(max_size=300).map(lambda octets: octets.replace(b"\r", b"").replace(b"\n", b"\r\n")),
    st.sampled_from([b"", b"Authentication-Results: mx.example.org; none\r\n"]),
    st.sampled_from(["relaxed", "simple"]),
)
def test_a_large_letter_is_signed_as_a_small_one(places: list[int], body: bytes, top: bytes, form: str) -> None:
    content = signed.LETTER + body
    signer = msgspec.structs.replace(SIGNERS[1], body_form=form)
    hand = Hand(ORG, (signer,), BOTH[1:])
    large = letter(None)
    large.size, large.top = len(top + content), top
    signature.sign(large, hand, cut(content, places), NOW)
    small = letter(top + content)
    signature.sign(small, hand, (), NOW)
    assert large.top + content == small.content
    assert large.size == small.size
    assert results(large.top + content) == [("1-ed25519", "pass")]


@pytest.mark.parametrize("content", [b"", b"\r\n", b"From: a@example.org\r\n", b"no header at all", b"\r\nbody"])
def test_odd_letters_are_signed_like_any(content: bytes) -> None:
    large = letter(None)
    signature.sign(large, HAND, [content] if content else [], NOW)
    small = letter(content)
    signature.sign(small, HAND, (), NOW)
    assert large.top + content == small.content

"""TLSA records: which are usable, and what they match."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import certificates

from hatoba.mailauth.tlsa import records
from hatoba.mailauth.tlsa.records import Tlsa

LEAF = certificates.make("leaf", names=["mx.example.org"])
D1, D2 = bytes(32), bytes(64)


@pytest.mark.parametrize(
    "record",
    [(0, 0, 1, D1), (1, 1, 1, D1), (4, 1, 1, D1), (255, 1, 1, D1), (3, 2, 1, D1), (3, 1, 3, D1), (3, 1, 1, D2),
    (3, 1, 2, D1),
     (3, 1, 1, b""), (3, 0, 0, b""), (3, 0, 0, b"\x30\x03ab"), (2, 1, 0, b"\x02\x00"), (3, 0, 0, LEAF.der + b"x")],
)  # fmt: skip
def test_unusable(record: tuple[int, int, int, bytes]) -> None:
    assert records.usable([record]) == ()


def test_usable() -> None:
    listed = [(3, 1, 1, D1), (2, 0, 2, D2), (3, 0, 0, LEAF.der), (2, 1, 0, LEAF.spki), (0, 0, 1, D1), (3, 1, 1, D1)]
    assert records.usable(listed) == tuple(Tlsa(*each) for each in listed[:4])


def test_only_the_strongest_digest_of_a_kind_counts() -> None:
    listed = [(3, 1, 1, D1), (3, 1, 2, D2), (3, 0, 1, D1), (2, 1, 1, D1), (3, 1, 0, LEAF.spki)]
    assert records.usable(listed) == tuple(Tlsa(*each) for each in listed[1:])


@pytest.mark.parametrize("selector", [0, 1])
def test_matching(selector: int) -> None:
    chosen = LEAF.spki if selector else LEAF.der
    assert Tlsa(3, selector, 0, chosen).matches(LEAF.der)
    assert Tlsa(3, selector, 1, hashlib.sha256(chosen).digest()).matches(LEAF.der)
    assert Tlsa(3, selector, 2, hashlib.sha512(chosen).digest()).matches(LEAF.der)
    assert not Tlsa(3, 1 - selector, 1, hashlib.sha256(chosen).digest()).matches(LEAF.der)


@given(st.binary(max_size=40), st.integers(0, 400), st.integers(0, 255))
def test_a_key_is_found_or_not_whatever_stands_there(octets: bytes, at: int, value: int) -> None:
    broken = bytearray(LEAF.der)
    broken[at % len(broken)] = value
    for each in (octets, bytes(broken), LEAF.der[: at % len(broken)]):
        found = records.spki(each)
        assert not found or found in each
    assert records.spki(LEAF.der) == LEAF.spki

"""Contents packed, encrypted and read again; what cannot be read says why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.journal import contents
from hatoba.journal.settings import Audit
from hatoba.kit import sealing

MASTER, OTHER = sealing.Master(bytes(range(32))), sealing.Master(bytes(32))
drawn = iter(range(1 << 30))


def draw(count: int) -> bytes:
    return next(drawn).to_bytes(count, "big")


@given(st.binary(max_size=2000), st.booleans())
def test_there_and_back(octets: bytes, encrypt: bool) -> None:
    keep = contents.keeping(Audit(content="whole", encrypt=encrypt), MASTER, draw)
    assert keep is not None
    data = keep.pack(77, octets)
    assert contents.sealed(data) is encrypt
    assert contents.opened(77, data, MASTER) == octets
    assert len(data) <= len(octets) + 32


def test_nothing_is_kept_unless_it_shall_be() -> None:
    assert contents.keeping(Audit(), MASTER, draw) is None
    keep = contents.keeping(Audit(content="headers", content_most=2048), None, draw)
    assert keep is not None
    assert (keep.kind, keep.most) == ("headers", 2048)
    with pytest.raises(contents.BadContent, match="needs the master key"):
        contents.keeping(Audit(content="whole", encrypt=True), None, draw)


def test_what_cannot_be_read() -> None:
    keep = contents.keeping(Audit(content="whole", encrypt=True), MASTER, draw)
    assert keep is not None
    data = keep.pack(77, b"secret" * 20)
    assert b"secret" not in data
    for letter, octets, key, why in (
        (77, data, None, "the master key is not here"),
        (77, data, OTHER, "another master key"),
        (78, data, MASTER, "another owner"),
        (77, data[:-1] + b"\0", MASTER, "changed"),
        (77, b"z" + b"junk", None, "damaged"),
        (77, b"?", None, "does not know"),
        (77, b"", None, "does not know"),
    ):
        with pytest.raises(contents.BadContent, match=why):
            contents.opened(letter, octets, key)


def test_a_bomb_is_bounded() -> None:
    import zlib

    data = b"z" + zlib.compress(bytes(100 * 1024 * 1024), 9)
    assert len(contents.opened(1, data, None)) == 64 * 1024 * 1024

"""Secrets under a master key: only its owner's name opens them, only with that key, only unchanged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.kit import sealing

KEY, NONCE = bytes(range(32)), b"n" * sealing.NONCE
MASTER = sealing.Master(KEY)


@given(
    st.binary(max_size=4000),
    st.text(max_size=100).filter(lambda text: text.isprintable()),
    st.binary(min_size=12, max_size=12),
)
def test_what_is_sealed_can_be_opened(secret: bytes, owner: str, nonce: bytes) -> None:
    sealed = MASTER.seal(secret, owner, nonce)
    assert MASTER.open(sealed, owner) == secret
    assert len(secret) < 16 or secret not in sealed[1 + len(nonce) :]


@given(st.data())
def test_one_changed_bit_closes_it(data: st.DataObject) -> None:
    sealed = bytearray(MASTER.seal(b"the secret of example.org", "dkim example.org s", NONCE))
    at = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[at // 8] ^= 1 << at % 8
    with pytest.raises(sealing.BadSeal):
        MASTER.open(bytes(sealed), "dkim example.org s")


def test_it_belongs_to_its_owner_and_its_key() -> None:
    sealed = MASTER.seal(b"secret", "dkim example.org a", NONCE)
    with pytest.raises(sealing.BadSeal, match="another master key or for another owner"):
        MASTER.open(sealed, "dkim example.org b")
    with pytest.raises(sealing.BadSeal):
        sealing.Master(b"x" * 32).open(sealed, "dkim example.org a")
    with pytest.raises(sealing.BadSeal, match="nothing that was sealed"):
        MASTER.open(b"", "dkim example.org a")
    with pytest.raises(ValueError, match="a nonce has 12"):
        MASTER.seal(b"secret", "x", b"short")


def test_a_master_key_as_people_write_it() -> None:
    assert sealing.read(sealing.written(KEY)) == KEY
    assert sealing.read(f"# a note\n{sealing.written(KEY)}\n") == KEY
    assert sealing.read(KEY.hex().upper()) == KEY
    for wrong in ("", "short", "!" * 44, sealing.written(KEY[:31]), "zz" * 32):
        with pytest.raises(sealing.BadSeal):
            sealing.read(wrong)
    with pytest.raises(sealing.BadSeal, match="32 octets, not 16"):
        sealing.Master(b"x" * 16)


def test_the_mark_tells_keys_apart_and_shows_none() -> None:
    assert MASTER.mark == sealing.Master(KEY).mark != sealing.Master(b"x" * 32).mark
    assert repr(MASTER) == f"<Master {MASTER.mark}>"
    assert KEY.hex() not in MASTER.mark

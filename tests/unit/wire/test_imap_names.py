"""Mailbox names on the wire."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.wire.imap import names

TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp")), max_size=40)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),  # RFC 3501 §5.1.3
        ("Entwürfe", b"Entw&APw-rfe"),
        ("a & b", b"a &- b"),
        ("😀", b"&2D3eAA-"),
        ("plain", b"plain"),
    ],
)
def test_modified_utf7(name: str, written: bytes) -> None:
    assert names.encode(name) == written
    assert names.decode(written, utf8=False) == name


@given(TEXT)
def test_there_and_back(name: str) -> None:
    normal = names.normal(name)
    written = names.encode(normal)
    assert written.isascii()
    assert len(written) > names.MOST or names.decode(written, utf8=False) == normal
    assert names.decode(normal.encode(), utf8=True) == normal


@pytest.mark.parametrize(
    "written",
    [b"a&b", b"&", b"&!-", b"&AGE-", b"&U9-", b"&2D0-", b"&A-", b"\xff", b"a\x01", b"&AAo-", b"x" * 1025, b"&====-"],
)
def test_no_name(written: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 # which of them is told to nobody
        names.decode(written, utf8=False)


def test_one_form_inside() -> None:
    decomposed = unicodedata.normalize("NFD", "Entwürfe")
    assert names.decode(decomposed.encode(), utf8=True) == "Entwürfe"
    assert names.decode(b"iNbOx", utf8=False) == "INBOX"
    assert names.decode(b"inbox/Sub", utf8=False) == "INBOX/Sub"
    assert names.decode(b"inboxes", utf8=False) == "inboxes"
    assert names.decode(b"a&b", utf8=True) == "a&b"
    assert names.decode("受信".encode(), utf8=False) == "受信"  # what clients send without having asked
